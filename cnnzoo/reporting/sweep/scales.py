"""The values of a searched key on an axis: numbers on their scale, choices side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnzoo.config.sweep import Choice, Domain
from cnnzoo.config.writer import to_flow
from cnnzoo.text import shorten

_LETTERS = 22  # of the text of a choice


@dataclass(frozen=True, slots=True)
class Scale:
    """The positions of values on an axis, and the labels of its ticks."""

    positions: list[float]
    low: float
    high: float
    logarithmic: bool
    ticks: list[tuple[float, str]]


def scale_of(domain: Domain, values: Sequence[Any]) -> Scale:
    """Return the scale of a domain, for the values of trials."""
    if isinstance(domain, Choice):
        texts = [to_flow(value) for value in domain.values]
        places = [float(texts.index(to_flow(value))) for value in values]
        ticks = [(float(place), shorten(text, _LETTERS)) for place, text in enumerate(texts)]
        return Scale(places, -0.5, len(texts) - 0.5, False, ticks)
    low, high = float(domain.low), float(domain.high)
    ticks = [(low, f"{low:.3g}"), (high, f"{high:.3g}")]
    return Scale([float(value) for value in values], low, high, domain.is_logarithmic, ticks)
