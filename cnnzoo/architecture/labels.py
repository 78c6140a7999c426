"""Losses and metrics of Keras: the labels that they take, and the better direction.

Labels of the data are class indices. Many losses and metrics take one value per class instead, and
some are not defined for a head; with the wrong labels Keras computes a wrong value or fails. This
table has every loss and metric of the catalogue, for each head. Loads no framework.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnnzoo.architecture.head import BINARY, CATEGORICAL
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import known_arguments
from cnnzoo.config.data import MIXING
from cnnzoo.config.schema import Config
from cnnzoo.errors import ConfigError, Mistake, did_you_mean
from cnnzoo.text import listed

# Forms of labels: class indices int [b]; one value per class float [b, classes]; and for one
# sigmoid unit, the probability of the second class float [b, 1].
INDICES, VECTORS, COLUMN = "indices", "vectors", "column"

MORE, LESS = "max", "min"


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels that a loss or metric takes under each head; None if it is not defined there."""

    categorical: str | None
    binary: str | None

    def form(self, head: str) -> str | None:
        """Return the form for a head, `categorical` or `binary`."""
        return self.binary if head == BINARY else self.categorical


_ANY = Labels(VECTORS, COLUMN)
_CLASSES = Labels(VECTORS, None)  # compares the values of several classes
_INDEXED = Labels(INDICES, None)
_NOWHERE = Labels(None, None)

LOSSES = {
    "BinaryCrossentropy": _ANY,
    "BinaryFocalCrossentropy": _ANY,
    "CTC": _NOWHERE,
    "CategoricalCrossentropy": _CLASSES,
    "CategoricalFocalCrossentropy": _CLASSES,
    "CategoricalGeneralizedCrossEntropy": _INDEXED,
    "CategoricalHinge": _CLASSES,
    "Circle": _NOWHERE,
    "CosineSimilarity": _CLASSES,
    "Dice": _ANY,
    "Hinge": _ANY,
    "Huber": _ANY,
    "KLDivergence": _CLASSES,
    "LogCosh": _ANY,
    "MeanAbsoluteError": _ANY,
    "MeanAbsolutePercentageError": _ANY,
    "MeanSquaredError": _ANY,
    "MeanSquaredLogarithmicError": _ANY,
    "Poisson": _ANY,
    "SparseCategoricalCrossentropy": _INDEXED,
    "SquaredHinge": _ANY,
    "Tversky": _ANY,
}

# Metric → its labels, and the better direction.
METRICS = {
    "AUC": (_ANY, MORE),
    "Accuracy": (_NOWHERE, MORE),
    "BinaryAccuracy": (_ANY, MORE),
    "BinaryCrossentropy": (_ANY, LESS),
    "BinaryIoU": (_ANY, MORE),
    "CategoricalAccuracy": (_CLASSES, MORE),
    "CategoricalCrossentropy": (_CLASSES, LESS),
    "CategoricalHinge": (_CLASSES, LESS),
    "ConcordanceCorrelation": (_CLASSES, MORE),
    "CosineSimilarity": (_CLASSES, MORE),
    "F1Score": (_ANY, MORE),
    "FBetaScore": (_ANY, MORE),
    "FalseNegatives": (_ANY, LESS),
    "FalsePositives": (_ANY, LESS),
    "Hinge": (_ANY, LESS),
    "IoU": (_INDEXED, MORE),
    "KLDivergence": (_CLASSES, LESS),
    "LogCoshError": (_ANY, LESS),
    "MeanAbsoluteError": (_ANY, LESS),
    "MeanAbsolutePercentageError": (_ANY, LESS),
    "MeanIoU": (_INDEXED, MORE),
    "MeanSquaredError": (_ANY, LESS),
    "MeanSquaredLogarithmicError": (_ANY, LESS),
    "OneHotIoU": (_CLASSES, MORE),
    "OneHotMeanIoU": (_CLASSES, MORE),
    "PearsonCorrelation": (_CLASSES, MORE),
    "Poisson": (_ANY, LESS),
    "Precision": (_ANY, MORE),
    "PrecisionAtRecall": (_ANY, MORE),
    "R2Score": (_ANY, MORE),
    "Recall": (_ANY, MORE),
    "RecallAtPrecision": (_ANY, MORE),
    "RootMeanSquaredError": (_ANY, LESS),
    "SensitivityAtSpecificity": (_ANY, MORE),
    "SparseCategoricalAccuracy": (_INDEXED, MORE),
    "SparseCategoricalCrossentropy": (_INDEXED, LESS),
    "SparseTopKCategoricalAccuracy": (_INDEXED, MORE),
    "SpecificityAtSensitivity": (_ANY, MORE),
    "SquaredHinge": (_ANY, LESS),
    "TopKCategoricalAccuracy": (_CLASSES, MORE),
    "TrueNegatives": (_ANY, MORE),
    "TruePositives": (_ANY, MORE),
}

