"""Config → Plan: what a training would do, known before any framework is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnzoo.architecture.arithmetic import DoesNotFit
from cnnzoo.architecture.head import head_of
from cnnzoo.architecture.layers import Architecture
from cnnzoo.architecture.resolve import resolve
from cnnzoo.architecture.rules import layer_facts
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import known_arguments
from cnnzoo.config.data import MIXING
from cnnzoo.config.schema import Config
from cnnzoo.datasets.class_names import class_names_of
from cnnzoo.errors import ConfigError, Mistake, did_you_mean
from cnnzoo.models.build import measure

# Losses that a label which is part one class and part another means nothing to.
_WHOLE_LABELS = (
    "CTC",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "Hinge",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration whose parts agree.

    `class_names` are those of its data, none where it names no data; `classes` is their count, or
    the one that the model is for until data are read. `head` is `binary` or
    `categorical`, None only where neither the data nor the model tell the class count.
    """

    config: Config
    class_names: tuple[str, ...]
    classes: int | None
    architecture: Architecture
    head: str | None


def plan(config: Config) -> Plan:
    """Resolve the architecture of a configuration for the classes of its data.

    Raises ConfigError or DataError where the layers do not fit each other, the head does not fit
    the classes, or what training does to the images or the labels does not fit them. Keras is
    loaded only for a layer that no shape rule covers.
    """
    class_names = class_names_of(config.data, config.model.input_shape) if config.data else ()
    classes = len(class_names) or config.model.classes
    architecture = resolve(config.model, classes, measure)
    names = class_names or tuple(map(str, range(classes or 0)))
    head = head_of(architecture, names) if names else None
    check_augmentation(config)
    check_smoothing(config)
    check_balance(config, class_names)
    return Plan(config, class_names, classes, architecture, head)


def mixing_layer(config: Config) -> Call | None:
    """The first augmentation that mixes images, or None."""
    augment = config.data.augment if config.data else ()
    return next((call for call in augment if call.name in MIXING), None)


def check_smoothing(config: Config) -> None:
    """Raise ConfigError for label smoothing that the given loss cannot do, or does already."""
    training = config.training
    if not training.label_smoothing or not training.loss:
        return
    loss, place = training.loss, training.place("label_smoothing")
    if "label_smoothing" in loss.arguments:
        raise ConfigError(
            f"label_smoothing stands in training and in {loss.name}",
            place=place,
            hint="keep one of them",
        )
    if "label_smoothing" not in known_arguments("losses", loss.name):
        raise ConfigError(
            f"training.label_smoothing: {loss.name} takes no label smoothing",
            place=place,
            hint="leave loss away, or use CategoricalCrossentropy (BinaryCrossentropy for one "
            "unit)",
        )


def check_augmentation(config: Config) -> None:
    """Raise ConfigError for augmentations that the images or the loss cannot take."""
    mistakes = []
    for call in config.data.augment if config.data else ():
        try:
            layer_facts(call.name, call.arguments, config.model.input_shape)
        except DoesNotFit as misfit:
            mistakes.append(Mistake(str(misfit), call.place, misfit.hint))
        if _largest(call.arguments.get("saturation_factor")) > 0.5:
            # Keras clips saturation, a share of 1, with the range of the pixels.
            message = f"{call.name} makes pixels below 0 of a saturation_factor above 0.5"
            hint = "put RandomSaturation beside it, which takes any factor"
            mistakes.append(Mistake(message, call.place, hint))
    mixing, loss = mixing_layer(config), config.training.loss
    if mixing and loss and loss.name in _WHOLE_LABELS:
        message = f"{loss.name} cannot take the labels of images that {mixing.name} mixes"
        hint = "use CategoricalCrossentropy (BinaryCrossentropy for one unit), or leave loss away"
        mistakes.append(Mistake(message, loss.place or config.training.place("loss"), hint))
    if mistakes:
        raise ConfigError.of(mistakes)


def check_balance(config: Config, class_names: tuple[str, ...]) -> None:
    """Raise ConfigError for class weights that do not fit these classes, where they are known."""
    weights, place = config.training.class_weight, config.training.place("class_weight")
    if weights == "balanced" and config.data and config.data.balance:
        raise ConfigError(
            "training.class_weight: balanced evens out the classes a second time, after "
            f"data.balance: {config.data.balance}",
            place=place,
            hint="keep one of them",
        )
    if isinstance(weights, dict) and class_names:
        mistakes = [
            Mistake(
                f"training.class_weight: there is no class {name!r}"
                + did_you_mean(name, class_names),
                place,
                f"the classes: {', '.join(class_names)}",
            )
            for name in weights
            if name not in class_names
        ]
        if mistakes:
            raise ConfigError.of(mistakes)


def _largest(factor: Any) -> float:
    values = factor if isinstance(factor, tuple) else (factor,)
    return max((value for value in values if isinstance(value, int | float)), default=0.0)
