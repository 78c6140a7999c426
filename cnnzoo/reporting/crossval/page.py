"""A cross-validation → one HTML page without other files or network access."""

from __future__ import annotations

from dataclasses import dataclass

from cnnzoo.evaluation.metric_titles import title_of
from cnnzoo.reporting.crossval.data import CrossvalData
from cnnzoo.reporting.crossval.figures import FIGURES
from cnnzoo.reporting.page.inline_svg import inline_svg
from cnnzoo.reporting.page.render import render
from cnnzoo.studies.crossval_results import FoldResult, MetricSummary, failure_text, fold_text
from cnnzoo.studies.outcomes import FINISHED
from cnnzoo.text import duration_text, shorten

_LONG = 200  # letters of a problem
_COLUMNS = ("accuracy", "balanced_accuracy", "macro_f1", "loss")  # of the table of folds


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric in the table: a text for each column."""

    name: str
    note: str
    mean: str
    spread: str
    interval: str


@dataclass(frozen=True, slots=True)
class Row:
    """One fold in the table: a text for each column."""

    number: int
    name: str
    metrics: list[str]
    examples: str
    epochs: str
    time: str


def crossval_page(data: CrossvalData) -> str:
    """Return the page of a cross-validation as HTML; raises UserError without matplotlib."""
    record = data.record
    drawn = {
        name: inline_svg(figure, name)
        for name, draw in FIGURES.items()
        if (figure := draw(data)) is not None
    }
    return render(
        "crossval.html",
        styles=("style.css", "report.css"),
        scripts=(),
        name=data.directory.name,
        record=record,
        headings=[title_of(name).name for name in _COLUMNS],
        metrics=[_metric(name, metric) for name, metric in record.metrics.items()],
        rows=[_row(data, result) for result in record.results],
        failure=shorten(failure_text(record), _LONG),
        missing=record.count - len(record.results),
        figures=drawn,
    )


def _metric(name: str, metric: MetricSummary) -> Figure:
    title = title_of(name)
    if metric.value is None or metric.low is None:
        return Figure(title.name, title.note, "-", "-", metric.why)
    return Figure(
        title.name,
        title.note,
        f"{metric.value:.4f}",
        f"{metric.spread:.4f}",
        f"{metric.low:.4f} to {metric.high:.4f}",
    )


def _row(data: CrossvalData, result: FoldResult) -> Row:
    name = fold_text(data.record, result)
    if result.outcome != FINISHED:
        problem = [result.outcome, *["-"] * (len(_COLUMNS) - 1)]
        return Row(result.number, name, problem, "-", "-", "-")
    return Row(
        result.number,
        name,
        [_number(result.metrics.get(each)) for each in _COLUMNS],
        f"{result.examples['test']:,}",
        f"{result.best_epoch or '-'} of {result.epochs}",
        duration_text(result.seconds),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