# Alternatives to losses and metrics that a head does not support.
_INSTEAD = {
    "Accuracy": "remove it: accuracy is always measured",
    "Circle": "it compares embeddings; use SparseCategoricalCrossentropy",
    "CTC": "it compares sequences; use SparseCategoricalCrossentropy",
    "CategoricalAccuracy": "remove it: accuracy is always measured",
    "SparseCategoricalAccuracy": "remove it: accuracy is always measured",
    "CategoricalCrossentropy": "use BinaryCrossentropy",
    "SparseCategoricalCrossentropy": "use BinaryCrossentropy",
    "CategoricalFocalCrossentropy": "use BinaryFocalCrossentropy",
    "CategoricalHinge": "use Hinge",
    "IoU": "use BinaryIoU",
    "MeanIoU": "use BinaryIoU",
    "OneHotIoU": "use BinaryIoU",
    "OneHotMeanIoU": "use BinaryIoU",
}

ACCURACY, LOSS = "accuracy", "loss"
_COLUMNS = ("epoch", "learning_rate", "seconds")  # of history.csv, next to the metrics
_PREFIX = "val_"


def label_form(namespace: str, call: Call, head: str) -> str:
    """Return the labels that a loss or metric takes: `indices`, `vectors` or `column`.

    `namespace` is `losses` or `metrics`. The call has passed `check_measures`.
    """
    form = _labels(namespace, call).form(head)
    assert form is not None
    return form


