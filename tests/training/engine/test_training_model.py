from __future__ import annotations

import numpy as np
import pytest

import cnnzoo
from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.errors import ConfigError
from cnnzoo.training.checks import check_config
from cnnzoo.training.job import Job
from cnnzoo.training.settings import Settings

COUNT, CLASSES = 24, 10
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (COUNT, 8, 8, 1), dtype=np.uint8)
LABELS = RNG.integers(0, CLASSES, COUNT, dtype=np.int32)
NAMES = tuple("0123456789")

PLAIN = [
    {"Rescaling": 1 / 255},
    "Flatten",
    {"Dense": {"units": "$classes", "activation": "softmax"}},
]
# Everything whose dtype is not that of a layer alone: an activation that is one, a composite.
LAYERS = [
    {"Rescaling": 1 / 255},
    {"Conv2D": {"filters": 4, "kernel_size": 3, "activation": {"LeakyReLU": 0.1}}},
    {"Residual": {"layers": [{"Conv2D": [4, 3, 1, "same"]}, "BatchNormalization"]}},
    "Flatten",
    {"Dropout": 0.1},
    {"Dense": {"units": "$classes"}},
    "Softmax",
]


def training_model(settings=None, layers=PLAIN, **training):
    import keras

    from cnnzoo.training.engine.training_model import make_training_model

    config = cnnzoo.Config.model_validate(
        {
            "name": "any",
            "model": {"input_shape": [8, 8, 1], "classes": CLASSES, "layers": layers},
            "data": {"name": "digits"},
            "training": {"epochs": 2, "batch_size": 8, **training},
        }
    )
    keras.utils.set_random_seed(0)
    checked = check_config(config)
    assert checked.head
    dataset = Dataset("any", NAMES, {"train": Examples(IMAGES, LABELS)}, "", {})
    job = Job(config, dataset, checked.architecture, checked.head, settings or Settings(8))
    return make_training_model(job, 3)


