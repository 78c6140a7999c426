"""The run directory `runs/<config name>/<n>`: enough to evaluate, resume and repeat a training.

Every file is written to a temporary name and then renamed, so a reader never sees a part of one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnzoo.config.loader import load_config
from cnnzoo.config.schema import Config
from cnnzoo.config.writer import dump_config
from cnnzoo.errors import CnnzooError, RunError
from cnnzoo.runs.files import is_locked, remove_leftovers, write_text
from cnnzoo.runs.schema import Metrics, RunRecord, read_history, read_json
from cnnzoo.text import counted

CONFIG = "config.yaml"
RECORD = "run.json"
MODEL = "model.keras"
HISTORY = "history.csv"
CHECKPOINTS = "checkpoints"
EXPORTS = "exports"
_TRAINING_LOCK = ".lock"
_RECORD_LOCK = ".run.lock"
# Temporary files of `write_config`, `write_history`, the model and the checkpoints, also those of
# older versions. They are written only by the process that holds `Run.training`.
_TEMPORARY = (".config-*", ".history-*", ".model-*", f"{CHECKPOINTS}/.*-*")
_MEASUREMENTS = ("metrics*.json", "predictions*.csv", "predictions*.parquet")

Note = Callable[[str], None]  # called with one line for the user
_LISTED = 3  # damaged runs that a note names

RUNNING, FINISHED, INTERRUPTED, FAILED = "running", "finished", "interrupted", "failed"
PRUNED = "pruned"  # stopped early by a study, because others were better
QUEUED = "queued"  # waits for a cluster to train it


@dataclass(frozen=True, slots=True)
class Run:
    """A training: a directory and the files in it."""

    path: Path

    @property
    def model_path(self) -> Path:
        """The best model by the monitored metric: plain Keras, inference only."""
        return self.path / MODEL

    @property
    def history_path(self) -> Path:
        """The metrics as comma-separated values, one row per epoch."""
        return self.path / HISTORY

    @property
    def checkpoints_path(self) -> Path:
        """The folder of the files that exact resume needs."""
        return self.path / CHECKPOINTS

    @property
    def exports_path(self) -> Path:
        """The folder of the exported models and their records."""
        return self.path / EXPORTS

    def metrics_path(self, split: str) -> Path:
        """The metrics of a split: `metrics.json` for `test`, else `metrics-SPLIT.json`."""
        return self.path / ("metrics.json" if split == "test" else f"metrics-{split}.json")

    def predictions_path(self, split: str) -> Path:
        """The predictions of a split: `predictions.csv` or `predictions-SPLIT.csv`."""
        return self.path / ("predictions.csv" if split == "test" else f"predictions-{split}.csv")

    def metrics(self, split: str = "test") -> dict[str, Any]:
        """Read the metrics of a split."""
        path = self.metrics_path(split)
        hint = f"measure it again: cnnzoo evaluate {self} --split {split}"
        return read_json(path, Metrics, hint)

    def config(self) -> Config:
        """Read the configuration of the run."""
        return load_config(self.path / CONFIG)

    def trained_config(self) -> Config | None:
        """Read the configuration that the last training of the run used.

        It differs from `config` if `config.yaml` was edited since. None for a run of an
        older version, which has no copy.
        """
        path = self.checkpoints_path / CONFIG
        return load_config(path) if path.is_file() else None

    def record(self) -> dict[str, Any]:
        """Read `run.json`: status, class names, seed, versions, times."""
        return read_json(self.path / RECORD, RunRecord)

    def history(self) -> list[dict[str, float]]:
        """Read the rows of `history.csv`, one per epoch; empty before the first has ended."""
        return read_history(self.history_path) if self.history_path.exists() else []

    def awaits_measurement(self) -> bool:
        """True if the training is finished, but its test split is not measured yet."""
        record = self.record()
        examples = record.get("data", {}).get("examples", {}).get("test", 0)
        return bool(
            record.get("status") == FINISHED and examples and not self.metrics_path("test").exists()
        )

    @contextmanager
    def training(self) -> Iterator[None]:
        """Hold the lock of the process that trains the run; the system frees it if that dies.

        Raises RunError if another process holds it.
        """
        with _writing(self.checkpoints_path):
            self.checkpoints_path.mkdir(exist_ok=True)
            lock = FileLock(self.checkpoints_path / _TRAINING_LOCK, timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise RunError(f"{self} is being trained by another process") from None
        try:
            yield
        finally:
            lock.release()

    def is_training(self) -> bool:
        """Return whether a process trains the run now; also for runs that cannot be written."""
        path = self.checkpoints_path / _TRAINING_LOCK
        try:
            return path.exists() and is_locked(path)
        except OSError:  # it was removed, or cannot be read
            return False

    def write_config(self, config: Config) -> None:
        """Write the configuration that the run is trained with from now on.

        The copy in `checkpoints` shows later whether `config.yaml` was edited.
        """
        for path in (self.path / CONFIG, self.checkpoints_path / CONFIG):
            with _writing(path):
                write_text(path, dump_config(config))

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Write `history.csv`; every row has the keys of the first."""
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0] if rows else (), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        with _writing(self.history_path) as path:
            write_text(path, text.getvalue())

    def update(self, **values: Any) -> None:
        """Set keys of `run.json`; updates by several processes at once are all kept."""
        path = self.path / RECORD
        with _writing(path):
            self.checkpoints_path.mkdir(exist_ok=True)
            with FileLock(self.checkpoints_path / _RECORD_LOCK):
                record = self.record() if path.exists() else {}
                text = json.dumps(record | values, indent=2, ensure_ascii=False)
                write_text(path, text + "\n")

    def remove_measurements(self) -> None:
        """Remove metrics, predictions and the threshold, which belong to an older model."""
        if (self.path / RECORD).exists() and self.record().get("threshold") is not None:
            self.update(threshold=None)
        for pattern in _MEASUREMENTS:
            for path in self.path.glob(pattern):
                with _writing(path):
                    path.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Remove temporary files that killed processes left; the caller holds `training()`."""
        for pattern in _TEMPORARY:
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)
        remove_leftovers(self.path)

    def __str__(self) -> str:
        return str(self.path)


def create_run(runs_dir: Path | str, config: Config, number: int | None = None) -> Run:
    """Create a run directory with its configuration; concurrent calls never share one.

    Its number is the next free one, or `number`, whose directory must not exist.
    """
    parent = Path(runs_dir) / config.name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        run = Run(_new_directory(parent) if number is None else parent / str(number))
        run.path.mkdir(exist_ok=number is None)
        write_text(run.path / CONFIG, dump_config(config))
    except OSError as error:
        raise RunError(
            f"cannot write a run below {runs_dir}: {error.strerror}",
            hint="name another directory with --runs-dir or CNNZOO_RUNS_DIR",
        ) from error
    return run


def queue_run(runs_dir: Path | str, config: Config, command: str) -> Run:
    """Create the directory of a run that a cluster will train; `resume` starts it."""
    run = create_run(runs_dir, config)
    run.update(status=QUEUED, started=timestamp(), seed=config.seed, command=command)
    return run


def timestamp() -> str:
    """The current time as `run.json` has it: ISO 8601, UTC, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _new_directory(parent: Path) -> Path:
    """Create and return the directory of the next free number."""
    number = max(_numbers(parent), default=0) + 1
    while True:
        try:
            (parent / str(number)).mkdir()
            return parent / str(number)
        except FileExistsError:
            number += 1


