"""The tables of a cross-validation, and the commands to use next."""

from __future__ import annotations

import shlex

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cnnzoo.evaluation.metric_titles import title_of
from cnnzoo.studies.crossval_directory import CrossvalDirectory
from cnnzoo.studies.crossval_results import CrossvalRecord
from cnnzoo.studies.outcomes import FINISHED
from cnnzoo.terminal.console import new_table
from cnnzoo.text import duration_text


def crossval_tables(record: CrossvalRecord) -> list[RenderableType]:
    """Return the results of each fold and, if all have one, the metrics with their intervals."""
    parts: list[RenderableType] = [_folds(record)]
    if record.metrics:
        parts += [_metrics(record), Text(interval_note(record))]
    return parts


def interval_note(record: CrossvalRecord) -> str:
    """Return what the intervals are of."""
    return (
        f"mean and standard deviation over {record.count} folds; the interval of the mean is "
        "Student's, with the variance of the corrected resampled t-test (Nadeau and Bengio, 2003)"
    )


def _folds(record: CrossvalRecord) -> Table:
    repeated = record.repeats > 1
    table = new_table("run", *(["repeat"] if repeated else []), "fold")
    for heading in ("examples", "accuracy", "loss", "best epoch", "time"):
        table.add_column(heading, justify="right")
    for result in record.results:
        row = [str(result.number), *([str(result.repeat)] if repeated else []), str(result.fold)]
        if result.outcome == FINISHED:
            row += [
                f"{result.examples['test']:,}",
                f"{result.metrics['accuracy']:.4f}",
                f"{result.metrics['loss']:.4f}",
                f"{result.best_epoch or '-'} of {result.epochs}",
                duration_text(result.seconds),
            ]
        else:
            row += ["-", result.outcome, "-", "-", "-"]
        table.add_row(*row)
    return table


def _metrics(record: CrossvalRecord) -> Table:
    table = new_table("figure")
    for heading in ("mean", "spread", "95 % interval"):
        table.add_column(heading, justify="right")
    for name, metric in record.metrics.items():
        if metric.value is None or metric.low is None:
            table.add_row(title_of(name).name, "-", "-", metric.why)
            continue
        table.add_row(
            title_of(name).name,
            f"{metric.value:.4f}",
            f"{metric.spread:.4f}",
            f"{metric.low:.4f} to {metric.high:.4f}",
        )
    return table


def next_step(directory: CrossvalDirectory, record: CrossvalRecord) -> str:
    """Return the files and the commands that use the result."""
    path = shlex.quote(str(directory))
    lines = [f"  cnnzoo report {path}"]
    if record.metrics:
        lines.insert(0, f"  out-of-fold predictions: {directory.predictions_path}")
    return "\n".join(["", *lines])
