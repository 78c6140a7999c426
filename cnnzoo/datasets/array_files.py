"""Arrays in files, read a block of rows at a time: .npy and IDX, gzipped or not, and .npz members.

A header is compared with the size of its file before any memory is allocated.
"""

from __future__ import annotations

import errno
import gzip
import math
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from cnnzoo.regular_files import open_regular

MAX_ROWS = 20_000_000
MAX_ROW_BYTES = 2**28  # an image of 100 million pixels would be larger; no model takes one
BLOCK_BYTES = 2**23  # in memory at a time

# The third byte of an IDX file → the type of its numbers (yann.lecun.com/exdb/mnist).
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_IDX_DIMENSIONS = 4

_NPY, _ZIP, _GZIP, _IDX = b"\x93NUMPY", b"PK\x03\x04", b"\x1f\x8b", b"\0\0"

# Errors of NumPy for a damaged header.
_HEADER_ERRORS = (MemoryError, SyntaxError, TokenError, TypeError, ValueError)

Window = tuple[int, int]  # the rows from the first to before the second


class ArrayFileError(Exception):
    """The reason why an array cannot be read from its file, with a hint."""

    def __init__(self, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class ArrayFile:
    """An array [n, …] that is stored in a file row by row, from the byte `offset` on.

    `member` is its name in an .npz, `title` its name in messages.
    """

    path: Path
    member: str | None
    title: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        """The size of a row in the file."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def windows(self, result_bytes: int = 0) -> Iterator[Window]:
        """Yield windows that cover all rows in order, each within the limit on memory."""
        step = max(1, BLOCK_BYTES // max(self.row_bytes, result_bytes))
        for start in range(0, len(self), step):
            yield start, min(start + step, len(self))


def is_npz(path: Path) -> bool:
    """Return whether a file is a zip archive, as an .npz is; raise OSError if it is unreadable."""
    with open_regular(path) as file:
        return file.read(4) == _ZIP


def members(path: Path) -> dict[str, str]:
    """Return the arrays of an .npz: their names, and the names of the files in the archive."""
    with _readable(path.name), open_regular(path) as file, zipfile.ZipFile(file) as archive:
        names = [info.filename for info in archive.infolist() if info.filename.endswith(".npy")]
    return {name.removesuffix(".npy"): name for name in names}


def open_array(path: Path, member: str | None = None) -> ArrayFile:
    """Return the array in a file or in a member of an .npz; its header is compared with its size.

    Raises ArrayFileError if it is not an array, cut off or pickled, and OSError if it is missing.
    """
    title = f"{path.name}:{member.removesuffix('.npy')}" if member else path.name
    with _readable(title), _opened(path, member) as (stream, size):
        magic = stream.read(len(_NPY))
        stream.seek(0)
        if magic == _NPY:
            shape, dtype = _npy_header(stream, title)
        elif magic.startswith(_IDX):
            shape, dtype = _idx_header(stream, title)
        else:
            raise ArrayFileError(
                f"{title} is not an array",
                "arrays are .npy, .npz or IDX files, the first and the last gzipped or not",
            )
        array = ArrayFile(path, member, title, shape, dtype, stream.tell())
    _refuse_sizes(array, size)
    return array


def read_blocks(array: ArrayFile, windows: Iterable[Window]) -> Iterator[NDArray[Any]]:
    """Yield the rows of an array, window after window; each must follow the one before.

    Raises ArrayFileError if the file is damaged, or its size is not that of its header.
    """
    with ExitStack() as stack:
        with _readable(array.title):
            stream, _ = stack.enter_context(_opened(array.path, array.member))
        for start, stop in windows:
            with _readable(array.title):
                content = _read_rows(array, stream, start, stop)
            shape = (stop - start, *array.shape[1:])
            yield np.frombuffer(content, array.dtype).reshape(shape)


def _read_rows(array: ArrayFile, stream: IO[bytes], start: int, stop: int) -> bytes:
    at = array.offset + start * array.row_bytes
    if stream.tell() != at:
        stream.seek(at)
    content = stream.read((stop - start) * array.row_bytes)
    if len(content) < (stop - start) * array.row_bytes:
        rows = start + len(content) // array.row_bytes
        raise ArrayFileError(
            f"{array.title} is cut off: its header says {len(array):,} rows, and it ends after "
            f"{rows:,}"
        )
    if stop == len(array) and stream.read(1):
        raise ArrayFileError(f"{array.title} is longer than the {stop:,} rows of its header")
    return content


@contextmanager
def _opened(path: Path, member: str | None) -> Iterator[tuple[IO[bytes], int | None]]:
    """Open an array at its header; return the stream, and its size if it is known."""
    with ExitStack() as stack:
        if member:
            archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(open_regular(path))))
            size = archive.getinfo(member).file_size
            yield stack.enter_context(archive.open(member)), size
            return
        file = stack.enter_context(open_regular(path))
        packed = file.read(2) == _GZIP
        file.seek(0)
        if packed:
            yield cast(IO[bytes], stack.enter_context(gzip.open(file))), None
        else:
            yield file, path.stat().st_size


@contextmanager
def _readable(title: str) -> Iterator[None]:
    """Convert the errors of zip and gzip for a damaged file to ArrayFileError."""
    try:
        yield
    except (
        EOFError,
        KeyError,  # a member was removed
        NotImplementedError,  # an unknown compression method
        RuntimeError,  # a password
        gzip.BadGzipFile,
        struct.error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise ArrayFileError(f"{title} is damaged: {reason}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise ArrayFileError(f"{title} is damaged: it has an offset outside the file") from error


def _npy_header(stream: IO[bytes], title: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, columns_first, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, columns_first, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"format {version} is for arrays of records")
    except _HEADER_ERRORS as error:
        raise ArrayFileError(f"{title} has an invalid header: {error}") from error
    if dtype.hasobject:
        raise ArrayFileError(
            f"{title} holds Python objects, and a pickle can run any code",
            "save it as numbers or text: np.save(path, array.astype(str)) for labels, "
            ".astype(np.uint8) for images",
        )
    if columns_first and sum(length > 1 for length in shape) > 1:
        raise ArrayFileError(
            f"{title} is stored column by column, not row by row",
            "save it row by row: np.save(path, np.ascontiguousarray(array))",
        )
    return shape, dtype


def _idx_header(stream: IO[bytes], title: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    _, kind, dimensions = struct.unpack(">HBB", stream.read(4))
    if kind not in IDX_TYPES or not 1 <= dimensions <= _IDX_DIMENSIONS:
        raise ArrayFileError(
            f"{title} is not an IDX file: it has the type {kind} and {dimensions} dimensions"
        )
    shape = struct.unpack(f">{dimensions}I", stream.read(4 * dimensions))
    return shape, np.dtype(IDX_TYPES[kind])


def _refuse_sizes(array: ArrayFile, size: int | None) -> None:
    """Check the header against the size of the file and against the limits."""
    if not array.shape or min(array.shape[1:], default=1) < 1 or array.shape[0] < 0:
        raise ArrayFileError(f"{array.title} has the shape {array.shape}, which holds no rows")
    if array.dtype.kind not in "biufUS" or not array.dtype.itemsize:
        raise ArrayFileError(f"{array.title} has the type {array.dtype}, neither numbers nor text")
    if len(array) > MAX_ROWS or array.row_bytes > MAX_ROW_BYTES:
        raise ArrayFileError(
            f"the header of {array.title} says {len(array):,} rows of {array.row_bytes:,} bytes; "
            f"at most {MAX_ROWS:,} of {MAX_ROW_BYTES:,} are read"
        )
    promised = array.offset + len(array) * array.row_bytes
    if size is not None and size != promised:
        problem = "is cut off" if size < promised else "is longer than its header says"
        raise ArrayFileError(
            f"{array.title} {problem}: its header says {promised:,} bytes, and it has {size:,}"
        )
