"""Metrics as texts for the page and the card: a title, a value, an interval and a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnzoo.evaluation.metric_titles import title_of
from cnnzoo.reporting.findings import percent


@dataclass(frozen=True, slots=True)
class MetricText:
    """A metric as text; `low` and `high` are empty if the interval is unknown."""

    name: str
    title: str
    value: str
    low: str
    high: str
    note: str

    @property
    def interval(self) -> str:
        """Return `96.1 to 98.1 %`, or an empty string."""
        if not self.low:
            return ""
        unit = " %" if self.high.endswith(" %") else ""
        return f"{self.low.removesuffix(' %')} to {self.high.removesuffix(' %')}{unit}"


def metric_texts(measured: Mapping[str, Any]) -> list[MetricText]:
    """Return all metrics that were measured, the accuracy first."""
    return [_metric_text(name, values) for name, values in measured["metrics"].items()]


def _metric_text(name: str, values: Mapping[str, Any]) -> MetricText:
    title, note, share = title_of(name)
    texts = ["" if values.get(key) is None else _text(values[key], share) for key in _KEYS]
    value, low, high = texts
    title = title[:1].upper() + title[1:]
    return MetricText(name, title, value or "unknown", low, high, values.get("why") or note)


_KEYS = ("value", "low", "high")


def _text(value: float, share: bool) -> str:
    return percent(value) if share else f"{value:.3f}"
