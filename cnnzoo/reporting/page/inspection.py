"""What a page shows of the inside: the first layer, feature maps of an example, where it looked."""

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
SEARCHED = 500  # examples, for what raises a filter most
PATCHES = 4
OVERLAYS = 8  # mistakes with a Grad-CAM overlay

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter, what it makes of the example, and what raises it most in the data."""

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
    """A mistake, and where the network looked for the class that it said."""

    shown: Shown
    overlay: Picture


@dataclass(frozen=True, slots=True)
class Inspection:
    """All of it; what raises filters most was `searched` for in so many examples.

    The first convolution is called `layer`; it has `count` filters of a `window` (height, width)
    over so many `channels`, of each a type.
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
    """Overlay inside a classifier: at one example, and at rows of mistakes with their pictures.

    Raises UserError where the model has no convolution.
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
    """The weights [height, width, in channels, filters], and the filters as the page shows them."""
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
    """A model taken apart, and the output of its first convolution."""
    graph = trace(classifier.model)
    convolution = find_parts(classifier.model).convolution
    step = next(step for step in graph.steps if step.operation is convolution)
    return graph, Part(convolution.name, step.output, views(graph)[id(step.output)])


def _by_output(kernel: Floats, channels: int) -> Floats:
    """A kernel with one filter for each channel that comes out: [height, width, in, channels]."""
    height, width, first, second = kernel.shape
    if second == channels:
        return kernel
    if first * second == channels:  # depthwise
        return kernel.reshape(height, width, 1, channels)
    return kernel.transpose(0, 1, 3, 2)  # transposed


def _weights(weights: Floats, largest: float) -> Pixels:
    """A filter [height, width, in channels] in its colours, of any number but three their mean."""
    if weights.shape[2] == 3:
        scale = max(float(np.abs(weights).max()), 1e-12)
        return np.round(127.5 * (1 + weights / scale)).astype(np.uint8)
    return coloured(weights.mean(axis=2), -largest, largest, DIVERGING)


def _patches(found: Responses, channel: int, examples: Examples) -> list[Pixels]:
    """The regions of the data that raise a channel above 0, the strongest first."""
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
    """Its strongest maps, in the order of their channels and on one scale."""
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
