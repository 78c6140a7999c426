"""The geometry of small line and bar charts; the template draws it in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnnzoo.extras import require
from cnnzoo.reporting.curves import History, curve_names

WIDTH, HEIGHT = 400, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 12, 38

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to pixels of a chart; those that are `whole` numbers have whole ticks."""

    low: float
    high: float
    first: float
    last: float
    logarithmic: bool = False
    whole: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value, to a tenth."""
        low, high, value = (self._even(each) for each in (self.low, self.high, value))
        return round(self.first + (value - low) / (high - low) * (self.last - self.first), 1)

    def _round_values(self) -> list[float]:
        ticker = require("matplotlib.ticker", "report")
        if self.logarithmic:
            locator = ticker.LogLocator(numticks=6)
        else:
            steps = [1, 2, 5, 10] if self.whole else [1, 2, 2.5, 5, 10]
            locator = ticker.MaxNLocator(5, integer=self.whole, steps=steps, min_n_ticks=1)
        # -0.0 would be written with its sign.
        return [float(value) + 0.0 for value in locator.tick_values(self.low, self.high)]

    def _even(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Where a few round values are, and how they are written."""
        return [
            (self(value), f"{value:.6g}")
            for value in self._round_values()
            if self.low <= value <= self.high
        ]


@dataclass(frozen=True, slots=True)
class Line:
    """A named line; `kind` is its look: training, validation, chance."""

    name: str
    kind: str
    path: str
    dots: tuple[tuple[float, float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws; `summary` says the same in a sentence, for who cannot see it."""

    title: str
    summary: str
    x: Scale
    y: Scale
    x_label: str
    y_label: str
    lines: tuple[Line, ...] = ()
    bars: tuple[tuple[float, float, float, float, str], ...] = ()  # x, y, width, height, text
    marks: tuple[tuple[float, str], ...] = ()  # x, text
    points: tuple[tuple[float, float, str], ...] = ()
    width: int = field(default=WIDTH, init=False)
    height: int = field(default=HEIGHT, init=False)


def learning_charts(history: History, best_epoch: int | None) -> list[Chart]:
    """The loss, each metric and the learning rate over the epochs; none before one has ended."""
    if not history:
        return []
    charts = [_learning_chart(history, name, best_epoch) for name in curve_names(history)]
    if "learning_rate" in history[0]:
        charts.append(_rate_chart(history, best_epoch))
    return [chart for chart in charts if chart]


def reliability_chart(bins: Sequence[Mapping[str, Any]]) -> Chart:
    """Accuracy over the probability of the predicted class, after Guo et al. (2017)."""
    x, y = _shares()
    filled = [each for each in bins if each["count"]]
    bars, points = [], []
    for each in filled:
        left, right, top = x(each["low"]), x(each["high"]), y(each["accuracy"])
        text = (
            f"{each['count']:,} examples, {each['confidence']:.1%} sure on average, "
            f"{each['accuracy']:.1%} right"
        )
        bars.append((left, top, round(right - left, 1), round(y(0) - top, 1), text))
        points.append((x(each["confidence"]), top, text))
    return Chart(
        "Probability and accuracy",
        f"Accuracy in {len(filled)} bins of the probability of the predicted class.",
        x,
        y,
        "probability of the predicted class",
        "accuracy",
        lines=(Line("perfectly calibrated", "chance", _path([(x(0), y(0)), (x(1), y(1))])),),
        bars=tuple(bars),
        points=tuple(points),
    )


def curve_chart(
    title: str, points: Sequence[Point], chance: Sequence[Point], labels: tuple[str, str]
) -> Chart:
    """A curve between 0 and 1 on both axes, such as ROC, beside what chance would reach."""
    x, y = _shares()
    step = max(1, len(points) // 300)
    chosen = [*points[::step], points[-1]]
    return Chart(
        title,
        title,
        x,
        y,
        *labels,
        lines=(
            Line("chance", "chance", _path([(x(a), y(b)) for a, b in chance])),
            Line("measured", "validation", _path([(x(a), y(b)) for a, b in chosen])),
        ),
    )


def _learning_chart(history: History, name: str, best_epoch: int | None) -> Chart | None:
    series = {"training": _series(history, name), "validation": _series(history, f"val_{name}")}
    values = [value for points in series.values() for _, value in points]
    if not values:
        return None
    low, high = min(values), max(values)
    # Of a share what matters is near 1; a loss has its zero.
    bottom = max(0.0, low - 0.08 * (high - low)) if low >= 0 and high <= 1 else min(0.0, low)
    bottom = 0.0 if name == "loss" and low >= 0 else bottom
    x, y = _epochs(history), _upwards(bottom, high)
    title = name.replace("_", " ")
    said = ", ".join(
        f"{kind} from {points[0][1]:.4g} to {points[-1][1]:.4g}"
        for kind, points in series.items()
        if points
    )
    return Chart(
        title[:1].upper() + title[1:],
        f"{title} over {len(history)} epochs: {said}.",
        x,
        y,
        "epoch",
        title,
        lines=tuple(_line(kind, kind, points, x, y) for kind, points in series.items() if points),
        marks=_best(best_epoch, x),
    )


def _rate_chart(history: History, best_epoch: int | None) -> Chart | None:
    points = _series(history, "learning_rate")
    rates = [rate for _, rate in points]
    if not rates or max(rates) <= 0:
        return None
    logarithmic = min(rates) > 0 and max(rates) >= 100 * min(rates)
    low = min(rates) if logarithmic else 0.0
    x, y = _epochs(history), _upwards(low, max(rates), logarithmic)
    return Chart(
        "Learning rate",
        f"The learning rate goes from {rates[0]:.3g} to {rates[-1]:.3g}.",
        x,
        y,
        "epoch",
        "at the end of the epoch",
        lines=(_line("learning rate", "validation", points, x, y),),
        marks=_best(best_epoch, x),
    )


def _shares() -> tuple[Scale, Scale]:
    return Scale(0, 1, LEFT, WIDTH - RIGHT), _upwards(0, 1)


def _upwards(low: float, high: float, logarithmic: bool = False) -> Scale:
    if high <= low:
        low, high = (low / 2, high * 2) if logarithmic else (low - 0.5, high + 0.5)
    return Scale(low, high, HEIGHT - BOTTOM, TOP, logarithmic)


def _epochs(history: History) -> Scale:
    first, last = history[0]["epoch"], history[-1]["epoch"]
    alone = 0.5 if first == last else 0.0
    return Scale(first - alone, last + alone, LEFT, WIDTH - RIGHT, whole=True)


def _series(history: History, key: str) -> list[Point]:
    return [(row["epoch"], row[key]) for row in history if key in row and math.isfinite(row[key])]


def _line(name: str, kind: str, points: Sequence[Point], x: Scale, y: Scale) -> Line:
    places = [(x(epoch), y(value)) for epoch, value in points]
    texts = [f"epoch {epoch:.0f}, {name} {value:.4g}" for epoch, value in points]
    dots = tuple((*place, text) for place, text in zip(places, texts, strict=True))
    return Line(name, kind, _path(places), dots if len(dots) <= 60 else ())


def _path(places: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places)


def _best(best_epoch: int | None, x: Scale) -> tuple[tuple[float, str], ...]:
    return () if best_epoch is None else ((x(best_epoch), f"best epoch {best_epoch}"),)
