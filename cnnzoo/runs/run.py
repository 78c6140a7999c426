"""The run directory: `runs/<config name>/<n>`, alone enough to evaluate and repeat a run.

Every file is written beside its final name and then renamed, so a reader never sees half of one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cnnzoo.config.loader import load_config
from cnnzoo.config.schema import Config
from cnnzoo.config.writer import dump_config
from cnnzoo.errors import RunError
from cnnzoo.runs.files import write_text
from cnnzoo.runs.schema import Metrics, RunRecord, read_history, read_json

CONFIG = "config.yaml"
RECORD = "run.json"
MODEL = "model.keras"
HISTORY = "history.csv"
CHECKPOINTS = "checkpoints"
_LOCK = ".lock"

RUNNING, FINISHED, INTERRUPTED, FAILED = "running", "finished", "interrupted", "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One training: a directory and the files in it."""

    path: Path

    @property
    def model_path(self) -> Path:
        """The best model by the monitored metric: plain Keras, inference only."""
        return self.path / MODEL

    @property
    def history_path(self) -> Path:
        """One row an epoch, as comma-separated values."""
        return self.path / HISTORY

    @property
    def checkpoints_path(self) -> Path:
        """The folder of what exact resume needs."""
        return self.path / CHECKPOINTS

    def metrics_path(self, split: str) -> Path:
        """What evaluate measured: `metrics.json` for the test split, else `metrics-SPLIT.json`."""
        return self.path / ("metrics.json" if split == "test" else f"metrics-{split}.json")

    def predictions_path(self, split: str) -> Path:
        """What evaluate predicted: `predictions.csv` for the test split, else with its name."""
        return self.path / ("predictions.csv" if split == "test" else f"predictions-{split}.csv")

    def metrics(self, split: str = "test") -> dict[str, Any]:
        """What evaluate measured on a split."""
        path = self.metrics_path(split)
        hint = f"measure it again: cnnzoo evaluate {self} --split {split}"
        return read_json(path, Metrics, hint)

    def config(self) -> Config:
        """The configuration that the run was made from."""
        return load_config(self.path / CONFIG)

    def record(self) -> dict[str, Any]:
        """What `run.json` says: status, class names, seed, versions, times."""
        return read_json(self.path / RECORD, RunRecord)

    def history(self) -> list[dict[str, float]]:
        """The rows of `history.csv`, one an epoch; none before the first has ended."""
        return read_history(self.history_path) if self.history_path.exists() else []

    @contextmanager
    def training(self) -> Iterator[None]:
        """Held by the one process that trains the run; the system frees it however that ends.

        Raises RunError where another process holds it.
        """
        with _writing(self.checkpoints_path):
            self.checkpoints_path.mkdir(exist_ok=True)
            lock = FileLock(self.checkpoints_path / _LOCK, timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise RunError(f"{self} is being trained by another process") from None
        try:
            yield
        finally:
            lock.release()

    def is_training(self) -> bool:
        """Whether a process trains the run at this moment."""
        if not (self.checkpoints_path / _LOCK).exists():
            return False
        try:
            with self.training():
                return False
        except RunError:
            return True

    def write_config(self, config: Config) -> None:
        """Let the run have this configuration from now on."""
        with _writing(self.path / CONFIG) as path:
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
        """Add values to `run.json`, replacing those of the same name."""
        path = self.path / RECORD
        record = self.record() if path.exists() else {}
        with _writing(path):
            write_text(path, json.dumps(record | values, indent=2, ensure_ascii=False) + "\n")

    def __str__(self) -> str:
        return str(self.path)


def create_run(runs_dir: Path | str, config: Config) -> Run:
    """A new run directory with its configuration in it; concurrent calls never share one."""
    parent = Path(runs_dir) / config.name
    try:
        parent.mkdir(parents=True, exist_ok=True)
        number = max(_numbers(parent), default=0) + 1
        while True:
            try:
                (parent / str(number)).mkdir()
                break
            except FileExistsError:
                number += 1
        run = Run(parent / str(number))
        write_text(run.path / CONFIG, dump_config(config))
    except OSError as error:
        raise RunError(
            f"cannot write a run below {runs_dir}: {error.strerror}",
            hint="name another directory with --runs-dir or CNNZOO_RUNS_DIR",
        ) from error
    return run


def open_run(path: Path | str) -> Run:
    """The run in a directory; raises RunError where there is none."""
    path = Path(path)
    if not path.is_dir():
        raise RunError(f"there is no run {str(path)!r}: no such directory", hint=_LIST_RUNS)
    for name in (CONFIG, RECORD):
        if not (path / name).is_file():
            raise RunError(f"{path} is not a run directory: it has no {name}", hint=_LIST_RUNS)
    return Run(path)


def latest_run(runs_dir: Path | str) -> Run:
    """The run below a runs directory that was started last."""
    runs = by_start(runs_dir)
    if not runs:
        raise RunError(f"no runs in {runs_dir}", hint="train one first: cnnzoo train lenet")
    return runs[-1]


def by_start(runs_dir: Path | str) -> list[Run]:
    """All runs below a runs directory, the one that was started last at the end."""
    return sorted(find_runs(runs_dir), key=_started)


def run_to_resume(runs_dir: Path | str, *, finished: bool = False) -> Run:
    """The run that was started last of those that nobody trains and that are not finished.

    With `finished`, those too. Raises RunError where there is none.
    """
    runs = [
        run
        for run in find_runs(runs_dir)
        if (finished or run.record().get("status") != FINISHED) and not run.is_training()
    ]
    if not runs:
        raise RunError(
            f"there is no run below {runs_dir} that could go on",
            hint="extend one that is finished: cnnzoo train --resume training.epochs=N",
        )
    return max(runs, key=_started)


def find_runs(runs_dir: Path | str) -> list[Run]:
    """All runs below a runs directory, by name and number."""
    root = Path(runs_dir)
    if not root.is_dir():
        return []
    parents = sorted(path for path in root.iterdir() if path.is_dir())
    paths = [parent / str(number) for parent in parents for number in sorted(_numbers(parent))]
    return [Run(path) for path in paths if (path / RECORD).is_file() and (path / CONFIG).is_file()]


_LIST_RUNS = "a run is a directory such as runs/lenet/1; without one, the latest run is taken"


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    try:
        yield path
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error


def _started(run: Run) -> str:
    return str(run.record().get("started"))


def _numbers(parent: Path) -> Iterator[int]:
    return (int(path.name) for path in parent.iterdir() if path.name.isdecimal())
