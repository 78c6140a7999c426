"""List the runs below a directory: status, best metric, and the differences of configurations.

Loads no framework and no NumPy, so that the list of hundreds of runs is fast.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cnnzoo.config.flat import differing, flat
from cnnzoo.config.reader import MAX_BYTES
from cnnzoo.errors import CnnzooError, RunError, did_you_mean
from cnnzoo.regular_files import read_regular
from cnnzoo.runs.run import CONFIG, FINISHED, INTERRUPTED, QUEUED, RECORD, RUNNING, Run

DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The status of a run; a value that it does not have, or that is damaged, is None.

    `status` is that of `run.json`, but `interrupted` if its process has died, or `damaged`, with
    the `problem`; a damaged `metrics.json` is a problem too, but not a status. `best` is the value
    of the metric `monitor` at `best_epoch`, `test_accuracy` that of the best model on the test
    split. `differs` has, by dotted key, the values that not all runs of its name have.
    """

    run: Run
    status: str
    problem: str | None = None
    epochs: int = 0
    of_epochs: int | None = None
    monitor: str | None = None
    best: float | None = None
    best_epoch: int | None = None
    test_accuracy: float | None = None
    seconds: float | None = None
    started: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of its configuration, which other runs may share."""
        return self.run.path.parent.name

    @property
    def resumable(self) -> bool:
        """True if `cnnzoo train --resume` can continue it."""
        return self.status not in (RUNNING, QUEUED, FINISHED, DAMAGED)


def list_runs(runs_dir: Path | str, name: str | None = None) -> list[RunStatus]:
    """The status of each run, of one name or of all, in the order in which they were started.

    Raises RunError if there is no run of that name; a damaged run is listed as such.
    """
    root = Path(runs_dir)
    try:
        parents = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    except OSError as error:
        raise RunError(f"{root} cannot be read: {error.strerror}") from error
    names = [path.name for path in parents]
    if name is not None and name not in names:
        raise RunError(
            f"{root} has no run of {name!r}{did_you_mean(name, names)}",
            hint=f"there are: {', '.join(names)}" if names else None,
        )
    read: dict[str, tuple[dict[str, str], str]] = {}
    listed = [
        status
        for parent in parents
        if name in (None, parent.name)
        for status in _with_differences(
            [_read_status(Run(path), read) for path in _run_paths(parent)]
        )
    ]
    return sorted(listed, key=lambda status: status.started or "")


def short_keys(keys: Iterable[str], among: Iterable[str]) -> dict[str, str]:
    """The shortest unambiguous end of each dotted key: `epochs`, `Adam.beta_1`."""
    ends = Counter(end for key in set(among) for end in _ends(key))
    return {key: next(end for end in _ends(key) if ends[end] <= 1 or end == key) for key in keys}


def _ends(key: str) -> list[str]:
    steps = key.split(".")
    return [".".join(steps[start:]) for start in reversed(range(len(steps)))]


def _run_paths(parent: Path) -> list[Path]:
    numbered = (path for path in parent.iterdir() if path.name.isdecimal())
    runs = [path for path in numbered if (path / RECORD).exists() or (path / CONFIG).exists()]
    return sorted(runs, key=lambda path: int(path.name))


def _read_status(run: Run, read: dict[str, tuple[dict[str, str], str]]) -> RunStatus:
    """The status of one run; `read` caches configurations by their text."""
    record: dict[str, Any] = {}
    try:
        record = run.record()
        config, monitor = _config(run, read)
        rows = run.history()
        status = record["status"]
        if status == RUNNING and not run.is_training():
            status = INTERRUPTED  # its process was killed
        best_epoch = record.get("best_epoch")
        best = rows[best_epoch - 1].get(monitor) if best_epoch else None
        accuracy, problem = _test_accuracy(run)
        return RunStatus(
            run,
            status,
            problem,
            epochs=len(rows),
            of_epochs=int(config["training.epochs"]),
            monitor=monitor,
            best=best,
            best_epoch=best_epoch,
            test_accuracy=accuracy,
            seconds=record.get("seconds"),
            started=_time(record["started"]),
            config=config,
        )
    except CnnzooError as error:
        problem = str(error).partition("\n")[0].removeprefix("error: ")
    except OSError as error:
        problem = f"{error.filename} cannot be read: {error.strerror}"
    except (KeyError, IndexError, TypeError, ValueError, csv.Error) as error:
        problem = f"{RECORD} or history.csv is damaged: {type(error).__name__} {error}"
    try:
        started = _time(record.get("started"))
    except (TypeError, ValueError):
        started = None
    return RunStatus(run, DAMAGED, problem, started=started)


def _test_accuracy(run: Run) -> tuple[float | None, str | None]:
    """Return the accuracy on the test split, or None and the problem of its file."""
    if not run.metrics_path("test").exists():
        return None, None
    try:
        return run.metrics()["metrics"]["accuracy"]["value"], None
    except CnnzooError as error:
        return None, error.mistakes[0].message


def _time(text: Any) -> str:
    """The text of a time; raises TypeError or ValueError if it is not a time."""
    datetime.fromisoformat(text)
    return str(text)


def _config(run: Run, read: dict[str, tuple[dict[str, str], str]]) -> tuple[dict[str, str], str]:
    """The flat configuration of a run, and the metric that it monitors; cached by its text."""
    text = read_regular(run.path / CONFIG, MAX_BYTES).decode("utf-8", "replace")
    if text not in read:
        config = run.config()
        read[text] = flat(config.plain()), config.training.monitor
    return read[text]


def _with_differences(runs: list[RunStatus]) -> list[RunStatus]:
    """Set `differs` of the runs of one name."""
    configs = [status.config for status in runs if status.config]
    keys = differing(configs)
    return [
        replace(
            status,
            differs={key: status.config[key] for key in keys if key in status.config},
        )
        for status in runs
    ]
