"""Delete run directories."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from cnnzoo.errors import RunError
from cnnzoo.runs.run import CONFIG, RECORD, Run


def check_removable(path: Path) -> Run:
    """Return the run in a directory that may be deleted; a damaged run may be.

    Raises:
        RunError: the directory is not a run, is a link, or is being trained.

    """
    if path.is_symlink():
        raise RunError(f"{path} is a link", hint=f"name the run itself: {path.resolve()}")
    if not path.is_dir():
        raise RunError(f"the run {str(path)!r} does not exist")
    if not path.resolve().name.isdecimal() or not (
        (path / RECORD).is_file() or (path / CONFIG).is_file()
    ):
        raise RunError(
            f"{path} is not a run directory, and only runs are deleted",
            hint="a run is a directory such as runs/lenet/1",
        )
    run = Run(path)
    if run.is_training():
        raise RunError(f"{path} is being trained by another process", hint="stop it first")
    return run


def remove_run(run: Run) -> None:
    """Delete the directory of a run, and its parent if that is empty afterwards.

    Raises:
        RunError: it is being trained, or cannot be deleted.

    """
    check_removable(run.path)
    parent = run.path.resolve().parent
    try:
        shutil.rmtree(run.path)
    except OSError as error:
        raise RunError(f"{run} cannot be deleted: {error.strerror}") from error
    with suppress(OSError):
        parent.rmdir()
