"""Loss, optimizer, metrics: from a training section to a compiled model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnzoo.architecture.head import BINARY, CATEGORICAL
from cnnzoo.architecture.resolve import evaluate_call
from cnnzoo.config.calls import Call
from cnnzoo.config.data import AUGMENTATION_DEFAULTS
from cnnzoo.config.schema import Config
from cnnzoo.models.objects import make
from cnnzoo.training.plan import mixing_layer

# What a head is trained with unless the configuration says otherwise. Labels are class indices.
LOSSES = {BINARY: "BinaryCrossentropy", CATEGORICAL: "SparseCategoricalCrossentropy"}
MIXED_LOSSES = {BINARY: "BinaryCrossentropy", CATEGORICAL: "CategoricalCrossentropy"}
ACCURACIES = {BINARY: "BinaryAccuracy", CATEGORICAL: "SparseCategoricalAccuracy"}


def make_augmentation(config: Config, variables: dict[str, Any]) -> list[Any]:
    """The Keras layers of `data.augment`, for images whose values are 0 to 255."""
    layers = []
    for call in config.data.augment if config.data else ():
        evaluated = evaluate_call(call, variables)
        defaults = AUGMENTATION_DEFAULTS.get(call.name, {})
        layers.append(make(replace(evaluated, arguments={**defaults, **evaluated.arguments})))
    return layers


def compile_model(model: Any, config: Config, variables: dict[str, Any], head: str) -> None:
    """Compile a Keras model as the configuration says; accuracy is always among the metrics.

    Where the augmentation mixes images, the loss is given mixed labels: `cnnzoo.training.mixing`.
    """
    training = config.training
    losses = MIXED_LOSSES if mixing_layer(config) else LOSSES
    metrics = [make(Call("metrics", ACCURACIES[head]), name="accuracy")]
    metrics += [make(evaluate_call(metric, variables)) for metric in training.metrics]
    model.compile(
        optimizer=make(evaluate_call(training.optimizer, variables)),
        loss=make(evaluate_call(training.loss or Call("losses", losses[head]), variables)),
        metrics=metrics,
    )


def training_variables(config: Config, classes: int, steps_per_epoch: int) -> dict[str, Any]:
    """`$steps`, `$steps_per_epoch`, `$epochs`, `$batch_size`, `$classes` and the file's own."""
    training = config.training
    return {
        **config.model.params,
        "classes": classes,
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "steps_per_epoch": steps_per_epoch,
        "steps": steps_per_epoch * training.epochs,
    }
