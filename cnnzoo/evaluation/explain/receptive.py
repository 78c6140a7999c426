"""Receptive fields: the pixels of the image that an output of a layer depends on.

After Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
2019: the size and stride of a window are rules of `cnnzoo.architecture`; its start depends on the
padding, which is read here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cnnzoo.architecture.arguments import borders
from cnnzoo.architecture.arithmetic import DoesNotFit
from cnnzoo.architecture.facts import Facts
from cnnzoo.architecture.rules import layer_facts
from cnnzoo.evaluation.explain.graph import Graph, Step

# Layers and operations that combine values at one place: they see what all inputs see.
_POINTWISE = frozenset(
    [
        "Add",
        "Average",
        "Concatenate",
        "Divide",
        "Maximum",
        "Minimum",
        "Multiply",
        "Subtract",
        "TrueDivide",
    ]
)

Region = tuple[int, int, int, int]  # top, left, bottom, right; the latter two are excluded


@dataclass(frozen=True, slots=True)
class Axis:
    """Output i depends on `size` pixels from `start + i * stride`; some may lie outside."""

    start: float = 0
    size: float = 1
    stride: float = 1

    def behind(self, kernel: int, stride: float, padded: int) -> Axis:
        """Return the axis after a window that starts `padded` values before its input."""
        return Axis(
            self.start - padded * self.stride,
            self.size + (kernel - 1) * self.stride,
            self.stride * stride,
        )

    def seen(self, index: int, length: int) -> tuple[int, int]:
        """Return the first of `length` pixels that output `index` depends on, and the end."""
        first = self.start + index * self.stride
        return max(0, math.floor(first)), min(length, math.ceil(first + self.size))


View = tuple[Axis, Axis] | None  # height and width; None sees the whole picture


def views(graph: Graph) -> dict[int, View]:
    """Return the view of each tensor of a graph, by its `id`.

    A layer without a rule sees the whole image. Regions are exact, except that they may be slightly
    too large if layers crop or enlarge.
    """
    known: dict[int, View] = {id(graph.image): (Axis(), Axis())}
    for step in graph.steps:
        seen = [known[id(tensor)] for tensor in step.inputs]
        view = _widest(seen) if step.kind in _POINTWISE else _behind(step, seen)
        known |= dict.fromkeys(map(id, step.outputs), view)
    return known


def region(view: View, row: int, column: int, height: int, width: int) -> Region:
    """Return the pixels of an image of this size that the output at a place depends on."""
    if view is None:
        return 0, 0, height, width
    (top, bottom), (left, right) = view[0].seen(row, height), view[1].seen(column, width)
    return top, left, bottom, right


def _behind(step: Step, seen: list[View]) -> View:
    if len(seen) != 1 or seen[0] is None:
        return None
    arguments = {key: value for key, value in _config(step).items() if key != "dtype"}
    shape = tuple(step.inputs[0].shape[1:])
    try:
        facts = layer_facts(step.kind, arguments, shape)
    except (DoesNotFit, KeyError, TypeError):  # a class of that name that is not from Keras
        return None
    if facts is None or facts.kernel is None:
        return None
    padded = _padded(step.kind, arguments, shape, facts)
    rows, columns = (
        axis.behind(facts.kernel[number], float(facts.strides[number]), padded[number])
        for number, axis in enumerate(seen[0])
    )
    return rows, columns


def _config(step: Step) -> dict[str, Any]:
    config: dict[str, Any] = step.operation.get_config() if hasattr(step.operation, "name") else {}
    return config


def _padded(
    kind: str, arguments: dict[str, Any], shape: tuple[int, ...], facts: Facts
) -> tuple[int, int]:
    """Return how many values before its input the window of a layer starts, (rows, columns)."""
    if kind in ("ZeroPadding2D", "Cropping2D"):
        name, sign = ("padding", 1) if kind == "ZeroPadding2D" else ("cropping", -1)
        rows, columns = borders(arguments, name, 1)
        return sign * rows[0], sign * columns[0]
    if arguments.get("padding") != "same" or facts.kernel is None:
        return 0, 0
    top, left = (
        # TensorFlow adds these zeros, one more at the end than at the start; JAX does the same.
        max(0, (outputs - 1) * int(stride) + kernel - size) // 2
        for outputs, stride, kernel, size in zip(
            facts.output_shape, facts.strides, facts.kernel, shape, strict=False
        )
    )
    return top, left


def _widest(seen: list[View]) -> View:
    """Return the union of the views of several tensors."""
    present = [view for view in seen if view is not None]
    if not present or len(present) < len(seen):
        return None
    rows, columns = (_hull([view[axis] for view in present]) for axis in (0, 1))
    return rows, columns


def _hull(axes: list[Axis]) -> Axis:
    start = min(axis.start for axis in axes)
    end = max(axis.start + axis.size for axis in axes)
    return Axis(start, end - start, axes[0].stride)
