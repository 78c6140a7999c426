"""Images that were decoded once: one `uint8` array a data set, on disk, mapped by later runs.

An entry is a directory `<key>`: the arrays, and `entry.json`, which says what they are. It is built
as `<key>.partial`, under a lock, and renamed when all of it is on the disk: whoever is killed
leaves nothing that looks like an entry, and of two that want the same one the second waits. It goes
by a rename too, so nobody ever sees half of one; who has it mapped keeps it until they end.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from cnnzoo.errors import DataError, did_you_mean

FORMAT = 2  # of an entry; raise it where its files change, or the pixels of a decoded image

_IMAGES, _EXAMPLES, _NAMES, _ABOUT = "images.npy", "examples.npy", "names.json", "entry.json"
_EXAMPLE = np.dtype([("row", "<i8"), ("label", "<i4"), ("part", "<i4"), ("digest", "u1", 16)])
_PARTIAL, _REMOVED = ".partial", ".removed"
_NO_RESERVATION = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
_BLOCK = 2**20
_WORTH_A_THREAD = 2**16  # bytes of an image
_MAKE_ROOM = (
    "make room (cnnzoo data cache --clear), or set CNNZOO_CACHE to a directory on another disk"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One decoded data set.

    `images` uint8 [m, height, width, channels] is mapped from disk. Example i is image `rows[i]`,
    whose pixels have the digest `digests[i]` (uint8 [16]), with label `labels[i]` and the part
    `part_values[parts[i]]` of its source; `names[i]` says where it came from. `about` is what
    `entry.json` says.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.intp]
    labels: NDArray[np.int32]
    parts: NDArray[np.int32]
    digests: NDArray[np.uint8]
    names: list[str]
    about: dict[str, Any]


def key_of(*settings: Any) -> str:
    """The key of an entry: a digest of everything that decides what is in it."""
    return hashlib.sha256(repr((FORMAT, settings)).encode()).hexdigest()[:24]


def open_entry(key: str) -> Entry | None:
    """The entry of that key, or None where there is none, or only a damaged one."""
    folder = cache_directory() / key
    about = read_about(folder)
    if about is None:
        return None
    try:
        examples = np.load(io.BytesIO(_read_checked(folder, _EXAMPLES, about)))
        names = json.loads(_read_checked(folder, _NAMES, about))
        images = np.asarray(np.load(folder / _IMAGES, mmap_mode="r"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with suppress(OSError):  # when it was last used; a cache that is read only serves as well
        os.utime(folder / _ABOUT)
    return Entry(
        images,
        examples["row"].astype(np.intp),
        examples["label"].copy(),
        examples["part"].copy(),
        examples["digest"].copy(),
        names,
        about,
    )


def read_about(folder: Path) -> dict[str, Any] | None:
    """What an entry says of itself; None where its files are not as large as it says."""
    try:
        about: dict[str, Any] = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        sizes = about["sizes"]
        whole = all(
            (folder / name).stat().st_size == sizes[name] for name in (_IMAGES, _EXAMPLES, _NAMES)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return about if whole else None


def _read_checked(folder: Path, name: str, about: dict[str, Any]) -> bytes:
    content = (folder / name).read_bytes()
    if zlib.crc32(content) != about["checksums"][name]:
        raise ValueError(f"{folder / name} is damaged")
    return content


@contextmanager
def building(key: str) -> Iterator[Path]:
    """A directory to build an entry in, which replaces the one of that key once it is finished.

    Waits for whoever is building the same one. Raises DataError where the cache cannot be written;
    nothing is left then.
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
    """An array uint8 on disk, to be filled.

    Its room is taken now: a map that the disk has no room for ends the process that fills it.
    Raises DataError where there is none.
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
    names: list[str],
    **about: Any,
) -> None:
    """Complete an entry: everything beside the images, and all of it on the disk."""
    examples = np.empty(len(rows), _EXAMPLE)
    examples["row"], examples["label"], examples["part"] = rows, labels, parts
    examples["digest"] = row_digests(images, rows)
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
            "checksums": {name: zlib.crc32(content) for name, content in contents.items()},
        }
        (folder / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        for path in folder.iterdir():
            _sync(path)
        _sync(folder)


def row_digests(images: NDArray[np.uint8], rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """The first 16 bytes of the SHA-256 of the pixels of each of these images, uint8 [n, 16]."""
    flat = np.asarray(images).reshape(len(images), -1)

    def digests_of(some: NDArray[np.intp]) -> bytes:
        return b"".join([hashlib.sha256(flat[row]).digest()[:16] for row in some])

    # Hashing lets go of Python's lock; for small images, taking it again costs more than it gains.
    with ThreadPoolExecutor(None if flat.shape[1] >= _WORTH_A_THREAD else 1) as pool:
        chunks = pool.map(digests_of, np.array_split(rows, max(1, len(rows) // 1024)))
        return np.frombuffer(b"".join(chunks), np.uint8).reshape(-1, 16)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is in the cache under one name, as `cnnzoo data cache` lists it.

    `state` is "ready", "being built", or what is wrong with it: "left over" of a run that was
    killed, or "damaged". `used` is when it was last opened, in seconds since the epoch.
    """

    name: str
    state: str
    about: dict[str, Any]
    size: int  # bytes on disk
    used: float

    @property
    def key(self) -> str:
        """The key of the entry that this is, was or will be."""
        return self.name.split(".")[0]


