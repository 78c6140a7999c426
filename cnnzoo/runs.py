"""The run directory: `runs/<config name>/<n>`, alone enough to evaluate and repeat a run.

Every file is written beside its final name and then renamed, so a reader never sees half of one.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnzoo.config.loader import load_config
from cnnzoo.config.schema import Config
from cnnzoo.config.writer import dump_config
from cnnzoo.errors import RunError

CONFIG = "config.yaml"
RECORD = "run.json"
MODEL = "model.keras"
HISTORY = "history.csv"

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

    def metrics_path(self, split: str) -> Path:
        """What evaluate measured: `metrics.json` for the test split, else `metrics-SPLIT.json`."""
        return self.path / ("metrics.json" if split == "test" else f"metrics-{split}.json")

    def metrics(self, split: str = "test") -> dict[str, Any]:
        """What evaluate measured on a split."""
        measured: dict[str, Any] = json.loads(self.metrics_path(split).read_text(encoding="utf-8"))
        return measured

    def config(self) -> Config:
        """The configuration that the run was made from."""
        return load_config(self.path / CONFIG)

    def record(self) -> dict[str, Any]:
        """What `run.json` says: status, class names, seed, versions, times."""
        path = self.path / RECORD
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise RunError(f"{path} is damaged: it is not a JSON object")
        return record

    def history(self) -> list[dict[str, float]]:
        """The rows of `history.csv`, one an epoch; none before the first has ended."""
        if not self.history_path.exists():
            return []
        with self.history_path.open(encoding="utf-8", newline="") as file:
            return [
                {key: float(value) for key, value in row.items()} for row in csv.DictReader(file)
            ]

    def update(self, **values: Any) -> None:
        """Add values to `run.json`, replacing those of the same name."""
        path = self.path / RECORD
        record = self.record() if path.exists() else {}
        try:
            write_text(path, json.dumps(record | values, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from error

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
    runs = sorted(find_runs(runs_dir), key=lambda run: str(run.record().get("started")))
    if not runs:
        raise RunError(
            f"there is no run below {runs_dir}",
            hint="train one first: cnnzoo train --config lenet",
        )
    return runs[-1]


def find_runs(runs_dir: Path | str) -> list[Run]:
    """All runs below a runs directory, by name and number."""
    root = Path(runs_dir)
    if not root.is_dir():
        return []
    parents = sorted(path for path in root.iterdir() if path.is_dir())
    paths = [parent / str(number) for parent in parents for number in sorted(_numbers(parent))]
    return [Run(path) for path in paths if (path / RECORD).is_file() and (path / CONFIG).is_file()]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, of the same suffix, that is renamed to it on success."""
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as temporary:
        # A file name may be no UTF-8: what Python has for such a byte becomes an escape of JSON.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


_LIST_RUNS = "a run is a directory such as runs/lenet/1; without one, the latest run is taken"


def _numbers(parent: Path) -> Iterator[int]:
    return (int(path.name) for path in parent.iterdir() if path.name.isdecimal())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
