"""The layers of an architecture grouped until there are few enough to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from cnnzoo.architecture.arithmetic import Shape
from cnnzoo.architecture.layers import Architecture, Layer, title, walk
from cnnzoo.reporting.style import TIMES

MAX_STAGES = 18

# The kind of a layer by a part of its class name, and its colour; the first match counts. The
# colours are light tints of the colour-blind safe palette of Okabe and Ito.
KINDS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("convolution", ("Conv",), "#8fcdf1"),
    ("pooling", ("Pool",), "#f2c460"),
    ("dense", ("Dense",), "#6cc7a9"),
    ("branches", ("Residual", "Branches", "SplitChannels"), "#dfa6c4"),
)
OTHER = ("other", "#d9d9d9")

# Layers that only change the border of the next layer's input.
_BORDERS = ("ZeroPadding", "Cropping")


@dataclass(frozen=True, slots=True)
class Stage:
    """Consecutive layers that are drawn as one feature volume, the output of the last one."""

    layers: tuple[Layer, ...]

    @property
    def shape(self) -> Shape:
        """The shape of the output, without the batch axis."""
        return self.layers[-1].output_shape

    @property
    def parameters(self) -> int:
        """All parameters, trainable or not."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def leading(self) -> Layer:
        """The layer with most to compute."""
        return _leading(self.layers)

    def contents(self) -> list[str]:
        """Return the titles of the layers with counts, and the number of layers in composites."""
        counts = Counter(title(layer.name, layer.arguments) for layer in self.layers)
        lines = [f"{count} {TIMES} {name}" if count > 1 else name for name, count in counts.items()]
        inner = sum(not layer.branches for layer in walk(self.layers))
        if any(layer.branches for layer in self.layers):
            lines.append(f"{inner:,} layers in all")
        return lines


def stages(architecture: Architecture) -> list[Stage]:
    """Return the feature volumes of an architecture, at most MAX_STAGES.

    A layer that keeps the shape belongs to the volume before it, unless it is of another kind. If
    there are too many, composites of one kind and size are one volume, then all layers of one size,
    and finally equal numbers of neighbours.
    """
    groups: list[list[Layer]] = []
    for belongs in (_same_kind, _same_composite, _same_size):
        groups = _joined(_borders_joined(architecture.layers), belongs)
        if len(groups) <= MAX_STAGES:
            break
    else:
        step = -(-len(groups) // MAX_STAGES)
        groups = [
            list(chain.from_iterable(groups[at : at + step])) for at in range(0, len(groups), step)
        ]
    return [Stage(tuple(group)) for group in groups]


def kind_of(layer: Layer) -> tuple[str, str]:
    """Return the kind of a layer and its colour."""
    for name, parts, colour in KINDS:
        if any(part in layer.name for part in parts):
            return name, colour
    return OTHER


def _borders_joined(layers: Iterable[Layer]) -> Iterator[list[Layer]]:
    """Yield each layer with the paddings and croppings before it."""
    waiting: list[Layer] = []
    for layer in layers:
        waiting.append(layer)
        if not layer.name.startswith(_BORDERS):
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _joined(
    groups: Iterable[list[Layer]], belongs: Callable[[list[Layer], list[Layer]], bool]
) -> list[list[Layer]]:
    joined: list[list[Layer]] = []
    for group in groups:
        if joined and belongs(joined[-1], group):
            joined[-1] = joined[-1] + group
        else:
            joined.append(group)
    return joined


def _leading(layers: Sequence[Layer]) -> Layer:
    return max(layers, key=lambda layer: (layer.macs, kind_of(layer) != OTHER))


def _same_kind(before: list[Layer], group: list[Layer]) -> bool:
    kind = kind_of(_leading(group))
    return before[-1].output_shape == group[-1].output_shape and (
        kind in (OTHER, kind_of(_leading(before)))
    )


def _same_composite(before: list[Layer], group: list[Layer]) -> bool:
    alike = bool(group[-1].branches) and _leading(before).name == group[-1].name
    return _same_kind(before, group) or (alike and _same_size(before, group))


def _same_size(before: list[Layer], group: list[Layer]) -> bool:
    shape, next_shape = before[-1].output_shape, group[-1].output_shape
    if len(shape) == 1 or len(next_shape) == 1:
        return shape == next_shape
    return shape[:-1] == next_shape[:-1]
