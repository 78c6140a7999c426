"""The cache of decoded images: one `uint8` array per data set on disk, memory-mapped by later runs.

An entry is a directory `<key>` with the arrays and `entry.json`, which describes them. It is built
as `<key>.partial` under a lock, and renamed when it is complete on the disk. So a killed process
never leaves an incomplete entry, and of two processes that need the same one, the second waits. An
entry is renamed before it is removed; processes that have it mapped can continue to read it.

Every file of an entry has a checksum, and every image a digest: damage is noticed, and the entry is
built again. Only regular files are opened.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import shutil
import stat
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.datasets.cache_directory import cache_directory
from cnnzoo.datasets.file_identity import NO_FILE
from cnnzoo.datasets.mapped import blocks, checksum_of
from cnnzoo.datasets.pixel_digests import row_digests
from cnnzoo.errors import DataError, did_you_mean
from cnnzoo.regular_files import read_regular

FORMAT = 4  # of an entry; increase it if its files or the pixels of a decoded image change

_IMAGES, _EXAMPLES, _NAMES, _ABOUT = "images.npy", "examples.npy", "names.json", "entry.json"
ENTRY_FILES = (_IMAGES, _EXAMPLES, _NAMES, _ABOUT)  # an entry with the last one is complete
_DIGEST = 16  # bytes
_EXAMPLE = np.dtype(
    [
        ("row", "<i8"),
        ("label", "<i4"),
        ("part", "<i4"),
        ("key", "<u8"),
        ("digest", "u1", _DIGEST),
        ("state", "<i8", len(NO_FILE)),
    ]
)
_PARTIAL, _REMOVED = ".partial", ".removed"
_NO_RESERVATION = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
_BLOCK = 2**20
_MAX_JSON_BYTES = 2**30
_MAKE_ROOM = (
    "make room (cnnzoo data cache --clear), or set CNNZOO_CACHE to a directory on another disk"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One decoded data set.

    `images` uint8 [m, height, width, channels] is mapped from disk. Example i is image `rows[i]`,
    whose pixels have the digest `digests[i]` (uint8 [16]), with label `labels[i]` and the part
    `part_values[parts[i]]` of its source; `keys[i]` (uint64) decides the split that it is held out
    for; `names[i]` is its path or place in the source; `states[i]` (int64 [4]) is the state of its
    file, or NO_FILE. `about` is the content of `entry.json`.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.intp]
    labels: NDArray[np.int32]
    parts: NDArray[np.int32]
    keys: NDArray[np.uint64]
    digests: NDArray[np.uint8]
    names: list[str]
    states: NDArray[np.int64]
    about: dict[str, Any]


def key_of(*settings: Any) -> str:
    """Return the key of an entry: a digest of everything that determines its content."""
    return hashlib.sha256(repr((FORMAT, settings)).encode()).hexdigest()[:24]


def open_entry(key: str) -> Entry | None:
    """Open the entry of a key; None if it is missing or damaged. See `is_intact` for its pixels."""
    folder = cache_directory() / key
    about = read_about(folder)
    if about is None:
        return None
    try:
        examples = np.load(io.BytesIO(_read_checked(folder, _EXAMPLES, about)))
        names = json.loads(_read_checked(folder, _NAMES, about))
        images = np.asarray(np.load(folder / _IMAGES, mmap_mode="r"))
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    if images.dtype != np.uint8 or list(images.shape) != about["shape"]:
        return None
    if not images.flags.c_contiguous:
        return None
    with suppress(OSError):  # notes when it was last used; the cache may be read-only
        os.utime(folder / _ABOUT)
    return Entry(
        images,
        examples["row"].astype(np.intp),
        examples["label"].copy(),
        examples["part"].copy(),
        examples["key"].copy(),
        examples["digest"].copy(),
        names,
        examples["state"].astype(np.int64),
        about,
    )


def is_intact(entry: Entry) -> bool:
    """Return whether the pixels of all images are those that were decoded."""
    return bool(entry.about["checksums"].get(_IMAGES) == checksum_of(entry.images))


def read_about(folder: Path) -> dict[str, Any] | None:
    """Return the content of `entry.json`; None if it is damaged or a file has another size."""
    try:
        if folder.is_symlink():
            return None
        about: dict[str, Any] = json.loads(read_regular(folder / _ABOUT, _MAX_JSON_BYTES))
        checksum = about.pop("checksum")
        if checksum != _checksum_of(about):
            return None
        states = [(name, (folder / name).lstat()) for name in (_IMAGES, _EXAMPLES, _NAMES)]
        complete = all(
            stat.S_ISREG(state.st_mode) and state.st_size == about["sizes"][name]
            for name, state in states
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return about if complete else None


def _checksum_of(about: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(about, sort_keys=True).encode())


def _read_checked(folder: Path, name: str, about: dict[str, Any]) -> bytes:
    content = read_regular(folder / name, about["sizes"][name])
    if zlib.crc32(content) != about["checksums"][name]:
        raise ValueError(f"{folder / name} is damaged")
    return content


@contextmanager
def building(key: str) -> Iterator[Path]:
    """Yield a directory to build an entry in; it replaces the entry of that key when finished.

    Waits while another process builds the same entry. Raises DataError, and leaves nothing, if the
    cache cannot be written.
    """
    root = cache_directory()
    partial = root / f"{key}{_PARTIAL}"
    with _explained():
        root.mkdir(parents=True, exist_ok=True)
        lock = _lock(key)
        lock.acquire()
    try:
        with _explained():
            _remove_left_overs(key)
            partial.mkdir()
        yield partial
        if read_about(partial):
            with _explained():
                _discard(root / key)
                partial.rename(root / key)
                _sync(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        lock.release()


def new_images(folder: Path, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """Return a new uint8 array on disk, to be filled.

    Its space is reserved first, because writing to a map without space on the disk ends the
    process.
    Raises DataError if there is not enough space.
    """
    size = math.prod(shape)
    with _explained():
        free = shutil.disk_usage(folder).free
        if size > free:
            raise DataError(
                f"{shape[0]:,} images of {shape_text(shape[1:])} take {size / 2**30:.1f} GiB, and "
                f"the cache {cache_directory()} has room for {free / 2**30:.1f} GiB",
                hint=f"{_MAKE_ROOM}; or make model.input_shape smaller",
            )
        images = np.lib.format.open_memmap(folder / _IMAGES, "w+", np.uint8, shape)
        _reserve(folder / _IMAGES)
    return images


def finish(
    folder: Path,
    images: np.memmap[Any, Any],
    rows: NDArray[np.intp],
    labels: NDArray[np.int32],
    parts: NDArray[np.int32],
    keys: NDArray[np.uint64],
    names: list[str],
    states: NDArray[np.int64] | None = None,
    **about: Any,
) -> None:
    """Complete an entry: write everything except the images, and flush all of it to the disk."""
    examples = np.empty(len(rows), _EXAMPLE)
    examples["state"] = NO_FILE if states is None else states
    examples["row"], examples["label"], examples["part"] = rows, labels, parts
    examples["key"] = keys
    digests = np.empty((len(images), _DIGEST), np.uint8)
    checksum = 0
    for start, block in blocks(images):  # once over all pixels, which may be more than the memory
        digests[start : start + len(block)] = row_digests(block, np.arange(len(block)))
        checksum = zlib.crc32(block.data, checksum)
    examples["digest"] = digests[rows]
    table = io.BytesIO()
    np.save(table, examples)
    contents = {_EXAMPLES: table.getvalue(), _NAMES: json.dumps(names).encode()}
    with _explained():
        images.flush()
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        about |= {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "shape": list(images.shape),
            "sizes": {path.name: path.stat().st_size for path in folder.iterdir()},
            "checksums": {name: zlib.crc32(content) for name, content in contents.items()}
            | {_IMAGES: checksum},
        }
        about |= {"checksum": _checksum_of(about)}
        (folder / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        for path in folder.iterdir():
            _sync(path)
        _sync(folder)


@dataclass(frozen=True, slots=True)
class Stored:
    """A directory in the cache, as `cnnzoo data cache` lists it.

    `state` is "ready", "being built", "left over" from a killed run, or "damaged". `used` is the
    time when it was last opened, in seconds since the epoch.
    """

    name: str
    state: str
    about: dict[str, Any]
    size: int  # bytes on disk
    used: float

    @property
    def key(self) -> str:
        """The key of the entry, also if it is incomplete or being removed."""
        return self.name.split(".")[0]


def find_stored(words: Sequence[str] = ()) -> list[Stored]:
    """List the cache, last used first: entries with these names or beginnings of keys, else all.

    Raises DataError for a word that matches no entry.
    """
    try:
        folders = [path for path in cache_directory().iterdir() if _is_ours(path)]
    except OSError:
        folders = []
    found = sorted(map(_stored, folders), key=lambda stored: stored.used, reverse=True)
    for word in words:
        if not any(_matches(word, stored) for stored in found):
            names = [stored.about["name"] for stored in found if stored.about]
            raise DataError(
                f"no entry of the cache matches {word!r}{did_you_mean(word, names)}",
                hint="cnnzoo data cache lists the entries with their keys and names",
            )
    return [
        stored for stored in found if not words or any(_matches(word, stored) for word in words)
    ]


def _matches(word: str, stored: Stored) -> bool:
    return stored.about.get("name") == word or (len(word) > 3 and stored.key.startswith(word))


def remove_stored(stored: Stored) -> bool:
    """Remove an entry; return False if it is being built or cannot be removed."""
    path = cache_directory() / stored.name
    return _remove_partial(path) if path.suffix == _PARTIAL else _discard(path)


def _stored(folder: Path) -> Stored:
    about = read_about(folder) or {}
    try:
        used = (folder / _ABOUT if about else folder).stat().st_mtime
        size = sum(path.lstat().st_size for path in folder.iterdir())
    except OSError:  # another process is removing it
        used, size = time.time(), 0
    if not folder.suffix:
        state = "ready" if about else "damaged"
    else:
        state = "being built" if _is_locked(folder) else "left over"
    return Stored(folder.name, state, about, size, used)


def _is_ours(path: Path) -> bool:
    key = path.name.split(".")[0]
    is_key = len(key) == 24 and not set(key) - set("0123456789abcdef")
    return is_key and path.is_dir() and not path.is_symlink()


def _lock(key: str, timeout: float = -1) -> FileLock:
    """Return the lock for building an entry.

    All keys share 256 locks: a separate lock file per entry could never be removed, because another
    process may be waiting for it.
    """
    locks = cache_directory() / "locks"
    locks.mkdir(exist_ok=True)
    return FileLock(locks / f"{key[:2]}.lock", timeout=timeout)


def _is_locked(partial: Path) -> bool:
    try:
        with _lock(partial.name, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def _remove_left_overs(key: str) -> None:
    """Remove the leftovers of killed processes; the lock of `key` is held."""
    for path in filter(_is_ours, cache_directory().iterdir()):
        if path.suffix == _REMOVED or (path.suffix == _PARTIAL and path.name[:2] == key[:2]):
            _discard(path)
        elif path.suffix == _PARTIAL:
            _remove_partial(path)


def _remove_partial(path: Path) -> bool:
    """Remove an incomplete entry; return False if a process is building it."""
    try:
        with _lock(path.name, timeout=0):
            return _discard(path)
    except (Timeout, OSError):
        return False


def _discard(folder: Path) -> bool:
    """Remove a directory, renamed first so that no process opens half of it.

    Returns False if it cannot be removed. A link or a file in its place is removed too.
    """
    removed = folder.with_name(f"{folder.name.split('.')[0]}.{uuid4().hex[:8]}{_REMOVED}")
    try:
        folder.rename(removed)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    if removed.is_dir() and not removed.is_symlink():
        shutil.rmtree(removed, ignore_errors=True)
    else:
        with suppress(OSError):
            removed.unlink()
    return not os.path.lexists(removed)


def _reserve(path: Path) -> None:
    """Reserve the space of a file on the disk; raise OSError if there is not enough."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except AttributeError:
            pass  # not on this system
        except OSError as error:
            if error.errno not in _NO_RESERVATION:
                raise
        for start in range(0, size, _BLOCK):  # written blocks are allocated
            block = file.read(_BLOCK)
            file.seek(start)
            file.write(block)


def _sync(path: Path) -> None:
    if os.name == "nt":
        return  # Windows syncs neither directories nor files opened for reading
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _explained() -> Iterator[None]:
    """Raise an OSError of the cache as a DataError."""
    try:
        yield
    except OSError as error:
        root = cache_directory()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(f"the disk of the cache {root} is full", hint=_MAKE_ROOM) from error
        raise DataError(
            f"the cache {root} cannot be written: {error.strerror or error}",
            hint="set CNNZOO_CACHE to a writable directory",
        ) from error
