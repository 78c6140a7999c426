from __future__ import annotations

import json

import numpy as np
import pytest

from cnnzoo.architecture.head import BINARY, CATEGORICAL
from cnnzoo.architecture.labels import (
    INDICES,
    LOSSES,
    METRICS,
    better,
    check_measures,
    directed_callbacks,
    label_form,
    measured_names,
    metric_name,
)
from cnnzoo.config import catalogue
from cnnzoo.config.calls import Call
from cnnzoo.config.loader import load_config
from cnnzoo.errors import ConfigError

HEADS = (CATEGORICAL, BINARY)
# Arguments without which a metric cannot be made, or is refused.
ARGUMENTS = {
    "F1Score": {"average": "macro"},
    "FBetaScore": {"average": "weighted"},
    "BinaryIoU": {"target_class_ids": (0, 1)},
    "IoU": {"num_classes": 3, "target_class_ids": (0,), "sparse_y_pred": False},
    "MeanIoU": {"num_classes": 3, "sparse_y_pred": False},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": (0,)},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SparseTopKCategoricalAccuracy": {"k": 2},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "TopKCategoricalAccuracy": {"k": 2},
}


def config(*overrides: str):
    return load_config("lenet", overrides)


def metric(name: str, head: str) -> Call:
    arguments = dict(ARGUMENTS.get(name, {}))
    if head == BINARY and name in ("F1Score", "FBetaScore"):
        arguments["threshold"] = 0.5
    return Call("metrics", name, arguments)


def allowed(namespace: str, head: str) -> list[str]:
    labels = LOSSES if namespace == "losses" else {name: METRICS[name][0] for name in METRICS}
    return [name for name in labels if labels[name].form(head)]


def test_the_table_has_every_loss_and_metric_of_keras():
    assert sorted(LOSSES) == catalogue.names("losses")
    assert sorted(METRICS) == catalogue.names("metrics")


@pytest.mark.parametrize("name", sorted(METRICS))
def test_the_direction_is_that_of_keras(name):
    import keras

    made = getattr(keras.metrics, name)(**ARGUMENTS.get(name, {}))
    if hasattr(made, "_direction"):  # counts of examples have none
        assert METRICS[name][1] == {"up": "max", "down": "min"}[made._direction]
    assert metric_name(Call("metrics", name)) == made.name.rstrip("_0123456789")


@pytest.mark.parametrize(
    ("head", "name"), [(head, name) for head in HEADS for name in allowed("metrics", head)]
)
def test_a_metric_gets_the_labels_that_it_takes(head, name):
    """The figure of a compiled model is that of Keras' metric on labels made by NumPy."""
    import keras

    from cnnzoo.models.objects import make
    from cnnzoo.training.engine.compile import make_metric

    call = metric(name, head)
    rng = np.random.default_rng(3)
    classes = 2 if head == BINARY else 3
    for examples in (12, 3, 1):  # as many as classes: wrong shapes would broadcast
        labels = rng.integers(0, classes, examples).astype(np.int32)
        if head == BINARY:
            predicted = rng.random((examples, 1), np.float32)
            given = labels[:, None].astype(np.float32)
        else:
            predicted = rng.dirichlet(np.ones(3), examples).astype(np.float32)
            one_hot = np.eye(3, dtype=np.float32)[labels]
            given = labels if label_form("metrics", call, head) == INDICES else one_hot
        expected = make(call)
        expected.update_state(given, predicted)
        found = make_metric(call, head)
        found.update_state(keras.ops.convert_to_tensor(labels), predicted)
        assert np.ndim(found.result()) == 0
        np.testing.assert_array_equal(found.result(), expected.result())


@pytest.mark.parametrize(
    ("head", "name"),
    [(head, name) for head in HEADS for name in METRICS if name not in allowed("metrics", head)],
)
def test_a_metric_that_is_not_defined_is_refused(head, name):
    loaded = config(f"training.metrics=[{name}: {json.dumps(ARGUMENTS.get(name, {}))}]")
    with pytest.raises(ConfigError, match=f"{name} is not defined for the output of"):
        check_measures(loaded, head)


@pytest.mark.parametrize(
    ("head", "name"),
    [(head, name) for head in HEADS for name in LOSSES if name not in allowed("losses", head)],
)
def test_a_loss_that_is_not_defined_is_refused(head, name):
    with pytest.raises(ConfigError, match=f"{name} is not defined for the output of"):
        check_measures(config(f"training.loss={name}"), head)


