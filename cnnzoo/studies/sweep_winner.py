"""The best trial of a sweep: its runs, and their accuracy on the test split, measured once."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from filelock import FileLock

from cnnzoo.errors import CnnzooError
from cnnzoo.runs.run import RECORD, Run
from cnnzoo.studies.objectives import objectives_of
from cnnzoo.studies.progress import StudyDisplay
from cnnzoo.studies.sweep_directory import SweepDirectory
from cnnzoo.studies.sweep_results import SweepRecord, ranked
from cnnzoo.text import counted

_LOCK = ".winner.lock"


def winner_runs(directory: SweepDirectory, record: SweepRecord) -> list[Run]:
    """Return the runs of the best trial that exist here; of several objectives, by the first."""
    sweep = directory.sweep()
    order = ranked(record.trials, objectives_of(sweep.objective)[0])
    runs = directory.runs(order[0].number, sweep.seeds) if order else []
    return [run for run in runs if (run.path / RECORD).exists()]


def measure_winner(directory: SweepDirectory, record: SweepRecord, display: StudyDisplay) -> None:
    """Measure the best trial on the test split, once; no other trial is measured on it."""
    runs = winner_runs(directory, record)
    if record.complete() and not runs:
        display.note("the run of the best trial is on another machine, which measures it")
    for run in runs:
        with FileLock(directory.path / _LOCK):
            if run.awaits_measurement():
                from cnnzoo.evaluation.evaluate import evaluate

                evaluate(run)


def test_accuracies(runs: Sequence[Run]) -> list[float]:
    """Return the accuracy of each run on the test split, if all of them are measured."""
    try:
        return [run.metrics()["metrics"]["accuracy"]["value"] for run in runs]
    except CnnzooError:
        return []


def test_text(directory: SweepDirectory, record: SweepRecord) -> str:
    """Return the accuracy of the best trial on the test split in one line; "" if not measured."""
    runs = winner_runs(directory, record)
    accuracies = test_accuracies(runs)
    if not accuracies:
        return ""
    text = f"test accuracy of the best trial: {fmean(accuracies):.4f}"
    if len(runs) == 1:
        value = runs[0].metrics()["metrics"]["accuracy"]
        if value["low"] is not None:
            text += f" (95 % interval {value['low']:.4f} to {value['high']:.4f})"
    else:
        seeds = counted(len(runs), "seed")
        text += f", the mean of {seeds} ({min(accuracies):.4f} to {max(accuracies):.4f})"
    return text


def validation_examples(directory: SweepDirectory, record: SweepRecord) -> int:
    """Return the number of validation examples that the trials were compared on, 0 if unknown."""
    for run in winner_runs(directory, record):
        examples: int = run.record().get("data", {}).get("examples", {}).get("validation", 0)
        return examples
    return 0
