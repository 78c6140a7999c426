"""The parts of a model that are explained: stages, the last feature maps, the scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from cnnzoo.errors import UserError
from cnnzoo.evaluation.explain.graph import Step, cuts, trace
from cnnzoo.evaluation.explain.receptive import View, views
from cnnzoo.evaluation.explain.scores import score_tensor
from cnnzoo.models.runtimes.model import ExportedModel

_MOVING = ("ZeroPadding2D", "Cropping2D")  # they do not compute
_POOLING = ("MaxPooling2D", "AveragePooling2D")
_IDLE = ("Dropout", "SpatialDropout2D", "Identity")


@dataclass(frozen=True, slots=True)
class Part:
    """The output of one layer: feature maps [None, height, width, channels], and their view."""

    name: str
    tensor: Any
    view: View


@dataclass(frozen=True, slots=True)
class ModelParts:
    """The parts of a model.

    `image` is its input and `scores` are the scores of its classes, as tensors of one graph;
    `stages` are the last feature maps of each height and width, in order; `last_maps` are those
    that Grad-CAM uses; `convolution` is the first layer with filters.
    """

    image: Any
    scores: Any
    stages: tuple[Part, ...]
    last_maps: Part
    convolution: Any


def find_parts(model: Any) -> ModelParts:
    """Find the parts of a Sequential or functional image classifier, nested models included.

    Raises UserError if it has no convolution, and so nothing to explain, or is an exported model.
    """
    if isinstance(model, ExportedModel):
        raise UserError(
            "an exported model has no layers and gradients to explain",
            hint="explain the run or the .keras file that it was exported from",
        )
    graph = trace(model)
    first = next((place for place, step in enumerate(graph.steps) if _convolves(step)), None)
    if first is None:
        raise UserError(
            "the model has no convolution: there are no filters and no feature maps to show",
            hint="cnnzoo show lists its layers",
        )
    behind = {id(step) for step in graph.steps[first:]}
    through = [step for step in cuts(graph) if id(step) in behind and _is_image(step)]
    if not through:
        raise UserError("the model has no feature maps without a branch around them")
    seen = views(graph)
    return ModelParts(
        graph.image,
        score_tensor(graph),
        tuple(_part(step, seen) for step in _stages(through)),
        _part(_last_maps(through), seen),
        graph.steps[first].operation,
    )


def _stages(through: list[Step]) -> Iterator[Step]:
    """Yield the last step of each height and width, unless padding alone makes that size."""
    for _, group in groupby(through, lambda step: tuple(step.output.shape[1:3])):
        steps = list(group)
        if not all(step.kind in _MOVING for step in steps):
            yield steps[-1]


def _last_maps(through: list[Step]) -> Step:
    """Return the activated maps of the last convolution, which are finer than pooled ones."""
    for step in reversed(through):
        if step.kind not in (*_POOLING, *_IDLE, *_MOVING):
            return step
    return through[-1]


def _convolves(step: Step) -> bool:
    kernel = getattr(step.operation, "kernel", None)
    return kernel is not None and len(kernel.shape) == 4


def _is_image(step: Step) -> bool:
    shape = step.output.shape
    return len(shape) == 4 and max(shape[1:3]) > 1


def _part(step: Step, seen: dict[int, View]) -> Part:
    return Part(step.operation.name, step.output, seen[id(step.output)])
