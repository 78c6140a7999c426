"""Trained networks of cnnzoo as layers: their layers and facts, computed without Keras.

The layers are those of the recipe in `configs/trained/`, without the head: the last layer with
weights, the dropout before it, and what follows it. Their weights fit any image for which each
layer has the same parameters: with global pooling any size, with Flatten only that of the training.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import cast

from cnnzoo.architecture.arguments import Arguments, image
from cnnzoo.architecture.arithmetic import DoesNotFit, Shape, shape_text
from cnnzoo.architecture.facts import Facts, Stride
from cnnzoo.architecture.layers import Architecture, Layer
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config
from cnnzoo.config.schema import Config, ModelConfig
from cnnzoo.errors import ConfigError

TRAINED_WEIGHTS = "trained"

Resolve = Callable[[ModelConfig, int | None], Architecture]


def has_trained_weights(arguments: Arguments) -> bool:
    """Return whether a trained network as a layer has its weights; `weights: null` is random."""
    return arguments.get("weights", TRAINED_WEIGHTS) is not None


def trained_facts(name: str, arguments: Arguments, shape: Shape, resolve: Resolve) -> Facts:
    """Return the facts of a trained network on an input of this shape, without its head.

    Raises DoesNotFit if its layers, or its weights, do not fit the input.
    """
    layers = trained_layers(name, arguments, shape, resolve)
    last = layers[-1]
    parameters = sum(layer.parameters for layer in layers)
    trainable = sum(layer.trainable for layer in layers) if arguments.get("trainable", True) else 0
    return Facts(
        last.output_shape,
        trainable,
        parameters - trainable,
        sum(layer.macs for layer in layers),
        last.receptive_field.size if len(last.output_shape) == 3 else None,
        cast(tuple[Stride, Stride], last.receptive_field.stride),
    )


def trained_layers(
    name: str, arguments: Arguments, shape: Shape, resolve: Resolve
) -> tuple[Layer, ...]:
    """Return the layers of a trained network on an input of this shape, without its head.

    Raises DoesNotFit if its layers, or its weights, do not fit the input.
    """
    try:
        _, _, channels = image(shape)
    except DoesNotFit as problem:
        raise DoesNotFit(f"{name} {problem}", problem.hint) from None
    trained = _layers(name, None, resolve)
    takes = trained[0].input_shape
    if shape == takes:
        return trained
    try:
        layers = _layers(name, shape, resolve)
    except ConfigError as error:
        raise DoesNotFit(
            f"{name} does not fit its input {shape_text(shape)}: {error.mistakes[0].message}",
            f"set model.input_shape to {list(takes)}, the images of its training",
        ) from None
    if not has_trained_weights(arguments) or _weights(layers) == _weights(trained):
        return layers
    if channels != takes[2]:
        misfit = f"takes {_channels(takes[2])}, but its input is {shape_text(shape)}"
    else:
        misfit = (
            f"takes images of {takes[1]}x{takes[0]}, but its input is {shape_text(shape)}: without "
            "global pooling, its weights are for one size"
        )
    raise DoesNotFit(
        f"{name} {misfit}",
        f"set model.input_shape to {list(takes)}, to which images are converted; or weights: null "
        "for random weights",
    )


def _layers(name: str, shape: Shape | None, resolve: Resolve) -> tuple[Layer, ...]:
    """Return the layers without the head, for the images of the training or of another shape."""
    run = zoo.trained(name)
    if run is None:
        raise ConfigError(f"the trained network {name} is not installed")
    config = _config(run, shape)
    names = (config.data and config.data.classes) or ()
    classes = config.model.classes or len(names) or 2  # only the head depends on it
    layers = resolve(config.model, classes).layers
    end = max(number for number, layer in enumerate(layers) if layer.parameters)
    while end > 1 and layers[end - 1].name.endswith(("Dropout", "Dropout2D")):
        end -= 1
    return layers[:end]


@lru_cache(maxsize=16)
def _config(run: Path, shape: Shape | None) -> Config:
    """Return the recipe of a trained network; a configuration may use a network many times."""
    words = [f"model.input_shape={list(shape)}"] if shape else []
    return load_config(run / "config.yaml", words)


def _weights(layers: tuple[Layer, ...]) -> list[tuple[int, Shape | None]]:
    """Return what must be equal for layers to take the same weights.

    After Flatten, each weight belongs to a position in the image.
    """
    return [
        (layer.parameters, layer.input_shape if layer.name == "Flatten" else None)
        for layer in layers
    ]


def _channels(count: int) -> str:
    return {1: "gray images", 3: "colour images"}.get(count, f"images with {count} channels")
