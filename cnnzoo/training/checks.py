"""Check a whole configuration before anything is loaded: its parts must fit each other.

`cnnzoo check` and `cnnzoo show` need no more than this. No framework is loaded, except for a layer
that no shape rule covers, and no image is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cnnzoo.architecture.arithmetic import DoesNotFit
from cnnzoo.architecture.head import head_of
from cnnzoo.architecture.labels import check_measures
from cnnzoo.architecture.layers import Architecture, Layer
from cnnzoo.architecture.names import layer_names, unknown_patterns
from cnnzoo.architecture.resolve import resolve
from cnnzoo.architecture.rules import layer_facts
from cnnzoo.architecture.trained import has_trained_weights
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import APPLICATIONS, TRAINED, known_arguments
from cnnzoo.config.data import MIXING
from cnnzoo.config.schema import Config
from cnnzoo.datasets.class_names import class_names_of
from cnnzoo.datasets.source import Source
from cnnzoo.errors import ConfigError, Mistake, did_you_mean
from cnnzoo.models.build import check_memory, measure
from cnnzoo.models.pretrained import check_weights

# Losses that are not defined for a label that is a mixture of classes.
_WHOLE_LABELS = (
    "CTC",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "Hinge",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
)
INNER_OPTIMIZER = "inner_optimizer"  # the argument of LossScaleOptimizer


@dataclass(frozen=True, slots=True)
class CheckedConfig:
    """A configuration whose parts fit each other, with the values derived from it.

    `class_names` are those of its data, empty if it names no data; `classes` is their number, or
    `model.classes` without data. `head` is `binary` or `categorical`, or None if neither the data
    nor the model give the number of classes.
    """

    config: Config
    class_names: tuple[str, ...]
    classes: int | None
    architecture: Architecture
    head: str | None


def check_config(config: Config, source: Source | None = None) -> CheckedConfig:
    """Resolve the architecture of a configuration for the classes of its data, and check the rest.

    `source` is the opened source of `config.data`; without it, the source is opened if the class
    names need it. Raises ConfigError or DataError if layers do not fit each other, if the head does
    not fit the classes, or if a training setting does not fit the images or the labels.
    """
    class_names = (
        class_names_of(config.data, config.model.input_shape, source) if config.data else ()
    )
    classes = len(class_names) or config.model.classes
    architecture = resolve(config.model, classes, measure)
    check_memory(architecture)
    names = class_names or tuple(map(str, range(classes or 0)))
    head = head_of(architecture, names) if names else None
    check_freeze(config, architecture)
    check_preprocessing(architecture)
    check_augmentation(config)
    check_smoothing(config)
    check_balance(config, class_names)
    check_callbacks(config)
    check_measures(config, head)
    return CheckedConfig(config, class_names, classes, architecture, head)


def check_initial_weights(checked: CheckedConfig, *, downloads: bool = True) -> None:
    """Raise ConfigError, within seconds, if pretrained weights or `init_from` are not available.

    Without `downloads` the network is not used. Loads no framework and no data.
    """
    config = checked.config
    check_weights(checked.architecture, downloads=downloads)
    if config.init_from is not None:
        from cnnzoo.models.transfer import find_source

        find_source(config.init_from, config.place("init_from"))


def mixing_layer(config: Config) -> Call | None:
    """The first augmentation that mixes images, or None."""
    augment = config.data.augment if config.data else ()
    return next((call for call in augment if call.name in MIXING), None)


def check_smoothing(config: Config) -> None:
    """Raise ConfigError if the loss has no label smoothing, or sets its own already."""
    training = config.training
    if not training.label_smoothing or not training.loss:
        return
    loss, place = training.loss, training.place("label_smoothing")
    if "label_smoothing" in loss.arguments:
        raise ConfigError(
            f"label_smoothing is set in training and in {loss.name}",
            place=place,
            hint="keep one of them",
        )
    if "label_smoothing" not in known_arguments("losses", loss.name):
        raise ConfigError(
            f"training.label_smoothing: {loss.name} has no label smoothing",
            place=place,
            hint="omit training.loss, or use CategoricalCrossentropy (BinaryCrossentropy for one "
            "unit)",
        )


def check_augmentation(config: Config) -> None:
    """Raise ConfigError for augmentations that do not fit the images or the loss."""
    mistakes = []
    for call in config.data.augment if config.data else ():
        try:
            layer_facts(call.name, call.arguments, config.model.input_shape)
        except DoesNotFit as misfit:
            mistakes.append(Mistake(str(misfit), call.place, misfit.hint))
        if _largest(call.arguments.get("saturation_factor")) > 0.5:
            # Keras clips the saturation, a value of 0 to 1, to the range of the pixels.
            message = f"{call.name} gives pixels below 0 for a saturation_factor above 0.5"
            hint = "add RandomSaturation instead, which takes any factor"
            mistakes.append(Mistake(message, call.place, hint))
    mixing, loss = mixing_layer(config), config.training.loss
    if mixing and loss and loss.name in _WHOLE_LABELS:
        message = f"{loss.name} does not take the labels of images that {mixing.name} mixes"
        hint = (
            "use CategoricalCrossentropy (BinaryCrossentropy for one unit), or omit training.loss"
        )
        mistakes.append(Mistake(message, loss.place or config.training.place("loss"), hint))
    if mistakes:
        raise ConfigError.of(mistakes)


def check_freeze(config: Config, architecture: Architecture) -> None:
    """Raise ConfigError for a pattern of `training.freeze` that names no layer.

    The layers of a network as a layer, of keras.applications or a trained one of the zoo, are known
    only when it is built: then the training checks the patterns.
    """
    training = config.training
    named = layer_names(architecture.layers) if training.freeze else []
    if any(layer.name in (*APPLICATIONS, *TRAINED) for _, layer in named):
        return
    paths = {path: None for name, _ in named for path in (*_outer(name), name)}
    if mistakes := unknown_patterns(training.freeze, list(paths), training.place("freeze")):
        raise ConfigError.of(mistakes)


def check_preprocessing(architecture: Architecture) -> None:
    """Raise ConfigError for a trained network of the zoo after a layer that rescales the pixels.

    The network rescales them itself: after both, each image would be nearly black to it.
    """
    for before, layer in pairwise(architecture.layers):
        if layer.name in TRAINED and has_trained_weights(layer.arguments) and _rescales(before):
            raise ConfigError(
                f"{layer.name} takes pixels of 0 to 255, but {before.name} changes them before it",
                place=layer.place,
                hint=f"remove {before.name}: the preprocessing is a part of {layer.name}",
            )


def _rescales(layer: Layer) -> bool:
    """Return whether a layer makes small numbers of pixels of 0 to 255."""
    if layer.name != "Rescaling":
        return layer.name == "Normalization"
    scale = layer.arguments["scale"]
    scales = scale if isinstance(scale, list | tuple) else [scale]
    return all(abs(each) < 0.5 for each in scales)


def _outer(path: str) -> Iterator[str]:
    """Yield the paths of the composites around a layer."""
    return (path[:end] for end, letter in enumerate(path) if letter == "/")


def check_balance(config: Config, class_names: tuple[str, ...]) -> None:
    """Raise ConfigError if class weights do not fit these classes; empty names are not checked."""
    weights, place = config.training.class_weight, config.training.place("class_weight")
    if weights == "balanced" and config.data and config.data.balance:
        raise ConfigError(
            "training.class_weight: balanced compensates the class sizes a second time, after "
            f"data.balance: {config.data.balance}",
            place=place,
            hint="keep one of them",
        )
    if isinstance(weights, dict) and class_names:
        mistakes = [
            Mistake(
                f"training.class_weight: unknown class {name!r}" + did_you_mean(name, class_names),
                place,
                f"the classes: {', '.join(class_names)}",
            )
            for name in weights
            if name not in class_names
        ]
        if mistakes:
            raise ConfigError.of(mistakes)


def check_callbacks(config: Config) -> None:
    """Raise ConfigError for ReduceLROnPlateau with a learning-rate schedule.

    Keras computes the rate from the schedule at each step, so no callback can set it.
    """
    schedule = learning_rate_of(config.training.optimizer)
    if not isinstance(schedule, Call):
        return
    mistakes = [
        Mistake(
            f"ReduceLROnPlateau cannot change a learning rate that {schedule.name} sets at each "
            "step",
            call.place or config.training.place("callbacks"),
            "use a constant learning_rate, or remove ReduceLROnPlateau",
        )
        for call in config.training.callbacks
        if call.name == "ReduceLROnPlateau"
    ]
    if mistakes:
        raise ConfigError.of(mistakes)


def learning_rate_of(optimizer: Call) -> Any:
    """The learning rate that an optimizer, or the one inside it, is given; None for its default."""
    inner = optimizer.arguments.get(INNER_OPTIMIZER)
    return learning_rate_of(inner) if inner else optimizer.arguments.get("learning_rate")


def _largest(factor: Any) -> float:
    values = factor if isinstance(factor, tuple) else (factor,)
    return max((value for value in values if isinstance(value, int | float)), default=0.0)
