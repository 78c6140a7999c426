from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.datasets.dataset import Examples
from cnnzoo.training.batches import to_measure, to_train

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
        keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy", jit_compile=False, **compiling
    )
    return model


def weights_after(epochs: range) -> np.ndarray:
    """What single steps through these epochs, one batch after another, lead to."""
    model, batches = small_model(), to_train(examples(), BATCH, seed=3)
    for epoch in epochs:
        batches.begin(epoch)
        for step in range(len(batches)):
            model.train_on_batch(*batches[step])
    return model.get_weights()[0]


@pytest.fixture(params=["_tf_dataset", "_Sequence"])
def feed(request):
    """Both ways to feed; TensorFlow takes the other one too."""
    from cnnzoo.training import feeding

    return getattr(feeding, request.param)


def fit(feed, model, epochs, callbacks=(), **arguments):
    import keras

    batches = to_train(examples(), BATCH, seed=3)
    begin = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: batches.begin(epoch))
    return model.fit(
        feed(batches),
        initial_epoch=epochs.start,
        epochs=epochs.stop,
        callbacks=[begin, *callbacks],
        shuffle=False,
        verbose=0,
        **arguments,
    )


@pytest.mark.parametrize("epochs", [range(3), range(2, 4)], ids=["new", "resumed"])
@pytest.mark.parametrize("at_once", [1, 3])
def test_each_epoch_takes_its_own_batches_once_and_in_order(feed, epochs, at_once):
    model = small_model(steps_per_execution=at_once)
    fit(feed, model, epochs)
    np.testing.assert_allclose(model.get_weights()[0], weights_after(epochs), rtol=1e-5)


def test_the_order_of_epochs_shows_in_the_weights():
    assert not np.allclose(weights_after(range(3)), weights_after(range(1, 4)), rtol=1e-3)


def test_validation_sees_all_of_its_examples_in_every_epoch(feed):
    import keras

    measured = []
    whole = examples()

    class Measure(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            probabilities = np.asarray(self.model(whole.images))
            chosen = probabilities[np.arange(18), whole.labels]
            measured.append((logs["val_loss"], -np.log(chosen).mean()))

    model = small_model()
    fit(feed, model, range(3), [Measure()], validation_data=feed(to_measure(whole)))
    assert len(measured) == 3
    for told, true in measured:
        assert told == pytest.approx(true, rel=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], weights_after(range(3)), rtol=1e-5)


def test_a_training_that_stops_early_has_seen_whole_epochs(feed):
    import keras

    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=0, min_delta=100.0)
    model = small_model()
    history = fit(feed, model, range(10), [stop])
    assert len(history.epoch) == 2
    np.testing.assert_allclose(model.get_weights()[0], weights_after(range(2)), rtol=1e-5)


def test_weights_of_classes_weigh_the_training_loss_only(feed):
    model = small_model()
    history = fit(
        feed,
        model,
        range(1),
        class_weight={0: 0.0, 1: 0.0},
        validation_data=feed(to_measure(examples())),
    ).history
    assert history["loss"] == [0.0]
    assert history["val_loss"][0] == pytest.approx(np.log(2))
    assert not model.get_weights()[0].any(), "what weighs nothing teaches nothing"
