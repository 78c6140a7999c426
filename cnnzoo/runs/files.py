"""Write files atomically: to a temporary file in the same directory, then renamed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnnzoo.regular_files import open_regular

try:
    import fcntl
except ModuleNotFoundError:  # on Windows, which keeps an open file from being renamed or removed
    fcntl = None  # type: ignore[assignment]

# `.model-1a2b3c4d.tmp.keras` is a temporary file of `model.keras`.
_TEMPORARY = re.compile(r"\.(.+)-[a-z0-9_]{8}\.tmp(\.[^.]*)?")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path next to `path`, with the same suffix; renamed to `path` on success.

    Temporary files of `path` that a killed process left are removed.
    """
    _remove_leftovers(path.parent, path)
    lock, temporary = _make_temporary(path)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    with replacing(path) as temporary:
        # A file name may have bytes that are not UTF-8: they become escapes of JSON.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def remove_leftovers(directory: Path) -> None:
    """Remove the temporary files that killed processes left in a directory."""
    _remove_leftovers(directory, None)


def is_locked(path: Path) -> bool:
    """Return whether a process holds a lock on a file; also for files that cannot be written."""
    if fcntl is None:
        from filelock import FileLock, Timeout

        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True
    with open_regular(path) as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _make_temporary(path: Path) -> tuple[int | None, Path]:
    """A new temporary file, and a descriptor that holds a lock on it while it is in use."""
    while True:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=f".tmp{path.suffix}", dir=path.parent
        )
        temporary = Path(name)
        if fcntl is None:
            os.close(descriptor)
            return None, temporary
        with suppress(OSError):  # a file system without locks: leftovers are not removed
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if temporary.exists():  # otherwise another process has just removed it as a leftover
            return descriptor, temporary
        os.close(descriptor)


def _remove_leftovers(directory: Path, of: Path | None) -> None:
    """Remove the leftovers in a directory, of one file or of all."""
    with suppress(OSError):
        for entry in os.scandir(directory):
            match = entry.name.startswith(".") and _TEMPORARY.fullmatch(entry.name)
            if not match or (of and (match[1], match[2] or "") != (of.stem, of.suffix)):
                continue
            path = Path(entry.path)
            with suppress(OSError):
                if fcntl is not None and not is_locked(path):
                    path.unlink()


def _flush_directory(path: Path) -> None:
    """Make the new name of a file survive a loss of power, if the system supports it."""
    with suppress(OSError):
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