def metric_name(call: Call) -> str:
    """Return the name of a metric in the history: the given one, Keras' default, or its class's."""
    given = call.arguments.get("name") or known_arguments("metrics", call.name)["name"].default
    return str(given or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", call.name).lower())


def better(config: Config, name: str) -> str:
    """Return `max` or `min`: the better direction of a measured name, such as `val_accuracy`."""
    name = name.removeprefix(_PREFIX)
    if name == LOSS:
        return LESS
    for call in config.training.metrics:
        if metric_name(call) == name:
            return METRICS[call.name][1]
    return MORE


def measured_names(config: Config) -> tuple[str, ...]:
    """Return the names of the values that a training measures, on the validation split too."""
    names = (LOSS, ACCURACY, *map(metric_name, config.training.metrics))
    return (*names, *(f"{_PREFIX}{name}" for name in names))


def check_measures(config: Config, head: str | None) -> None:
    """Check loss, metrics, and the names that callbacks and `monitor` refer to.

    Without a head (the number of classes is not known yet) only the names are checked.

    Raises:
        ConfigError: a loss or metric is not defined for the head, two metrics share a name, or a
            name is not measured.

    """
    training = config.training
    mistakes = list(_name_mistakes(config))
    if head:
        calls = [("losses", training.loss)] if training.loss else []
        calls += [("metrics", call) for call in training.metrics]
        for namespace, call in calls:
            if problem := _problem(namespace, call, head):
                message, hint = problem
                mistakes.append(Mistake(message, call.place or training.place(namespace), hint))
    if not mistakes:
        mistakes += _monitor_mistakes(config)
    if mistakes:
        raise ConfigError.of(mistakes)


def _labels(namespace: str, call: Call) -> Labels:
    if namespace == "losses":
        return LOSSES[call.name]
    labels = METRICS[call.name][0]
    if labels is _INDEXED and call.arguments.get("sparse_y_true") is False:
        return _CLASSES
    return labels


def _problem(namespace: str, call: Call, head: str) -> tuple[str, str | None] | None:
    """Return why a loss or metric does not fit a head, and a hint; None if it does."""
    unit = "one sigmoid unit" if head == BINARY else "a softmax"
    given = call.arguments
    if _labels(namespace, call).form(head) is None:
        hint = _INSTEAD.get(call.name)
        return f"{call.name} is not defined for the output of {unit}", hint
    if given.get("from_logits"):
        hint = "remove from_logits"
        return f"{call.name} expects logits, but {unit} gives probabilities", hint
    if namespace == "losses":
        return None
    sparse_y_pred = known_arguments("metrics", call.name).get("sparse_y_pred")
    if sparse_y_pred and given.get("sparse_y_pred", sparse_y_pred.default):
        hint = "add sparse_y_pred: false"
        return f"{call.name} expects class indices, but {unit} gives probabilities", hint
    if call.name in ("F1Score", "FBetaScore"):
        if given.get("average") is None:
            hint = "add average: macro (or micro, weighted)"
            return f"{call.name} without average has one value per class", hint
        if head == BINARY and given.get("threshold") is None:
            hint = "add threshold: 0.5"
            return f"{call.name} without threshold assigns every example to the second class", hint
    if call.name == "R2Score" and given.get("class_aggregation", "") is None:
        return "R2Score without class_aggregation has one value per class", "remove it"
    if head == BINARY and given.get("top_k") is not None:
        return f"{call.name} has top_k, but one sigmoid unit has one value", "remove top_k"
    thresholds = given.get("thresholds")
    if call.name != "AUC" and isinstance(thresholds, tuple | list) and len(thresholds) > 1:
        hint = "add the metric once per threshold, each with a name"
        return f"{call.name} with {len(thresholds)} thresholds has {len(thresholds)} values", hint
    return None


def _name_mistakes(config: Config) -> Iterator[Mistake]:
    """Yield metrics whose name is another column of the history."""
    taken = dict.fromkeys(_COLUMNS, "it is a column of history.csv")
    taken |= {LOSS: "it is the loss", ACCURACY: "accuracy is always measured"}
    for call in config.training.metrics:
        name, place = metric_name(call), call.place or config.training.place("metrics")
        hint = f"give it another name: {call.name}: {{name: my_{name.removeprefix(_PREFIX)}}}"
        if name in taken or name.startswith(_PREFIX):
            reason = taken.get(name, "names of validation metrics start with this prefix")
            message = f"the metric {call.name} cannot have the name {name!r}: {reason}"
            yield Mistake(message, place, hint)
        taken.setdefault(name, f"{call.name} has it")


def _monitor_mistakes(config: Config) -> Iterator[Mistake]:
    """Yield names that `monitor` and callbacks refer to and that are not measured."""
    training, names = config.training, measured_names(config)
    hint = f"measured: {listed(names, len(names))}"
    if training.monitor not in names:
        message = f"training.monitor: {training.monitor!r} is not measured"
        message += did_you_mean(training.monitor, names)
        yield Mistake(message, training.place("monitor"), hint)
    for call in training.callbacks:
        monitor = call.arguments.get("monitor")
        if isinstance(monitor, str) and monitor not in names:
            message = f"{call.name}: {monitor!r} is not measured{did_you_mean(monitor, names)}"
            yield Mistake(message, call.place, hint)


def directed_callbacks(config: Config) -> tuple[Call, ...]:
    """Return the callbacks with the direction of what they monitor instead of `mode: auto`."""
    return tuple(_directed(config, call) for call in config.training.callbacks)


def _directed(config: Config, call: Call) -> Call:
    known = known_arguments("callbacks", call.name)
    if "mode" not in known or call.arguments.get("mode", "auto") != "auto":
        return call
    monitor = str(call.arguments.get("monitor", known["monitor"].default))
    if monitor.removeprefix(_PREFIX) in (LOSS, ACCURACY):
        return call  # Keras knows the direction of these two
    return replace(call, arguments={**call.arguments, "mode": better(config, monitor)})


def labels_as_vectors(config: Config, head: str) -> bool:
    """Return whether the loss receives labels with one value per class.

    It does if images are mixed, if labels are smoothed, or if the loss takes only those. For one
    sigmoid unit the index is the value; only mixing changes it.
    """
    training, augment = config.training, config.data.augment if config.data else ()
    if any(call.name in MIXING for call in augment):
        return True
    if head != CATEGORICAL:
        return False
    if training.loss:
        return label_form("losses", training.loss, head) == VECTORS
    return training.label_smoothing > 0
