"""Images that were decoded once: one `uint8` array a data set, on disk, mapped by later runs.

An entry is a directory `<key>` with the arrays and `entry.json`. It is built beside its place,
under a lock, and renamed when it is complete: whoever is killed leaves nothing that looks like an
entry, and of two that want the same one the second waits.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from cnnzoo.errors import DataError

FORMAT = 1  # of an entry; another number is another key

_IMAGES, _ROWS, _LABELS, _PARTS = "images.npy", "rows.npy", "labels.npy", "parts.npy"
_NAMES, _ABOUT = "names.json", "entry.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One decoded data set.

    `images` uint8 [m, height, width, channels] is mapped from disk. Example i is image `rows[i]`,
    with label `labels[i]` and the part `part_values[parts[i]]` of its source; `names[i]` says where
    it came from. `about` is what `entry.json` says.
    """

    images: NDArray[np.uint8]
    rows: NDArray[np.intp]
    labels: NDArray[np.int32]
    parts: NDArray[np.int32]
    names: tuple[str, ...]
    about: dict[str, Any]


def cache_directory() -> Path:
    """Where the arrays are: `$CNNZOO_CACHE`, else `cnnzoo` in the user's cache directory."""
    if own := os.environ.get("CNNZOO_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnzoo"


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
        return Entry(
            np.load(folder / _IMAGES, mmap_mode="r"),
            np.load(folder / _ROWS),
            np.load(folder / _LABELS),
            np.load(folder / _PARTS),
            tuple(json.loads((folder / _NAMES).read_text(encoding="utf-8"))),
            about,
        )
    except (OSError, ValueError):
        return None


def read_about(folder: Path) -> dict[str, Any] | None:
    """What an entry says of itself; None where its images are not as large as it says."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        whole = (folder / _IMAGES).stat().st_size == about["bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return about if whole else None


@contextmanager
def building(key: str) -> Iterator[Path | None]:
    """A directory to build an entry in, which becomes the entry; None where another made it.

    Raises DataError where the cache cannot be written or the disk is full; nothing is left then.
    """
    root = cache_directory()
    partial = root / f"{key}.partial"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{key}.lock"):
            if read_about(root / key):
                yield None
                return
            shutil.rmtree(partial, ignore_errors=True)  # of one that was killed
            partial.mkdir()
            try:
                yield partial
                shutil.rmtree(root / key, ignore_errors=True)
                partial.rename(root / key)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            problem = f"the disk of {root} is full"
        else:
            problem = f"the cache {root} cannot be written: {error.strerror}"
        raise DataError(
            problem,
            hint="see cnnzoo data cache, or set CNNZOO_CACHE to a directory with room",
        ) from error


def new_images(folder: Path, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """An array uint8 on disk, to be filled; its room is taken now, so that filling cannot fail."""
    path = folder / _IMAGES
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    with path.open("r+b") as file:
        size = path.stat().st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        elif shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
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
    images.flush()
    np.save(folder / _ROWS, rows)
    np.save(folder / _LABELS, labels)
    np.save(folder / _PARTS, parts)
    (folder / _NAMES).write_text(json.dumps(names, ensure_ascii=True), encoding="utf-8")
    about |= {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "shape": list(images.shape),
        "bytes": (folder / _IMAGES).stat().st_size,
        "pixels": hashlib.sha256(images.data).hexdigest(),
    }
    (folder / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as `cnnzoo data cache` lists it."""

    key: str
    about: dict[str, Any]
    size: int  # bytes on disk


def stored_entries() -> list[Stored]:
    """All entries, the newest first; those of a run that was killed have an empty `about`."""
    root = cache_directory()
    if not root.is_dir():
        return []
    found = [
        Stored(path.name, read_about(path) or {}, sum(f.stat().st_size for f in path.iterdir()))
        for path in root.iterdir()
        if path.is_dir()
    ]
    return sorted(found, key=lambda entry: entry.about.get("created", ""), reverse=True)


def remove_entry(key: str) -> None:
    """Remove an entry, unless it is being built at this moment."""
    root = cache_directory()
    lock = root / f"{key.removesuffix('.partial')}.lock"
    try:
        with FileLock(lock, timeout=0):
            shutil.rmtree(root / key, ignore_errors=True)
            lock.unlink(missing_ok=True)
    except Timeout:
        return