def fit(made):
    logs = made.compiled_model.fit(IMAGES, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert all(np.isfinite(logs.history["loss"]))
    return logs.history["loss"]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_head_computes_and_the_export_model_keeps_in_float32(precision, tmp_path):
    import keras

    made = training_model(Settings(8, 1, precision), LAYERS)
    half = precision.removeprefix("mixed_")
    dtypes = [layer.compute_dtype for layer in made.model.layers]
    # The composite is a model, whose own dtype says nothing of its layers.
    assert [*dtypes[:2], *dtypes[3:]] == [half, half, half, half, "float32", "float32"]
    assert {layer.output.dtype for layer in made.model.layers[2].layers} == {half}
    assert made.model.layers[1].activation.compute_dtype == half
    assert {weight.dtype for weight in made.model.weights} == {"float32"}
    before = made.model.get_weights()
    fit(made)
    assert any(
        (old != new).any() for old, new in zip(before, made.model.get_weights(), strict=True)
    )
    assert keras.config.dtype_policy().name == "float32"

    made.updated_export_model().save(tmp_path / "model.keras")
    saved = keras.saving.load_model(tmp_path / "model.keras")
    assert {layer.dtype_policy.name for layer in saved.layers} == {"float32"}
    for kept, trained in zip(saved.get_weights(), made.model.get_weights(), strict=True):
        assert np.array_equal(kept, trained)
    expected = made.model.predict(IMAGES, verbose=0)
    assert saved.predict(IMAGES, verbose=0) == pytest.approx(
        expected, abs=1e-6 if precision == "float32" else 0.02
    )


def test_every_precision_begins_with_the_same_weights():
    begun = [
        training_model(Settings(8, 1, precision), LAYERS).model.get_weights()
        for precision in ("float32", "mixed_bfloat16")
    ]
    for single, mixed in zip(*begun, strict=True):
        assert np.array_equal(single, mixed)


def test_float16_scales_the_loss_and_its_state_is_the_optimizers():
    made = training_model(
        Settings(8, 1, "mixed_float16"), optimizer={"SGD": {"learning_rate": 0.01, "use_ema": True}}
    )
    optimizer = made.compiled_model.optimizer
    assert type(optimizer).__name__ == "LossScaleOptimizer"
    losses = fit(made)
    assert losses[0] < 10, "the loss that is shown is not scaled"
    names = [variable.path for variable in optimizer.variables]
    assert any("dynamic_scale" in name for name in names)
    assert any("average" in name for name in names)
    assert int(optimizer.iterations) >= 3, "most gradients are finite"


# ── recipes ────────────────────────────────────────────────────────────────────────────────────

COSINE = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": "$steps"}}


@pytest.mark.parametrize(
    "optimizer",
    [
        {"SGD": {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True, "clipnorm": 1}},
        {"AdamW": {"learning_rate": {"one_cycle": 0.01}, "weight_decay": 1e-3}},
        {"Adam": {"learning_rate": {"warmup_cosine": 2e-3}, "gradient_accumulation_steps": 2}},
        {"RMSprop": {"learning_rate": COSINE, "global_clipnorm": 1, "use_ema": True}},
        {"Lion": {"learning_rate": 1e-4, "clipvalue": 0.5}},
        "Muon",
    ],
    ids=lambda optimizer: next(iter(optimizer)) if isinstance(optimizer, dict) else optimizer,
)
def test_a_recipe_trains(optimizer):
    made = training_model(optimizer=optimizer, callbacks=[{"EarlyStopping": {"patience": 3}}])
    fit(made)
    assert type(made.callbacks[0]).__name__ == "EarlyStopping"


def test_a_schedule_by_name_ends_with_the_training():
    made = training_model(optimizer={"SGD": {"learning_rate": {"one_cycle": 0.5}}}, epochs=10)
    rates = [float(made.compiled_model.optimizer._learning_rate(step)) for step in range(31)]
    assert rates[0] == pytest.approx(0.5 / 25)
    assert rates.index(max(rates)) == 9
    assert max(rates) == pytest.approx(0.5)
    assert rates[30] == pytest.approx(0.5 * 4e-6, rel=1e-2)
    assert rates[:10] == sorted(rates[:10])
    assert rates[9:] == sorted(rates[9:], reverse=True)


@pytest.mark.parametrize("loss", [None, "CategoricalCrossentropy"])
def test_labels_are_smoothed(loss):
    """By the formula of Szegedy et al., 2016: (1 - s) of the label, s of the mean of all."""
    made = training_model(label_smoothing=0.2, **({"loss": loss} if loss else {}))
    probabilities = np.asarray(made.compiled_model(IMAGES, training=False))
    measured = made.compiled_model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    logs = np.log(probabilities)
    expected = -0.8 * logs[np.arange(COUNT), LABELS] - 0.2 * logs.mean(axis=1)
    assert measured["loss"] == pytest.approx(expected.mean(), rel=1e-4)
    assert measured["accuracy"] == pytest.approx(np.mean(probabilities.argmax(axis=1) == LABELS))
    fit(made)


@pytest.mark.parametrize("loss", ["CategoricalHinge", "KLDivergence", "MeanSquaredError", "Dice"])
def test_a_loss_that_takes_one_value_a_class_gets_that(loss):
    import keras

    made = training_model(loss=loss)
    measured = made.compiled_model.evaluate(
        IMAGES, LABELS, verbose=0, return_dict=True, batch_size=COUNT
    )
    probabilities = made.model.predict(IMAGES, verbose=0)
    one_hot = np.eye(CLASSES, dtype=np.float32)[LABELS]
    expected = getattr(keras.losses, loss)()(one_hot, probabilities)
    assert measured["loss"] == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"loss": "Poisson"}, "Poisson has no label smoothing"),
        ({"loss": "SparseCategoricalCrossentropy"}, "has no label smoothing"),
        (
            {"loss": {"CategoricalCrossentropy": {"label_smoothing": 0.1}}},
            "is set in training and in CategoricalCrossentropy",
        ),
    ],
)
def test_smoothing_that_a_loss_cannot_do_is_refused(training, message):
    with pytest.raises(ConfigError, match=message):
        training_model(label_smoothing=0.1, **training)


def test_steps_at_once_end_where_steps_alone_end():
    """The last execution of an epoch has fewer steps than the others."""
    ends = []
    for steps in (1, 2):
        made = training_model(Settings(8, steps))
        fit(made)
        ends.append(made.model.get_weights())
    for alone, together in zip(*ends, strict=True):
        assert alone == pytest.approx(together, abs=1e-6)
