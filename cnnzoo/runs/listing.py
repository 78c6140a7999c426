"""The runs below a directory: how each stands, what it reached, in what its configuration differs.

Loads no framework and no NumPy: the list of two hundred runs is there at once.
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
from cnnzoo.errors import CnnzooError, RunError, did_you_mean
from cnnzoo.runs.run import CONFIG, FINISHED, INTERRUPTED, RECORD, RUNNING, Run

DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands; what it has not, or what is damaged, is None.

    `status` is that of `run.json`, `interrupted` too where its process has died, or `damaged`,
    with the `problem`. `best` is the value of the metric `monitor` at `best_epoch`. `differs` has
    by dotted key what its configuration says otherwise than another run of its name.
    """

    run: Run
    status: str
    problem: str | None = None
    epochs: int = 0
    of_epochs: int | None = None
    monitor: str | None = None
    best: float | None = None
    best_epoch: int | None = None
    seconds: float | None = None
    started: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name that it shares with the other runs of its configuration."""
        return self.run.path.parent.name

    @property
    def resumable(self) -> bool:
        """Whether `cnnzoo train --resume` could go on with it."""
        return self.status not in (RUNNING, FINISHED, DAMAGED)


def list_runs(runs_dir: Path | str, name: str | None = None) -> list[Standing]:
    """How each run stands, of one name or of all, those that were started last at the end.

    Raises RunError where there is no run of that name; a damaged run is listed as such.
    """
    root = Path(runs_dir)
    try:
        parents = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    except OSError as error:
        raise RunError(f"{root} cannot be read: {error.strerror}") from error
    names = [path.name for path in parents]
    if name is not None and name not in names:
        raise RunError(
            f"there is no run of {name!r} below {root}{did_you_mean(name, names)}",
            hint=f"there are: {', '.join(names)}" if names else None,
        )
    read: dict[str, tuple[dict[str, str], str]] = {}
    listed = [
        standing
        for parent in parents
        if name in (None, parent.name)
        for standing in _with_differences(
            [_standing(Run(path), read) for path in _run_paths(parent)]
        )
    ]
    return sorted(listed, key=lambda standing: standing.started or "")


def short_keys(keys: Iterable[str], among: Iterable[str]) -> dict[str, str]:
    """The shortest end of each dotted key that no other key ends in: `epochs`, `Adam.beta_1`."""
    ends = Counter(end for key in set(among) for end in _ends(key))
    return {key: next(end for end in _ends(key) if ends[end] <= 1 or end == key) for key in keys}


def _ends(key: str) -> list[str]:
    steps = key.split(".")
    return [".".join(steps[start:]) for start in reversed(range(len(steps)))]


def _run_paths(parent: Path) -> list[Path]:
    numbered = (path for path in parent.iterdir() if path.name.isdecimal())
    runs = [path for path in numbered if (path / RECORD).exists() or (path / CONFIG).exists()]
    return sorted(runs, key=lambda path: int(path.name))


def _standing(run: Run, read: dict[str, tuple[dict[str, str], str]]) -> Standing:
    """How one run stands; `read` has what texts of configurations say."""
    record: dict[str, Any] = {}
    try:
        record = run.record()
        config, monitor = _config(run, read)
        rows = run.history()
        status = record["status"]
        if status == RUNNING and not run.is_training():
            status = INTERRUPTED  # its process could not say so
        best_epoch = record.get("best_epoch")
        best = rows[best_epoch - 1].get(monitor) if best_epoch else None
        return Standing(
            run,
            status,
            epochs=len(rows),
            of_epochs=int(config["training.epochs"]),
            monitor=monitor,
            best=best,
            best_epoch=best_epoch,
            seconds=record.get("seconds"),
            started=_time(record["started"]),
            config=config,
        )
    except (CnnzooError, OSError) as error:
        problem = str(error).partition("\n")[0].removeprefix("error: ")
    except (KeyError, IndexError, TypeError, ValueError, csv.Error) as error:
        problem = f"{RECORD} or history.csv is damaged: {type(error).__name__} {error}"
    try:
        started = _time(record.get("started"))
    except (TypeError, ValueError):
        started = None
    return Standing(run, DAMAGED, problem, started=started)


def _time(text: Any) -> str:
    """The text of a time; raises TypeError or ValueError where it is none."""
    datetime.fromisoformat(text)
    return str(text)


def _config(run: Run, read: dict[str, tuple[dict[str, str], str]]) -> tuple[dict[str, str], str]:
    """What a run was made from, flat, and the metric that it watches; each text is read once."""
    text = (run.path / CONFIG).read_text(encoding="utf-8", errors="replace")
    if text not in read:
        config = run.config()
        read[text] = flat(config.plain()), config.training.monitor
    return read[text]


def _with_differences(runs: list[Standing]) -> list[Standing]:
    """Runs of one name, each with what not all of them say."""
    configs = [standing.config for standing in runs if standing.config]
    keys = differing(configs)
    return [
        replace(
            standing,
            differs={key: standing.config[key] for key in keys if key in standing.config},
        )
        for standing in runs
    ]
