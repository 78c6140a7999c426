"""A folder of image files: class sub-folders, in one pool or below a sub-folder for each split."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.image_files import ImageFiles
from cnnzoo.datasets.images.decode import FORMATS
from cnnzoo.datasets.items import NO_PART, Items, make_items
from cnnzoo.datasets.splitting import PART_NAMES
from cnnzoo.errors import DataError
from cnnzoo.text import listed

_SUFFIXES = tuple(FORMATS)
MATCH_SECONDS = 30


def open_source(data: DataConfig) -> Folder:
    """The folder that `data.folder` names; raises DataError where there is none."""
    return Folder(data)


class Folder(ImageFiles):
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
            digest.update(f"{len(names)}\0{below}".encode("utf-8", "surrogateescape"))
            digest.update("\0".join(names).encode("utf-8", "surrogateescape"))
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
        in_parts = _has_parts(
            {path.split("/", 1)[0] for path in self.files if "/" in path}, self.data
        )
        split_paths = [
            path.split("/", 1) if in_parts and "/" in path else (NO_PART, path)
            for path in self.files
        ]
        if self.data.label_pattern:
            problem = f"does not match data.label_pattern {self.data.label_pattern!r}"
            hint = "it is searched in the name of each file, without its folders"
            found = matched_labels([path.rsplit("/", 1)[-1] for path in self.files], self.data)
        else:
            problem = "is in no class folder"
            hint = (
                "put the images of each class into a folder of its name, or set data.label_pattern"
            )
            found = [inner.split("/", 1)[0] if "/" in inner else "" for _, inner in split_paths]
        labelled = [index for index, label in enumerate(found) if label]
        unusable = {
            path: problem for path, label in zip(self.files, found, strict=True) if not label
        }
        if not labelled:
            raise DataError(
                f"no image below {self.root} has a class: {next(iter(unusable))} {problem}",
                place=self.data.place("label_pattern") or self.data.place("folder"),
                hint=hint,
            )
        return make_items(
            [self.files[index] for index in labelled],
            [found[index] for index in labelled],
            [split_paths[index][0] for index in labelled],
            unusable,
        )


def matched_labels(names: Sequence[str], data: DataConfig) -> list[str]:
    """What the group `label` of `data.label_pattern` takes from each file name; "" for nothing.

    A pattern may take longer for one name than anybody lives, and cannot be interrupted: a process
    of its own looks for it, and is ended after MATCH_SECONDS. Raises DataError then.
    """
    assert data.label_pattern
    asked = json.dumps([data.label_pattern, names])
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _MATCH],
            input=asked,
            stdout=subprocess.PIPE,
            text=True,
            timeout=MATCH_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise DataError(
            f"data.label_pattern {data.label_pattern!r} takes more than {MATCH_SECONDS} s for "
            f"{len(names):,} file names",
            place=data.place("label_pattern"),
            hint="repeat nothing that is itself repeated, as (a+)+ does",
        ) from None
    found: list[str] = json.loads(done.stdout)
    return found


_MATCH = """
import json, re, sys
pattern, names = json.load(sys.stdin)
search = re.compile(pattern).search
json.dump([(match and match["label"]) or "" for match in map(search, names)], sys.stdout)
"""


def _walk(data: DataConfig) -> Iterator[tuple[str, list[str], list[int]]]:
    """For each folder its path below the root, its images, and their sizes and times, in order."""
    seen: dict[tuple[int, int], str] = {}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        path = f"{data.folder}/{below}"
        try:
            opened = os.open(path, os.O_RDONLY)
            try:
                if _is_new(os.fstat(opened), below, seen, data):
                    files, others = _listed(opened)
                    yield below, files, _stats(files, opened)
                    folders = [name for name in others if _is_folder(name, opened)]
                    waiting += [f"{below}{name}/" for name in reversed(folders)]
            finally:
                os.close(opened)
        except OSError as error:
            raise DataError(
                f"the folder {path.rstrip('/')} cannot be read: {error.strerror}",
                place=data.place("folder"),
                hint="set data.folder to where the images are, or data=NAME to try without: "
                "cartoon_faces, digits, mnist5k",
            ) from error


def _is_new(
    here: os.stat_result, below: str, seen: dict[tuple[int, int], str], data: DataConfig
) -> bool:
    """False for a link that leads back; raises DataError for another way to a folder."""
    other = seen.setdefault((here.st_dev, here.st_ino), below)
    if other == below or below.startswith(other):
        return other == below
    raise DataError(
        f"{below} and {other} below {data.folder} are the same folder, by a link",
        place=data.place("folder"),
        hint="remove the link: each image is used once",
    )


def _listed(opened: int) -> tuple[list[str], list[str]]:
    """The names in a folder that are images', and the others; without hidden ones, in order."""
    files: list[str] = []
    others: list[str] = []
    for name in sorted(os.listdir(opened)):
        if name[0] != ".":
            (files if name.lower().endswith(_SUFFIXES) else others).append(name)
    return files, others


def _stats(files: list[str], opened: int) -> list[int]:
    """The sizes and times of files; relative to the open folder takes half as long as by paths."""
    stats: list[int] = []
    for name in files:
        try:
            state = os.stat(name, dir_fd=opened)
            stats += (state.st_size, state.st_mtime_ns)
        except OSError:  # a link to nowhere, or just removed: the decoder says so
            stats += (-1, -1)
    return stats


def _is_folder(name: str, opened: int) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=opened).st_mode)
    except OSError:  # a link to nowhere or to itself
        return False


def _has_parts(folders: set[str], data: DataConfig) -> bool:
    """Whether the folders at the top are splits, rather than classes.

    One class may be called like a split, as `train` among vehicles; raises DataError where two are.
    """
    splits = {folder for folder in folders if folder.lower() in PART_NAMES}
    others = folders - splits
    meanings = {PART_NAMES[folder.lower()] for folder in splits}
    if not others and "train" in meanings:
        return True
    if len(meanings) < 2:
        return False
    problem = f"but also {listed(sorted(others)[:3])}" if others else "but no train"
    raise DataError(
        f"{data.folder} has the splits {listed(sorted(splits))}, {problem}",
        place=data.place("folder"),
        hint="put only train, validation and test beside each other, or only classes",
    )
