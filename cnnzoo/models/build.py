"""A resolved architecture → a plain `keras.Sequential`."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from cnnzoo.architecture.arithmetic import Shape
from cnnzoo.architecture.facts import Facts
from cnnzoo.architecture.layers import Architecture, Layer
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.calls import Call
from cnnzoo.config.schema import ModelConfig
from cnnzoo.errors import ConfigError
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line, make

MAX_PARAMETERS = 2**31

# The Keras layer that merges the branches of a composite.
MERGE_LAYERS = {
    "add": "Add",
    "multiply": "Multiply",
    "average": "Average",
    "maximum": "Maximum",
    "concatenate": "Concatenate",
}


def build_model(model: ModelConfig, *, classes: int | None = None, name: str = "model") -> Any:
    """The `keras.Sequential` of a configuration.

    Its input is float or uint8 [batch, height, width, channels] with pixel values 0 to 255, its
    output the class probabilities float32 [batch, classes], or [batch, 1] for one sigmoid unit.
    `classes` is what `$classes` stands for; without it, the configuration's own `classes`.
    """
    return build_architecture(resolve(model, classes or model.classes, measure), name)


def build_architecture(architecture: Architecture, name: str = "model") -> Any:
    """The `keras.Sequential` of a resolved architecture; layer names are the same every time.

    Raises ConfigError where it has more parameters than any machine trains from a page of YAML.
    """
    if architecture.parameters > MAX_PARAMETERS:
        largest = max(architecture.layers, key=lambda layer: layer.parameters)
        raise ConfigError(
            f"the model has {architecture.parameters:,} parameters, more than {MAX_PARAMETERS:,}",
            place=largest.place,
            hint=f"this {largest.name} alone has {largest.parameters:,}",
        )
    keras = load_keras()
    name_of = _namer()
    inputs = keras.Input(architecture.input_shape, name=name_of("InputLayer"))
    layers = [_make_layer(layer, name_of) for layer in architecture.layers]
    return keras.Sequential([inputs, *layers], name=name)


def measure(call: Call, input_shape: Shape) -> Facts:
    """What Keras itself says of a layer that no rule of `cnnzoo.architecture` covers."""
    keras = load_keras()
    layer = make(call)
    try:
        # A layer may leave sizes of a symbolic output open; those of an array are all known.
        output = layer(keras.ops.zeros((1, *input_shape)))
    except Exception as error:  # each backend has errors of its own
        raise ConfigError(
            f"{call.name} does not fit its input {input_shape}: {first_line(error)}",
            place=call.place,
        ) from error
    return Facts(
        tuple(output.shape[1:]),
        trainable=_size(layer.trainable_weights),
        non_trainable=_size(layer.non_trainable_weights),
    )


def _size(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _make_layer(layer: Layer, name_of: Callable[[str], str]) -> Any:
    own_name = layer.arguments.get("name") or name_of(layer.name)
    if layer.branches:
        return _make_composite(layer, own_name, name_of)
    arguments = {key: value for key, value in layer.arguments.items() if key != "name"}
    return make(Call("layers", layer.name, arguments, layer.place), name=own_name)


def _make_composite(layer: Layer, own_name: str, name_of: Callable[[str], str]) -> Any:
    """A composite as a functional model of plain Keras layers."""
    keras = load_keras()
    inputs = keras.Input(layer.input_shape, name=name_of("InputLayer"))
    outputs = []
    for branch in layer.branches:
        tensor = inputs
        for inner in branch:
            tensor = _make_layer(inner, name_of)(tensor)
        outputs.append(tensor)
    merge = MERGE_LAYERS[layer.arguments.get("merge", "add")]
    merged = getattr(keras.layers, merge)(name=name_of(merge))(outputs)
    return keras.Model(inputs, merged, name=own_name)


def _namer() -> Callable[[str], str]:
    """Keras' own way to name layers, counted from the start of the model: conv2d, conv2d_1."""
    used: Counter[str] = Counter()

    def name_of(class_name: str) -> str:
        words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
        word = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
        used[word] += 1
        return word if used[word] == 1 else f"{word}_{used[word] - 1}"

    return name_of
