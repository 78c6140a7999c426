"""The run directory, the list of runs, and the record of the environment.

`Run` and `open_run` are imported when they are used: `cnnzoo.runs.files` needs neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnzoo.runs.run import Run as Run
    from cnnzoo.runs.run import open_run as open_run


def __getattr__(name: str) -> Any:
    if name in ("Run", "open_run"):
        from cnnzoo.runs import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
