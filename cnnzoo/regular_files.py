"""Open regular files only: a FIFO would block, and a device such as /dev/zero never ends.

Every file whose path comes from a user, a table or a run directory is opened here. Errors are
OSError, as of the built-in `open`, so callers report `error.strerror` with the path.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import TextIO

# O_NONBLOCK: opening a FIFO must not wait for a writer. It has no effect on a regular file.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_BLOCK = 2**16  # bytes; for files that grow, or are in /proc and declare no size


def open_regular(path: str | Path) -> BufferedReader:
    """Open a file for reading bytes; raise OSError unless it is a regular file."""
    return open(path, "rb", opener=_opener)


def open_regular_text(
    path: str | Path, *, encoding: str = "utf-8", errors: str = "strict", newline: str | None = None
) -> TextIO:
    """Open a file for reading text; raise OSError unless it is a regular file."""
    return open(path, encoding=encoding, errors=errors, newline=newline, opener=_opener)


def read_regular(path: str | Path, max_bytes: int) -> bytes:
    """Return the content of a regular file; raise OSError if it is larger than `max_bytes`."""
    descriptor, size = _open_sized(path)
    try:
        content = os.read(descriptor, size + 1) if size <= max_bytes else b""
        more = content if len(content) != size else b""  # as expected: the end was reached
        while more and len(content) <= max_bytes:
            more = os.read(descriptor, _BLOCK)
            content += more
    finally:
        os.close(descriptor)
    if max(size, len(content)) > max_bytes:
        raise OSError(errno.EFBIG, f"is larger than {_size_text(max_bytes)}", str(path))
    return content


def _opener(path: str, flags: int) -> int:
    return _open(path)


def _open(path: str | Path) -> int:
    return _open_sized(path)[0]


def _open_sized(path: str | Path) -> tuple[int, int]:
    descriptor = os.open(path, _FLAGS)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status.st_size
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory", str(path))
    raise OSError(errno.EINVAL, "is not a regular file", str(path))


def _size_text(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 2**20 else f"{size >> 10} KiB"
