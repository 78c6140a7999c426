"""The metrics of each fold, with mean and interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cnnzoo.evaluation.metric_titles import title_of
from cnnzoo.reporting.crossval.data import CrossvalData
from cnnzoo.reporting.style import BLUE, SKY, figure_style, new_figure
from cnnzoo.studies.crossval_results import LIMITS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fold_metrics(data: CrossvalData) -> Figure | None:
    """Draw each metric from 0 to 1 as a row: its folds, mean and interval; None without metrics."""
    rows = [
        _Row(title_of(name).name, _values(data, name), metric.value, metric.low, metric.high)
        for name, metric in data.record.metrics.items()
        if metric.value is not None
        and metric.low is not None
        and metric.high is not None
        and name not in LIMITS
    ]
    return _metrics(rows) if rows else None


class _Row(NamedTuple):
    title: str
    values: list[float]
    mean: float
    low: float
    high: float


def _values(data: CrossvalData, name: str) -> list[float]:
    found = [result.metrics.get(name) for result in data.record.results]
    return [value for value in found if value is not None]


@figure_style()
def _metrics(rows: Sequence[_Row]) -> Figure:
    figure = new_figure(6.6, 1.5 + 0.36 * len(rows))
    axes = figure.add_subplot()
    for at, row in enumerate(rows):
        fold, interval, mean = ("_",) * 3 if at else ("fold", "95 % interval of the mean", "mean")
        axes.plot(row.values, [at] * len(row.values), "o", color=SKY, markersize=4, label=fold)
        axes.plot([row.low, row.high], [at, at], color=BLUE, linewidth=1.6, label=interval)
        axes.plot([row.mean], [at], "|", color=BLUE, markersize=12, label=mean)
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first at the top
    axes.grid(axis="x")
    axes.set_title("metrics of the folds", pad=26)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    texts = [f"{row.title} {row.mean:.4f} ({row.low:.4f} to {row.high:.4f})" for row in rows]
    figure.set_label(f"Metrics of {len(rows[0].values)} folds: {', '.join(texts)}.")
    return figure
