"""Types of the filters of a first layer, from their weights: edge, bright, dark, mixed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnzoo.reporting.style import TIMES
from cnnzoo.text import joined

EDGE, BRIGHT, DARK, MIXED = "edge", "bright", "dark", "mixed"
EXPLAINED = 0.5  # share of the variance of the weights, by a plane
ONE_SIGN = 0.8  # of the sum of their magnitudes

_ARROWS = "→↗↑↖←↙↓↘"
_DIRECTIONS = (
    "to the right",
    "to the upper right",
    "upwards",
    "to the upper left",
    "to the left",
    "to the lower left",
    "downwards",
    "to the lower right",
)


@dataclass(frozen=True, slots=True)
class FilterType:
    """The kind of a filter, with an arrow to the bright side of an edge."""

    kind: str
    arrow: str = ""
    text: str = ""


def filter_types(filters: NDArray[np.float32]) -> list[FilterType]:
    """Return the type of each filter of [height, width, in channels, filters], channels averaged.

    Edge: a plane explains at least half of the variance of the weights. Bright or dark: the sum of
    the weights is at least 0.8 of the sum of their magnitudes, or at most -0.8.
    """
    height, width, _, count = filters.shape
    weights = filters.mean(axis=2).reshape(-1, count).astype(np.float64)
    down, right = (axis.ravel() for axis in np.mgrid[:height, :width])
    across = np.stack([right - right.mean(), down.mean() - down], axis=1)  # right, up
    centred = weights - weights.mean(axis=0)
    slopes = np.linalg.pinv(across) @ centred  # [2, filters]
    total = (centred**2).sum(axis=0)
    explained = ((across @ slopes) ** 2).sum(axis=0) / np.maximum(total, 1e-12)
    sums = weights.sum(axis=0) / np.maximum(np.abs(weights).sum(axis=0), 1e-12)
    return [
        _filter_type(float(explained[i]), float(sums[i]), float(slopes[0, i]), float(slopes[1, i]))
        for i in range(count)
    ]


def chance_of_edge(height: int, width: int) -> float:
    """Return the probability that independent normal weights count as an edge.

    The share that two of n - 1 directions explain has the distribution Beta(1, (n - 3) / 2).
    """
    return float((1 - EXPLAINED) ** ((height * width - 3) / 2)) if min(height, width) > 1 else 1.0


def filter_types_text(found: Sequence[FilterType], height: int, width: int) -> str:
    """Describe the types of filters in sentences."""
    if min(height, width) == 1:
        return "The filters are one pixel thin, so they cannot tell the direction of an edge."
    counts = Counter(type.kind for type in found)
    parts = [
        f"{counts[kind]} {_SAID[kind]}" for kind in (EDGE, BRIGHT, DARK, MIXED) if counts[kind]
    ]
    chance = chance_of_edge(height, width)
    likely = "less than 1 in 1,000" if chance < 0.001 else f"{100 * chance:.1f} %"
    would = f"Of random {height}{TIMES}{width} weights {likely} would count as an edge."
    if counts[MIXED] == len(found):
        return f"None of the {len(found)} filters is a plain edge or of one sign. {would}"
    first, _, rest = parts[0].partition(" ")
    parts[0] = f"{first} {'answers' if first == '1' else 'answer'} {rest}"
    text = f"Of {len(found)} filters, {joined(parts)}. "
    directions = Counter(type.text for type in found if type.kind == EDGE)
    if directions:
        named = [f"{where} ({count})" for where, count in directions.most_common()]
        text += f"The edges become brighter {joined(named)}. "
    return text + would


_SAID = {
    EDGE: "to edges",
    BRIGHT: "to brightness",
    DARK: "to darkness",
    MIXED: "to other patterns",
}


def _filter_type(explained: float, total: float, right: float, up: float) -> FilterType:
    if abs(total) >= ONE_SIGN:
        return FilterType(BRIGHT if total > 0 else DARK)
    if explained < EXPLAINED:
        return FilterType(MIXED)
    octant = round(math.atan2(up, right) / (math.pi / 4)) % 8
    return FilterType(EDGE, _ARROWS[octant], _DIRECTIONS[octant])
