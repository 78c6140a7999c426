"""A folder of image files: class sub-folders, in one pool or below a sub-folder for each split."""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.decoding import FORMATS
from cnnzoo.datasets.images import Fit
from cnnzoo.datasets.items import NO_PART, Items, make_items
from cnnzoo.datasets.splitting import PART_NAMES
from cnnzoo.datasets.workers import Progress, decode_files
from cnnzoo.errors import DataError

_SUFFIXES = tuple(FORMATS)


def open_source(data: DataConfig) -> Folder:
    """The folder that `data.folder` names; raises DataError where there is none."""
    return Folder(data)


class Folder:
    """The image files below a folder, as they are now.

    `identity` changes whenever one of them is added, removed, renamed or changed.
    """

    def __init__(self, data: DataConfig) -> None:
        assert data.folder
        self.data = data
        self.root = Path(data.folder)
        digest = hashlib.sha256(b"folder")
        self.files: list[str] = []  # POSIX paths below the root
        for below, names, stats in _walk(data):
            self.files += [f"{below}{name}" for name in names]
            digest.update("\0".join([below, *names]).encode("utf-8", "surrogateescape"))
            digest.update(struct.pack(f"{len(stats)}q", *stats))
        if not self.files:
            raise DataError(
                f"{self.root} has no images below it",
                place=data.place("folder"),
                hint=f"files that end in {', '.join(_SUFFIXES)} are images",
            )
        self.identity = digest.hexdigest()

    def items(self) -> Items:
        """Every image file, with the class and the split that its folders say."""
        in_parts = _has_parts({path.split("/", 1)[0] for path in self.files if "/" in path})
        pattern = re.compile(self.data.label_pattern) if self.data.label_pattern else None
        names, labels, parts, unusable = [], [], [], {}
        for path in self.files:
            part, inner = path.split("/", 1) if in_parts and "/" in path else (NO_PART, path)
            if pattern:
                match = pattern.search(inner.rsplit("/", 1)[-1])
                label = match["label"] if match else None
                problem = f"does not match data.label_pattern {pattern.pattern!r}"
            else:
                label = inner.split("/", 1)[0] if "/" in inner else None
                problem = "is in no class folder"
            if label:
                names.append(path)
                labels.append(label)
                parts.append(part)
            else:
                unusable[path] = problem
        if not names:
            raise DataError(
                f"no image below {self.root} has a class: {next(iter(unusable))} "
                f"{next(iter(unusable.values()))}",
                place=self.data.place("label_pattern") or self.data.place("folder"),
                hint="put the images of each class into a folder of its name, or set "
                "data.label_pattern",
            )
        return make_items(names, labels, parts, unusable)

    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Decode the items at these indices into the rows of `out`."""
        paths = [f"{self.root}/{items.names[index]}" for index in indices]
        return decode_files(paths, out, fit, on_progress)


def _walk(data: DataConfig) -> Iterator[tuple[str, list[str], list[int]]]:
    """For each folder its path below the root, its images, and their sizes and times, in order."""
    root = Path(data.folder or "")
    try:
        yield from _walk_below(str(root), "", set())
    except OSError as error:
        raise DataError(
            f"the folder {error.filename or root} cannot be read: {error.strerror}",
            place=data.place("folder"),
            hint="set data.folder to where the images are, or data=NAME to try without: "
            "cartoon_faces, digits, mnist5k",
        ) from error


def _walk_below(
    folder: str, below: str, seen: set[tuple[int, int]]
) -> Iterator[tuple[str, list[str], list[int]]]:
    opened = os.open(folder, os.O_RDONLY)
    try:
        here = os.fstat(opened)
        if (here.st_dev, here.st_ino) in seen:
            return  # a link that leads back
        seen.add((here.st_dev, here.st_ino))
        files, folders = [], []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.lower().endswith(_SUFFIXES) and not entry.is_dir():
                    files.append(entry.name)
                elif entry.name[0] != "." and entry.is_dir():
                    folders.append(entry.name)
        files = sorted(name for name in files if name[0] != ".")
        stats: list[int] = []
        for name in files:  # relative to the open folder: half the time of whole paths
            state = os.stat(name, dir_fd=opened)
            stats += (state.st_size, state.st_mtime_ns)
        yield below, files, stats
    finally:
        os.close(opened)
    for name in sorted(folders):
        yield from _walk_below(f"{folder}/{name}", f"{below}{name}/", seen)


def _has_parts(folders: set[str]) -> bool:
    """Whether the folders at the top are splits, `train` among them, rather than classes."""
    known = {PART_NAMES.get(folder.lower()) for folder in folders}
    return "train" in known and None not in known
