"""Temporary directories of a process; those of killed processes are removed by the next one."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX, _LOCK = "cnnzoo-run-", ".lock"


def scratch_directory() -> Path:
    """Create and return a directory that is removed when this process ends.

    If the process is killed, the next one that calls this on the machine removes it.
    """
    _remove_leftovers()
    while True:
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = FileLock(directory / _LOCK)
        lock.acquire()
        if (directory / _LOCK).exists():  # otherwise another process has removed it as a leftover
            break
        lock.release()
    atexit.register(_remove, directory, lock)
    return directory


def _remove_leftovers() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError, Timeout), FileLock(path, timeout=0):  # of another user, or in use
            shutil.rmtree(path.parent, ignore_errors=True)


def _remove(directory: Path, lock: FileLock) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    lock.release()