@pytest.mark.parametrize(
    ("head", "name"), [(head, name) for head in HEADS for name in allowed("losses", head)]
)
def test_a_loss_is_smaller_for_right_predictions(head, name):
    """A loss with the wrong labels is constant, or prefers wrong predictions."""
    import keras

    from cnnzoo.models.objects import make

    labels = np.arange(12) % (2 if head == BINARY else 3)
    if head == BINARY:
        given = labels[:, None].astype(np.float32)
        right = np.where(given > 0, 0.9, 0.1)
        wrong = 1 - right
    else:
        one_hot = np.eye(3, dtype=np.float32)[labels]
        form = label_form("losses", Call("losses", name), head)
        given = labels if form == INDICES else one_hot
        right, wrong = one_hot * 0.7 + 0.1, np.roll(one_hot, 1, axis=1) * 0.7 + 0.1
    loss = make(Call("losses", name))
    values = [float(loss(given, keras.ops.cast(value, "float32"))) for value in (right, wrong)]
    assert values[0] < values[1]


@pytest.mark.parametrize(
    ("head", "text", "message"),
    [
        (CATEGORICAL, "F1Score", "F1Score without average has one value per class"),
        (BINARY, "F1Score: {average: macro}", "without threshold assigns every example"),
        (BINARY, "Precision: {top_k: 1}", "one sigmoid unit has one value"),
        (CATEGORICAL, "Recall: {thresholds: [0.3, 0.6]}", "2 thresholds has 2 values"),
        (CATEGORICAL, "MeanIoU: {num_classes: 3}", "MeanIoU expects class indices"),
        (CATEGORICAL, "R2Score: {class_aggregation: null}", "has one value per class"),
        (CATEGORICAL, "CategoricalCrossentropy: {from_logits: true}", "expects logits"),
    ],
)
def test_arguments_that_do_not_fit_the_head_are_refused(head, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        check_measures(config(f"training.metrics=[{text}]"), head)
    assert caught.value.mistakes[0].hint


def test_a_loss_from_logits_is_refused():
    with pytest.raises(ConfigError, match="expects logits, but a softmax gives probabilities"):
        check_measures(
            config("training.loss={SparseCategoricalCrossentropy: {from_logits: true}}"),
            CATEGORICAL,
        )


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("[AUC: {name: loss}]", "cannot have the name 'loss': it is the loss"),
        ("[AUC: {name: accuracy}]", "accuracy is always measured"),
        ("[AUC: {name: epoch}]", "it is a column of history.csv"),
        ("[AUC: {name: learning_rate}]", "it is a column of history.csv"),
        ("[AUC: {name: val_auc}]", "names of validation metrics"),
        ("[AUC, AUC]", "cannot have the name 'auc': AUC has it"),
        ("[AUC: {name: mse}, MeanSquaredError: {name: mse}]", "AUC has it"),
    ],
)
def test_a_name_that_is_taken_is_refused(metrics, message):
    with pytest.raises(ConfigError, match=message):
        check_measures(config(f"training.metrics={metrics}"), None)


def test_what_is_monitored_must_be_measured():
    check_measures(config("training.metrics=[AUC]", "training.monitor=val_auc"), CATEGORICAL)
    with pytest.raises(ConfigError, match="'val_acuracy' is not measured; did you mean") as caught:
        check_measures(config("training.monitor=val_acuracy"), CATEGORICAL)
    hint = caught.value.mistakes[0].hint
    assert hint == "measured: loss, accuracy, val_loss, val_accuracy"
    with pytest.raises(ConfigError, match="EarlyStopping: 'val_auc' is not measured"):
        check_measures(config("training.callbacks=[EarlyStopping: {monitor: val_auc}]"), None)


@pytest.mark.parametrize(
    ("monitor", "metrics", "direction"),
    [
        ("val_accuracy", "[]", "max"),
        ("val_loss", "[]", "min"),
        ("loss", "[]", "min"),
        ("val_false_negatives", "[FalseNegatives]", "min"),
        ("val_true_negatives", "[TrueNegatives]", "max"),
        ("val_logcosh", "[LogCoshError]", "min"),
        ("val_brier", "[MeanSquaredError: {name: brier}]", "min"),
        ("val_my_error", "[AUC: {name: my_error}]", "max"),
    ],
)
def test_the_direction_is_that_of_the_metric(monitor, metrics, direction):
    loaded = config(
        f"training.metrics={metrics}",
        f"training.monitor={monitor}",
        f"training.callbacks=[EarlyStopping: {{monitor: {monitor}}}, TerminateOnNaN]",
    )
    assert monitor in measured_names(loaded)
    assert better(loaded, monitor) == direction
    stopping, other = directed_callbacks(loaded)
    known_to_keras = monitor.removeprefix("val_") in ("loss", "accuracy")
    assert stopping.arguments.get("mode") == (None if known_to_keras else direction)
    assert "mode" not in other.arguments


def test_a_given_mode_stays():
    loaded = config("training.callbacks=[EarlyStopping: {monitor: val_loss, mode: max}]")
    assert directed_callbacks(loaded)[0].arguments["mode"] == "max"