def find_stored(words: Sequence[str] = ()) -> list[Stored]:
    """What is in the cache, used last first: of these names or beginnings of keys, else all.

    Raises DataError for a word that nothing goes by.
    """
    try:
        folders = [path for path in cache_directory().iterdir() if _is_ours(path)]
    except OSError:
        folders = []
    found = sorted(map(_stored, folders), key=lambda stored: stored.used, reverse=True)
    for word in words:
        if not any(_goes_by(word, stored) for stored in found):
            names = [stored.about["name"] for stored in found if stored.about]
            raise DataError(
                f"nothing in the cache goes by {word!r}{did_you_mean(word, names)}",
                hint="cnnzoo data cache lists what is there, by key and name",
            )
    return [
        stored for stored in found if not words or any(_goes_by(word, stored) for word in words)
    ]


def _goes_by(word: str, stored: Stored) -> bool:
    return stored.about.get("name") == word or (len(word) > 3 and stored.key.startswith(word))


def remove_stored(stored: Stored) -> bool:
    """Remove something from the cache; False where it is being built, or may not be removed."""
    path = cache_directory() / stored.name
    return _remove_partial(path) if path.suffix == _PARTIAL else _discard(path)


def _stored(folder: Path) -> Stored:
    about = read_about(folder) or {}
    try:
        used = (folder / _ABOUT if about else folder).stat().st_mtime
        size = sum(path.stat().st_size for path in folder.iterdir())
    except OSError:  # it goes at this moment
        used, size = time.time(), 0
    if not folder.suffix:
        state = "ready" if about else "damaged"
    else:
        state = "being built" if _is_locked(folder) else "left over"
    return Stored(folder.name, state, about, size, used)


def _is_ours(path: Path) -> bool:
    key = path.name.split(".")[0]
    return len(key) == 24 and not set(key) - set("0123456789abcdef") and path.is_dir()


def _lock(key: str, timeout: float = -1) -> FileLock:
    """The lock under which an entry is built.

    There are 256 of them for all keys: a lock file of each entry's own could not be removed, as
    another process may be waiting for it.
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
    """Remove what killed runs left; the lock of `key` is held."""
    for path in filter(_is_ours, cache_directory().iterdir()):
        if path.suffix == _REMOVED or (path.suffix == _PARTIAL and path.name[:2] == key[:2]):
            _discard(path)
        elif path.suffix == _PARTIAL:
            _remove_partial(path)


def _remove_partial(path: Path) -> bool:
    """Remove what is left of a building; False where it goes on."""
    try:
        with _lock(path.name, timeout=0):
            return _discard(path)
    except (Timeout, OSError):
        return False


def _discard(folder: Path) -> bool:
    """Remove a directory so that nobody sees half of it; False where that cannot be."""
    goes = folder.with_name(f"{folder.name.split('.')[0]}.{uuid4().hex[:8]}{_REMOVED}")
    try:
        folder.rename(goes)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    shutil.rmtree(goes, ignore_errors=True)
    return not goes.exists()


def _reserve(path: Path) -> None:
    """Take the room of a file on the disk; raises OSError where there is none."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except AttributeError:
            pass  # not in this system
        except OSError as error:
            if error.errno not in _NO_RESERVATION:
                raise
        for start in range(0, size, _BLOCK):  # what is written has its room
            block = file.read(_BLOCK)
            file.seek(start)
            file.write(block)


def _sync(path: Path) -> None:
    if os.name == "nt":
        return  # which syncs neither directories nor what is open to be read
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _explained() -> Iterator[None]:
    """Make a DataError of an OSError of the cache."""
    try:
        yield
    except OSError as error:
        root = cache_directory()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(f"the disk of the cache {root} is full", hint=_MAKE_ROOM) from error
        raise DataError(
            f"the cache {root} cannot be written: {error.strerror or error}",
            hint="set CNNZOO_CACHE to a directory that can be written",
        ) from error
