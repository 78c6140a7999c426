"""The head of a classifier: its last layer must give the probabilities of the classes."""

from __future__ import annotations

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.architecture.layers import Architecture, Layer
from cnnzoo.config.calls import Call
from cnnzoo.config.notation import ACTIVATION_LAYERS
from cnnzoo.errors import ConfigError
from cnnzoo.text import listed

BINARY, CATEGORICAL = "binary", "categorical"

# Activation layers, and layers that keep probabilities.
_ACTIVATING = (*ACTIVATION_LAYERS, "PReLU")
KEEPING = (
    "AveragePooling2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "Identity",
    "Reshape",
)


def head_of(architecture: Architecture, class_names: tuple[str, ...]) -> str:
    """Return `binary` for one sigmoid unit over two classes, `categorical` for a softmax over all.

    The sigmoid unit gives the probability of the second class. Raises ConfigError if the head does
    not fit the classes.
    """
    last = architecture.layers[-1]
    shape, classes = architecture.output_shape, len(class_names)
    wanted = (
        "Dense: {units: 1, activation: sigmoid}"
        if shape == (1,) and classes == 2
        else "Dense: {units: $classes, activation: softmax}"
    )
    if len(shape) != 1:
        raise ConfigError(
            f"the model ends in {shape_text(shape)}, not in one value for each class",
            place=last.place,
            hint="a network classifies whole images, not pixels; put Flatten or "
            f"GlobalAveragePooling2D before the end, and end with {wanted}",
        )
    if shape != (classes,) and (shape, classes) != ((1,), 2):
        raise ConfigError(
            f"the model ends in {shape[0]} {'value' if shape[0] == 1 else 'values'}, but the data "
            f"have {classes} classes: {listed(class_names)}",
            place=last.place,
            hint=f"end with {wanted}",
        )
    activation = _activation(architecture.layers)
    expected = "sigmoid" if shape == (1,) else "softmax"
    if activation not in (expected, None):
        raise ConfigError(
            f"the last activation is {activation}, but "
            + ("a probability from one unit needs" if shape == (1,) else "probabilities need")
            + f" {expected}",
            place=last.place,
            hint=f"end with {wanted}",
        )
    return BINARY if shape == (1,) else CATEGORICAL


def _activation(layers: tuple[Layer, ...]) -> str | None:
    """Return the name of the last activation; None if it is unknown."""
    layer = next((layer for layer in reversed(layers) if layer.name not in KEEPING), layers[-1])
    if layer.branches:
        return None
    activation = layer.arguments.get("activation") or "linear"
    name = activation.name if isinstance(activation, Call) else str(activation)
    name = layer.name if layer.name in _ACTIVATING else name
    return "softmax" if name == "Softmax" else name
