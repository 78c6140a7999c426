"""How `cnnzoo runs` prints how runs stand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from cnnzoo.runs.listing import DAMAGED, Standing, short_keys
from cnnzoo.terminal.console import new_table
from cnnzoo.text import duration_text, printable

_WIDE = 110  # letters in a line
_WORDS = 4  # of a configuration that are shown; more say less


def as_table(listed: Sequence[Standing], width: int = _WIDE) -> Table:
    """A line for each run; when it was started only where there is room, in letters, for it."""
    monitors = {standing.monitor for standing in listed if standing.monitor}
    monitor = monitors.pop() if len(monitors) == 1 else None
    table = new_table()
    table.add_column("run", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("epochs", justify="right", no_wrap=True)
    table.add_column(monitor or "best")
    table.add_column("time", justify="right", no_wrap=True)
    if width >= _WIDE:
        table.add_column("started", no_wrap=True)
    table.add_column("differs in")
    short = _short_keys_by_name(listed)
    for standing in listed:
        cells = _cells(standing, short[standing.name], monitor)
        if width < _WIDE:
            del cells[-2]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _short_keys_by_name(listed: Sequence[Standing]) -> dict[str, dict[str, str]]:
    known: dict[str, set[str]] = {}
    shown: dict[str, set[str]] = {}
    for standing in listed:
        known.setdefault(standing.name, set()).update(standing.config)
        shown.setdefault(standing.name, set()).update(standing.differs)
    return {name: short_keys(shown[name], known[name]) for name in known}


def _cells(standing: Standing, short: Mapping[str, str], monitor: str | None) -> list[str]:
    run = str(standing.run)
    started = _minute(standing.started) if standing.started else ""
    if standing.status == DAMAGED:
        return [run, DAMAGED, "", "", "", started, standing.problem or ""]
    best = ""
    if standing.best is not None:
        best = f"{standing.best:.4f}, epoch {standing.best_epoch}"
        if not monitor:
            best = f"{standing.monitor} {best}"
    return [
        run,
        standing.status,
        f"{standing.epochs}/{standing.of_epochs}",
        best,
        "" if standing.seconds is None else duration_text(standing.seconds),
        started,
        _words(standing, short),
    ]


def _words(standing: Standing, short: Mapping[str, str]) -> str:
    words = [f"{short[key]}={value}" for key, value in standing.differs.items()]
    if len(words) > _WORDS:
        words = [*words[: _WORDS - 1], f"… {len(words) - _WORDS + 1} more"]
    return " ".join(words)


def _minute(started: str) -> str:
    """A time of `run.json` as a clock here shows it."""
    return datetime.fromisoformat(started).astimezone().strftime("%Y-%m-%d %H:%M")


def next_step(listed: Sequence[Standing]) -> str | None:
    """The command that goes on with the last run that could."""
    resumable = [standing for standing in listed if standing.resumable]
    if not resumable:
        return None
    count = f"{len(resumable)} of them" if len(resumable) > 1 else "one of them"
    return f"{count} can be resumed: cnnzoo train --resume {resumable[-1].run}"


def as_json(listed: Sequence[Standing]) -> str:
    """A list with a mapping for each run."""
    return json.dumps(
        [
            {
                "run": str(standing.run),
                "name": standing.name,
                "status": standing.status,
                "problem": standing.problem,
                "resumable": standing.resumable,
                "started": standing.started,
                "seconds": standing.seconds,
                "epochs": standing.epochs,
                "of_epochs": standing.of_epochs,
                "monitor": standing.monitor,
                "best": standing.best,
                "best_epoch": standing.best_epoch,
                "differs": dict(standing.differs),
            }
            for standing in listed
        ],
        indent=2,
        ensure_ascii=False,
    )