def open_run(path: Path | str) -> Run:
    """The run in a directory; raises RunError if it is not a run directory."""
    path = Path(path)
    if not path.is_dir():
        raise RunError(f"the run {str(path)!r} does not exist", hint=_LIST_RUNS)
    for name in (CONFIG, RECORD):
        if not (path / name).is_file():
            raise RunError(f"{path} is not a run directory: it has no {name}", hint=_LIST_RUNS)
    return Run(path)


def latest_run(runs_dir: Path | str, note: Note | None = None) -> Run:
    """Return the run below a runs directory that was started last.

    Damaged runs are skipped, and `note` is called with one line about them. Raises RunError if all
    are damaged or none exists.
    """
    for run, _ in _newest_first(runs_dir, note):
        return run
    for damaged in find_runs(runs_dir):
        damaged.record(), damaged.config()  # raises CnnzooError with the reason
    raise RunError(f"no runs in {runs_dir}", hint="train one first: cnnzoo train lenet")


def by_start(runs_dir: Path | str, note: Note | None = None) -> list[Run]:
    """Return all runs that are not damaged, the one that was started last at the end."""
    return [run for run, _ in _newest_first(runs_dir, note)][::-1]


def run_to_resume(runs_dir: Path | str, note: Note | None = None, *, finished: bool = False) -> Run:
    """The incomplete run that was started last: its training or its measurement is not finished.

    Runs that a process trains now, queued and damaged runs are not considered. With `finished`,
    complete runs are. Raises RunError if there is none.
    """
    for run, record in _newest_first(runs_dir, note):
        unfinished = record.get("status") not in (FINISHED, QUEUED) or run.awaits_measurement()
        if (finished or unfinished) and not run.is_training():
            return run
    raise RunError(
        f"{runs_dir} has no run to resume",
        hint="extend a finished one: cnnzoo train --resume training.epochs=N",
    )


def find_runs(runs_dir: Path | str) -> list[Run]:
    """All runs below a runs directory, by name and number."""
    root = Path(runs_dir)
    if not root.is_dir():
        return []
    parents = sorted(path for path in root.iterdir() if path.is_dir())
    paths = [parent / str(number) for parent in parents for number in sorted(_numbers(parent))]
    return [Run(path) for path in paths if (path / RECORD).is_file() and (path / CONFIG).is_file()]


_LIST_RUNS = "a run is a directory such as runs/lenet/1; without RUN, the latest run is used"


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    try:
        yield path
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error


def _newest_first(runs_dir: Path | str, note: Note | None) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Yield the runs that are not damaged, the one that was started last first, with its record.

    Only the configurations of the yielded runs are read.
    """
    found, damaged = [], []
    for run in find_runs(runs_dir):
        try:
            found.append((run, run.record()))
        except RunError:
            damaged.append(run)
    if damaged and note:
        note(_skipped(damaged))
    for run, record in sorted(found, key=lambda pair: str(pair[1].get("started")), reverse=True):
        try:
            run.config()
        except CnnzooError:
            if note:
                note(_skipped([run]))
            continue
        yield run, record


def _skipped(damaged: Sequence[Run]) -> str:
    paths = [*map(str, damaged[:_LISTED]), *(["…"] if damaged[_LISTED:] else [])]
    runs = counted(len(damaged), "damaged run")
    return f"skipped {runs}: {', '.join(paths)}; cnnzoo runs shows why"


def _numbers(parent: Path) -> Iterator[int]:
    return (int(path.name) for path in parent.iterdir() if path.name.isdecimal())
