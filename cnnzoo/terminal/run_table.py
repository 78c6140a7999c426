"""The table and the JSON of `cnnzoo runs`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from cnnzoo.runs.listing import DAMAGED, RunStatus, short_keys
from cnnzoo.terminal.console import new_table
from cnnzoo.text import duration_text, printable

_WIDE = 110  # letters in a line
_SETTINGS = 4  # that are shown of a configuration


def as_table(listed: Sequence[RunStatus], width: int = _WIDE) -> Table:
    """Return a table with a line per run; without the start times if it is narrower than 110."""
    monitors = {run_status.monitor for run_status in listed if run_status.monitor}
    monitor = monitors.pop() if len(monitors) == 1 else None
    table = new_table()
    table.add_column("run", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("epochs", justify="right", no_wrap=True)
    table.add_column(monitor or "best")
    if tested := any(one.test_accuracy is not None for one in listed):
        table.add_column("test accuracy", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    if width >= _WIDE:
        table.add_column("started", no_wrap=True)
    table.add_column("differs in")
    short = _short_keys_by_name(listed)
    for run_status in listed:
        cells = _cells(run_status, short[run_status.name], monitor)
        if not tested:
            del cells["test"]
        if width < _WIDE:
            del cells["started"]
        table.add_row(*(Text(printable(cell)) for cell in cells.values()))
    return table


def _short_keys_by_name(listed: Sequence[RunStatus]) -> dict[str, dict[str, str]]:
    known: dict[str, set[str]] = {}
    shown: dict[str, set[str]] = {}
    for run_status in listed:
        known.setdefault(run_status.name, set()).update(run_status.config)
        shown.setdefault(run_status.name, set()).update(run_status.differs)
    return {name: short_keys(shown[name], known[name]) for name in known}


def _cells(run_status: RunStatus, short: Mapping[str, str], monitor: str | None) -> dict[str, str]:
    started = _minute(run_status.started) if run_status.started else ""
    cells = dict.fromkeys(("run", "status", "epochs", "best", "test", "time"), "")
    cells |= {"run": str(run_status.run), "status": run_status.status, "started": started}
    if run_status.status == DAMAGED:
        return cells | {"differs": run_status.problem or ""}
    best = ""
    if run_status.best is not None:
        best = f"{run_status.best:.4f}, epoch {run_status.best_epoch}"
        if not monitor:
            best = f"{run_status.monitor} {best}"
    accuracy, seconds = run_status.test_accuracy, run_status.seconds
    return cells | {
        "epochs": f"{run_status.epochs}/{run_status.of_epochs}",
        "best": best,
        "test": "" if accuracy is None else f"{accuracy:.4f}",
        "time": "" if seconds is None else duration_text(seconds),
        "differs": run_status.problem or _settings(run_status, short),
    }


def _settings(run_status: RunStatus, short: Mapping[str, str]) -> str:
    settings = [f"{short[key]}={value}" for key, value in run_status.differs.items()]
    if len(settings) > _SETTINGS:
        settings = [*settings[: _SETTINGS - 1], f"… {len(settings) - _SETTINGS + 1} more"]
    return " ".join(settings)


def _minute(started: str) -> str:
    """Return a time of `run.json` in the local time zone."""
    return datetime.fromisoformat(started).astimezone().strftime("%Y-%m-%d %H:%M")


def next_step(listed: Sequence[RunStatus]) -> str | None:
    """Return the command that resumes the last run that can be resumed."""
    resumable = [run_status for run_status in listed if run_status.resumable]
    if not resumable:
        return None
    count = f"{len(resumable)} of them" if len(resumable) > 1 else "one of them"
    return f"{count} can be resumed: cnnzoo train --resume {resumable[-1].run}"


def as_json(listed: Sequence[RunStatus]) -> str:
    """Return JSON: a list with a mapping for each run."""
    return json.dumps(
        [
            {
                "run": str(run_status.run),
                "name": run_status.name,
                "status": run_status.status,
                "problem": run_status.problem,
                "resumable": run_status.resumable,
                "started": run_status.started,
                "seconds": run_status.seconds,
                "epochs": run_status.epochs,
                "of_epochs": run_status.of_epochs,
                "monitor": run_status.monitor,
                "best": run_status.best,
                "best_epoch": run_status.best_epoch,
                "test_accuracy": run_status.test_accuracy,
                "differs": dict(run_status.differs),
            }
            for run_status in listed
        ],
        indent=2,
        ensure_ascii=False,
    )
