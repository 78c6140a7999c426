"""What a finished training reached, on one screen."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cnnzoo.runs.run import CONFIG, HISTORY, MODEL, RECORD, Run
from cnnzoo.text import duration_text
from cnnzoo.training.loggers.tensorboard import DIRECTORY
from cnnzoo.training.progress import Metrics, metric_names

_METRICS = 6  # of each part that are shown; history.csv has all


def summary(run: Run, test: Sequence[str] = ()) -> str:
    """The best epoch, its metrics, what the test said, times, files, what to do next.

    `test` are lines on the test split. It fits a terminal of 24 lines of 80 letters, unless the
    path of the run is long.
    """
    record, history = run.record(), run.history()
    best = record["best_epoch"]
    return "\n".join(
        [
            "",
            f"{run}: {_epochs(record, len(history))}",
            "",
            f"best epoch: {best}, by {run.config().training.monitor}",
            *_metric_lines(history[best - 1]),
            *test,
            "",
            *(f"  {name:<16} {what}" for name, what in _files(run) if (run.path / name).exists()),
            "",
            *(f"  {command}" for command in _commands(run)),
        ]
    )


def _files(run: Run) -> tuple[tuple[str, str], ...]:
    return (
        (MODEL, "the model of the best epoch, plain Keras"),
        (HISTORY, "the losses and metrics of each epoch"),
        (run.metrics_path("test").name, "what was measured on the test split"),
        (run.predictions_path("test").name, "what was predicted for each example of it"),
        (CONFIG, "everything that the run was made from"),
        (RECORD, "data, versions, machine, times"),
        (DIRECTORY, f"look at it with: tensorboard --logdir {_quoted(run.path)}"),
    )


def _epochs(record: dict[str, Any], epochs: int) -> str:
    """How long it took: `12 epochs in 1:23, 4.1 s an epoch, 853 images/s`."""
    text = f"{epochs} epochs in {duration_text(record['seconds'])}"
    if seconds := record.get("epoch_seconds"):
        # The first epoch compiles; the rate has the validation in it.
        typical = median(seconds[1:] or seconds)
        images = record["data"]["examples"]["train"]
        text += f", {duration_text(typical)} an epoch, {images / max(typical, 1e-3):,.0f} images/s"
    return text


def _metric_lines(metrics: Metrics) -> list[str]:
    """Training and validation below each other, a column a metric."""
    names = dict.fromkeys(name.removeprefix("val_") for name in metric_names(metrics))
    shown = list(names)[:_METRICS]
    widths = {name: max(len(name), 7) for name in shown}
    lines = ["  ".join([" " * 12, *(f"{name:>{widths[name]}}" for name in shown)])]
    for part, prefix in (("training", ""), ("validation", "val_")):
        cells = [
            f"{metrics[prefix + name]:.4f}" if prefix + name in metrics else "-" for name in shown
        ]
        row = [f"{cell:>{widths[name]}}" for name, cell in zip(shown, cells, strict=True)]
        lines.append("  ".join([f"  {part:<10}", *row]))
    return lines


def _commands(run: Run) -> list[str]:
    runs_dir, name = run.path.parent.parent, run.path.parent.name
    elsewhere = "" if str(runs_dir) == "runs" else f" --runs-dir {_quoted(runs_dir)}"
    return [
        f"cnnzoo evaluate {_quoted(run.path)}",
        f"cnnzoo predict {_quoted(run.path)} FILES",
        f"cnnzoo runs {name}{elsewhere}",
    ]


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
