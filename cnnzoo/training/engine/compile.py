"""Compile a model: loss, optimizer and metrics of the `training` section."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnzoo.architecture.head import BINARY, CATEGORICAL
from cnnzoo.architecture.labels import COLUMN, VECTORS, label_form, labels_as_vectors, metric_name
from cnnzoo.architecture.resolve import evaluate_call
from cnnzoo.config.calls import Call
from cnnzoo.config.data import AUGMENTATION_DEFAULTS
from cnnzoo.config.schema import Config
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import make
from cnnzoo.training.settings import MIXED_FLOAT16, Settings

# The default losses and metrics of each head. Labels are class indices, or have one value per class
# if the loss takes only that.
LOSSES = {BINARY: "BinaryCrossentropy", CATEGORICAL: "SparseCategoricalCrossentropy"}
VECTOR_LOSSES = {BINARY: "BinaryCrossentropy", CATEGORICAL: "CategoricalCrossentropy"}
ACCURACIES = {BINARY: "BinaryAccuracy", CATEGORICAL: "SparseCategoricalAccuracy"}


def make_augmentation(config: Config, variables: dict[str, Any]) -> list[Any]:
    """The Keras layers of `data.augment`, for images whose values are 0 to 255."""
    layers = []
    for call in config.data.augment if config.data else ():
        evaluated = evaluate_call(call, variables)
        defaults = AUGMENTATION_DEFAULTS.get(call.name, {})
        layers.append(make(replace(evaluated, arguments={**defaults, **evaluated.arguments})))
    return layers


def compile_model(
    model: Any, config: Config, variables: dict[str, Any], head: str, settings: Settings
) -> None:
    """Compile a Keras model as configured; accuracy is always among the metrics.

    With `labels_as_vectors`, the model is an `engine.mixing.MixedSequential`, which passes such
    labels to the loss.
    """
    training = config.training
    metrics = [make(Call("metrics", ACCURACIES[head]), name="accuracy")]
    metrics += [make_metric(evaluate_call(call, variables), head) for call in training.metrics]
    model.compile(
        optimizer=_optimizer(make(evaluate_call(training.optimizer, variables)), settings),
        loss=make(evaluate_call(_loss(config, head), variables)),
        metrics=metrics,
        steps_per_execution=settings.steps_per_execution,
        # TensorFlow's own kernels are several times faster than XLA's on a CPU.
        jit_compile=False if load_keras().backend.backend() == "tensorflow" else "auto",
    )


def make_metric(call: Call, head: str) -> Any:
    """Return a metric that takes class indices, whatever labels Keras' metric takes."""
    metric = make(call, name=metric_name(call))
    form, update = label_form("metrics", call, head), metric.update_state

    def update_state(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        ops = load_keras().ops
        if form == VECTORS:
            labels = ops.reshape(ops.cast(y_true, "int32"), (-1,))
            y_true = ops.one_hot(labels, y_pred.shape[-1])
        elif form == COLUMN:
            y_true = ops.reshape(ops.cast(y_true, "float32"), (-1, 1))
        return update(y_true, y_pred, sample_weight=sample_weight)

    metric.update_state = update_state
    return metric


def _loss(config: Config, head: str) -> Call:
    training = config.training
    losses = VECTOR_LOSSES if labels_as_vectors(config, head) else LOSSES
    loss = training.loss or Call("losses", losses[head])
    if not training.label_smoothing:
        return loss
    smoothed = {**loss.arguments, "label_smoothing": training.label_smoothing}
    return replace(loss, arguments=smoothed)


def _optimizer(optimizer: Any, settings: Settings) -> Any:
    """The optimizer, with loss scaling for float16, in whose small range gradients vanish."""
    scaling = load_keras().optimizers.LossScaleOptimizer
    if settings.precision == MIXED_FLOAT16 and not isinstance(optimizer, scaling):
        return scaling(optimizer)
    return optimizer


def training_variables(
    config: Config, classes: int, steps_per_epoch: int, batch_size: int
) -> dict[str, Any]:
    """The variables of a training: `$steps`, `$epochs`, `$classes`, …, and `model.params`."""
    epochs = config.training.epochs
    return {
        **config.model.params,
        "classes": classes,
        "epochs": epochs,
        "batch_size": batch_size,
        "steps_per_epoch": steps_per_epoch,
        "steps": steps_per_epoch * epochs,
    }
