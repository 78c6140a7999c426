"""The summary of a finished training, on one screen."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cnnzoo.runs.run import CONFIG, HISTORY, MODEL, RECORD, Run
from cnnzoo.text import counted, duration_text
from cnnzoo.training.loggers.tensorboard import DIRECTORY
from cnnzoo.training.progress import Metrics, metric_names

_METRICS = 6  # the number of metrics shown; history.csv has all
_NOTABLE = 0.1  # share of the time from which the start-up is shown


def summary(run: Run, test: Sequence[str] = ()) -> str:
    """The times, the best epoch and its metrics, the files of a run, and commands to use next.

    `test` are lines with the metrics of the test split. The summary fits a terminal of 24 lines of
    80 letters, unless the path of the run is long.
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
            *(f"  {name:<16} {text}" for name, text in _files(run) if (run.path / name).exists()),
            "",
            *(f"  {command}" for command in _commands(run, measured=bool(test))),
        ]
    )


def _files(run: Run) -> tuple[tuple[str, str], ...]:
    return (
        (MODEL, "the model of the best epoch, plain Keras"),
        (HISTORY, "the losses and metrics of each epoch"),
        (run.metrics_path("test").name, "the metrics of the test split"),
        (run.predictions_path("test").name, "the prediction for each test example"),
        (CONFIG, "the configuration, with all values"),
        (RECORD, "data, versions, machine, times"),
        (DIRECTORY, f"open it with: tensorboard --logdir {_quoted(run.path)}"),
    )


def _epochs(record: dict[str, Any], epochs: int) -> str:
    """The times: `12 epochs in 1:23; an epoch takes 4.1 s (853 images/s), start-up took 34.0 s`.

    An epoch is the median without the first, which compiles; it includes the validation. The
    start-up is the rest of the time: loading, compiling and writing.
    """
    total = record["seconds"]
    text = f"{counted(epochs, 'epoch')} in {duration_text(total)}"
    if seconds := record.get("epoch_seconds"):
        typical = median(seconds[1:] or seconds)
        images = record["data"]["examples"]["train"]
        text += f"; an epoch takes {duration_text(typical)}"
        text += f" ({images / max(typical, 1e-3):,.0f} images/s)"
        rest = total - len(seconds) * typical
        if len(seconds) > 1 and rest > _NOTABLE * total:
            text += f", start-up and compiling took {duration_text(rest)}"
    return text


def _metric_lines(metrics: Metrics) -> list[str]:
    """A table of the training and validation metrics, with one column per metric."""
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


def _commands(run: Run, measured: bool) -> list[str]:
    runs_dir, name = run.path.parent.parent, run.path.parent.name
    elsewhere = "" if str(runs_dir) == "runs" else f" --runs-dir {_quoted(runs_dir)}"
    return [
        f"cnnzoo {'report' if measured else 'evaluate'} {_quoted(run.path)}",
        f"cnnzoo predict {_quoted(run.path)} FILES",
        f"cnnzoo runs {name}{elsewhere}",
    ]


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
