"""The inside of a network on a page: first filters, feature maps of an example, Grad-CAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Examples
from cnnzoo.evaluation.classifier import Classifier
from cnnzoo.evaluation.explain.explain import Explanation, Stage, explainer, first_filters
from cnnzoo.evaluation.explain.graph import Graph, trace
from cnnzoo.evaluation.explain.parts import ModelParts, Part, find_parts
from cnnzoo.evaluation.explain.receptive import views
from cnnzoo.evaluation.explain.responses import Responses, strongest_responses
from cnnzoo.models.backend import load_keras
from cnnzoo.reporting.page.filter_types import FilterType, filter_types
from cnnzoo.reporting.page.matrix import Shown
from cnnzoo.reporting.page.pictures import Picture, picture
from cnnzoo.reporting.style import TIMES
from cnnzoo.reporting.tiles import DIVERGING, MAGNITUDE, coloured, heat_overlay

FILTERS = 24  # of the first layer
MAPS = 16  # of each stage
STAGES = 8
SEARCHED = 500  # examples, for the strongest responses
PATCHES = 4
OVERLAYS = 8  # mistakes with a Grad-CAM overlay

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter, its feature map of the example, and its strongest responses in the data."""

    number: int
    weights: Picture
    map: Picture
    patches: tuple[Picture, ...]
    type: FilterType


@dataclass(frozen=True, slots=True)
class Maps:
    """The strongest feature maps of one stage, and how many it has."""

    name: str
    size: str
    channels: int
    maps: tuple[tuple[int, Picture], ...]


@dataclass(frozen=True, slots=True)
class Overlay:
    """A mistake and the Grad-CAM of its predicted class."""

    shown: Shown
    overlay: Picture


@dataclass(frozen=True, slots=True)
class Inspection:
    """Filters, feature maps and Grad-CAM overlays of a classifier.

    The first convolution has the name `layer` and `count` filters of a `window` (height, width)
    and `channels`. `searched` is the number of examples that were searched for responses.
    """

    layer: str
    window: tuple[int, int]
    channels: int
    count: int
    filter_types: tuple[FilterType, ...]
    filters: tuple[Filter, ...]
    searched: int
    stages: tuple[Maps, ...]
    overlays: tuple[Overlay, ...]


def inspect_model(
    classifier: Classifier,
    examples: Examples,
    example: int,
    mistakes: Sequence[tuple[int, Shown]],
) -> Inspection:
    """Inspect a classifier with one example, and with rows of mistakes and their images.

    Raises UserError if the model has no convolution.
    """
    parts = find_parts(classifier.model)
    explain = explainer(classifier, steps=1, parts=parts)
    image = examples.images[np.array([example])][0]
    wrong = examples.images[np.array([row for row, _ in mistakes], np.intp)]
    filters, first = _filters(classifier, parts, examples, image)
    height, width, channels, count = filters.shape
    return Inspection(
        parts.convolution.name,
        (height, width),
        channels,
        count,
        tuple(filter_types(filters)),
        first,
        min(SEARCHED, len(examples)),
        _stages(explain(image, None)),
        tuple(
            Overlay(shown, picture(heat_overlay(pixels, explain(pixels, None).grad_cam)))
            for (_, shown), pixels in zip(mistakes, wrong, strict=True)
        ),
    )


def _filters(
    classifier: Classifier, parts: ModelParts, examples: Examples, image: Pixels
) -> tuple[Floats, tuple[Filter, ...]]:
    """Return the weights [height, width, in channels, filters] and the filters for the page."""
    whole, part = _first_part(classifier)
    feature_model = load_keras().Model(whole.image, part.tensor)
    maps = np.asarray(feature_model.predict_on_batch(image[None]))[0]
    filters = _by_output(first_filters(classifier.model), maps.shape[2])
    largest, (low, high) = float(np.abs(filters).max()), (float(maps.min()), float(maps.max()))
    first = replace(parts, image=whole.image, stages=(part,))
    (found,) = strongest_responses(classifier, examples, PATCHES, limit=SEARCHED, parts=first)
    type = filter_types(filters)
    return filters, tuple(
        Filter(
            number,
            picture(_weights(filters[..., number], largest)),
            picture(coloured(maps[..., number], low, high, MAGNITUDE)),
            tuple(map(picture, _patches(found, number, examples))),
            type[number],
        )
        for number in range(min(FILTERS, maps.shape[2]))
    )


def _first_part(classifier: Classifier) -> tuple[Graph, Part]:
    """Return the graph of a model and the output of its first convolution."""
    graph = trace(classifier.model)
    convolution = find_parts(classifier.model).convolution
    step = next(step for step in graph.steps if step.operation is convolution)
    return graph, Part(convolution.name, step.output, views(graph)[id(step.output)])


def _by_output(kernel: Floats, channels: int) -> Floats:
    """Return a kernel with one filter per output channel: [height, width, in, channels]."""
    height, width, first, second = kernel.shape
    if second == channels:
        return kernel
    if first * second == channels:  # depthwise
        return kernel.reshape(height, width, 1, channels)
    return kernel.transpose(0, 1, 3, 2)  # transposed


def _weights(weights: Floats, largest: float) -> Pixels:
    """Return a filter [height, width, in channels] in colour, or the mean of its channels."""
    if weights.shape[2] == 3:
        scale = max(float(np.abs(weights).max()), 1e-12)
        return np.round(127.5 * (1 + weights / scale)).astype(np.uint8)
    return coloured(weights.mean(axis=2), -largest, largest, DIVERGING)


def _patches(found: Responses, channel: int, examples: Examples) -> list[Pixels]:
    """Return the regions of the data that raise a channel above 0, the strongest first."""
    rows = found.rows[channel]
    return [
        pixels[top:bottom, left:right]
        for pixels, value, (top, left, bottom, right) in zip(
            examples.images[rows], found.values[channel], found.regions[channel], strict=True
        )
        if value > 0
    ]


def _stages(explanation: Explanation) -> tuple[Maps, ...]:
    found = explanation.stages
    step = -(-len(found) // STAGES)
    return tuple(_maps(stage) for stage in found[::step])


def _maps(stage: Stage) -> Maps:
    """Return the strongest maps in the order of their channels, on one scale."""
    height, width, channels = stage.maps.shape
    chosen = np.sort(np.argsort(-stage.maps.max(axis=(0, 1)), kind="stable")[:MAPS])
    low, high = float(stage.maps[..., chosen].min()), float(stage.maps[..., chosen].max())
    return Maps(
        stage.name,
        f"{height}{TIMES}{width}",
        channels,
        tuple(
            (number, picture(coloured(stage.maps[..., number], low, high, MAGNITUDE)))
            for number in chosen.tolist()
        ),
    )
