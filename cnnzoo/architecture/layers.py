"""A resolved architecture: layers with evaluated arguments, shapes and costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnzoo.architecture.arithmetic import Shape
from cnnzoo.errors import Place


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The input window that one output value depends on, and the distance between such windows.

    `size` and `stride` are (height, width) in input pixels; after Araujo et al., "Computing
    Receptive Fields of Convolutional Neural Networks", Distill 2019.
    """

    size: tuple[int, int] = (1, 1)
    stride: tuple[float, float] = (1, 1)


@dataclass(frozen=True, slots=True)
class Layer:
    """One Keras layer, or a composite with its `branches`; shapes are without the batch axis.

    `trainable` and `non_trainable` count parameters, `macs` the multiply-accumulates of one
    example. A composite counts its branches. If no rule covers a layer and Keras `measured` it, its
    MACs and its window are unknown and count as 0.
    """

    name: str
    arguments: Mapping[str, Any]
    input_shape: Shape
    output_shape: Shape
    trainable: int = 0
    non_trainable: int = 0
    macs: int = 0
    receptive_field: ReceptiveField = field(default_factory=ReceptiveField)
    branches: tuple[tuple[Layer, ...], ...] = ()
    place: Place | None = None
    measured: bool = False

    @property
    def parameters(self) -> int:
        """All parameters, trainable or not."""
        return self.trainable + self.non_trainable


@dataclass(frozen=True, slots=True)
class Architecture:
    """A resolved model: the shape (height, width, channels) of its input, and its layers."""

    input_shape: Shape
    layers: tuple[Layer, ...]

    @property
    def output_shape(self) -> Shape:
        """The shape of one output, without the batch axis."""
        return self.layers[-1].output_shape if self.layers else self.input_shape

    @property
    def parameters(self) -> int:
        """All parameters, trainable or not."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Parameters that training changes."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def activations(self) -> int:
        """Values in the input and in the outputs of all layers, for one example."""
        outputs = sum(math.prod(layer.output_shape) for layer in walk(self.layers))
        return math.prod(self.input_shape) + outputs

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one example, in convolutions and dense layers."""
        return sum(layer.macs for layer in self.layers)


def title(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a layer's class with its main size: `Conv2D 5x5`, `Dense 120`, `Dropout 0.5`."""
    for key in ("kernel_size", "pool_size"):
        if key in arguments:
            return f"{name} {_window(name, arguments[key])}"
    if "Pooling2D" in name and not name.startswith(("Global", "Adaptive")):
        return f"{name} 2x2"
    for key in ("units", "rate", "size", "activation"):
        if isinstance(arguments.get(key), int | float | str):
            return f"{name} {arguments[key]}"
    return name


def _window(name: str, size: Any) -> str:
    axes = next((int(char) for char in "123" if f"{char}D" in name), 2)
    return "x".join(map(str, size if isinstance(size, tuple | list) else [size] * axes))


def walk(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Yield every layer in order; layers inside a composite follow the composite."""
    for layer in layers:
        yield layer
        for branch in layer.branches:
            yield from walk(branch)
