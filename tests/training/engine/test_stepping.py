from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.datasets.dataset import Examples
from cnnzoo.training.engine.batches import ordered_batches, shuffled_batches
from cnnzoo.training.engine.stepping import make_stepper

BATCH = 4  # of 18 examples: 5 steps, the last one smaller


def examples() -> Examples:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (18, 3, 3, 1), dtype=np.uint8)
    return Examples(images, rng.integers(0, 2, 18, dtype=np.int32))


def small_model(**compiling):
    import keras

    model = keras.Sequential(
        [
            keras.Input((3, 3, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros"),
        ]
    )
    # Each step is taken from where the one before ended: the weights tell every order apart.
    model.compile(
        keras.optimizers.SGD(1.0),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
        **compiling,
    )
    return model


def training_batches(weights=None):
    return shuffled_batches(examples(), BATCH, seed=3, weights=weights)


def weights_after(epochs: range) -> np.ndarray:
    """What single steps through these epochs, one batch after another, lead to."""
    model, batches = small_model(), training_batches()
    for epoch in epochs:
        batches.start_epoch(epoch)
        for step in range(len(batches)):
            model.train_on_batch(*batches[step])
    return model.get_weights()[0]


@pytest.mark.parametrize(("at_once", "told"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (9, [5])])
def test_an_epoch_takes_its_own_batches_once_and_in_order(at_once, told):
    model, batches = small_model(steps_per_execution=at_once), training_batches()
    stepper = make_stepper(model, batches)
    for epoch in range(2, 4):
        batches.start_epoch(epoch)
        assert [step for step, _ in stepper.train(batches, 0)] == told
    stepper.sync()
    np.testing.assert_allclose(model.get_weights()[0], weights_after(range(2, 4)), rtol=1e-5)


@pytest.mark.parametrize("at_once", [1, 2])
def test_an_epoch_that_begins_inside_itself_ends_the_same(at_once):
    """To the last bit, its metrics too."""
    whole, parted = (small_model(steps_per_execution=at_once) for _ in range(2))
    batches = training_batches()
    *_, (_, wanted) = make_stepper(whole, batches).train(batches, 0)
    first, second = make_stepper(parted, batches), make_stepper(parted, batches)
    for step, _ in first.train(batches, 0):
        if step == 2:
            break
    *_, (last, logs) = second.train(batches, 2)
    assert last == 5
    assert {name: float(value) for name, value in logs.items()} == {
        name: float(value) for name, value in wanted.items()
    }
    np.testing.assert_array_equal(whole.get_weights()[0], parted.get_weights()[0])


def test_the_order_of_epochs_shows_in_the_weights():
    assert not np.allclose(weights_after(range(3)), weights_after(range(1, 4)), rtol=1e-3)


def test_a_step_is_compiled_once_for_batches_of_any_size():
    model, batches = small_model(), training_batches()
    stepper, calls = make_stepper(model, batches), []
    call = model.call
    model.call = lambda *words, **more: (calls.append(1), call(*words, **more))[1]
    for _ in stepper.train(batches, 0):
        pass
    assert len(calls) <= 1


def test_a_measurement_takes_all_examples_and_changes_nothing():
    model, whole = small_model(), examples()
    batches = ordered_batches(whole)
    stepper = make_stepper(model, training_batches())
    for _ in stepper.train(training_batches(), 0):
        pass
    stepper.sync()
    before = model.get_weights()
    model.reset_metrics()
    *_, (_, logs) = stepper.test(batches)
    stepper.sync()
    chosen = np.asarray(model(whole.images))[np.arange(18), whole.labels]
    assert float(logs["loss"]) == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    np.testing.assert_equal(model.get_weights(), before)


def test_weights_of_classes_weigh_the_training_loss():
    model, batches = small_model(), training_batches(np.zeros(2, np.float32))
    *_, (_, logs) = make_stepper(model, batches).train(batches, 0)
    assert float(logs["loss"]) == 0.0
    assert not model.get_weights()[0].any(), "what weighs nothing teaches nothing"


def test_variables_are_there_before_the_first_step():
    model = small_model()
    make_stepper(model, training_batches())
    assert model.optimizer.built
    assert len(model.metrics_variables) == 4


def test_no_second_program_is_made_for_the_shorter_last_batch(monkeypatch):
    import keras

    if keras.backend.backend() != "tensorflow":
        pytest.skip("of TensorFlow")
    model, batches = small_model(), training_batches()
    step, traced = model.train_step, []
    monkeypatch.setattr(model, "train_step", lambda data: traced.append(data) or step(data))
    stepper = make_stepper(model, batches)
    assert [done for done, _ in stepper.train(batches, 0)] == [1, 2, 3, 4, 5]
    programs = len(traced)
    batches.start_epoch(1)
    assert [done for done, _ in stepper.train(batches, 0)] == [1, 2, 3, 4, 5]
    assert len(traced) == programs
    images, _ = traced[-1]
    assert images.shape[0] is None
