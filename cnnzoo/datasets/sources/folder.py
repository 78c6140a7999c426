"""A folder of image files: class sub-folders, directly or in a sub-folder for each split."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.dataset import SPLITS
from cnnzoo.datasets.file_identity import NO_FILE, State, file_state, files_identity
from cnnzoo.datasets.image_files import OUTSIDE, ImageFiles, is_inside
from cnnzoo.datasets.image_names import (
    SUFFIXES,
    count_kinds,
    is_hidden,
    is_image,
    is_system_folder,
    others_text,
)
from cnnzoo.datasets.items import NO_PART, Items, make_items
from cnnzoo.datasets.matching import matched_names
from cnnzoo.datasets.part_names import is_part_name, is_unlabelled, meanings
from cnnzoo.errors import DataError
from cnnzoo.text import counted, joined, listed, nfc

SubFolders = Mapping[str, frozenset[str]]  # folder at the top → its folders with images


def open_source(data: DataConfig) -> Folder:
    """Open the folder that `data.folder` names; raise DataError if it cannot be read."""
    return Folder(data)


class Folder(ImageFiles):
    """The image files that are below a folder when it is opened.

    `identity` changes whenever one of them is added, removed, renamed or changed.
    """

    def __init__(self, data: DataConfig) -> None:
        super().__init__(data)
        assert data.folder
        self.root = Path(data.folder)
        self.states = array("q")
        self.files = []
        self.folders: list[tuple[str, int]] = []  # their beginnings, in order, with their numbers
        self.outside: list[str] = []  # links that lead out of the folder
        others: Counter[str] = Counter()
        system: set[str] = set()
        for listing in _walk(data):
            below, names = listing.below, listing.images
            self.files += [f"{below}{name}" for name in names]
            if names:
                self.folders.append((below, len(names)))
            self.outside += [f"{below}{name}" for name in listing.outside]
            others += count_kinds(listing.others)
            system |= {*listing.system}
            self.states.extend(listing.states)
        if others:
            self.found.append(f"{others_text(others)} (images end in {', '.join(SUFFIXES)})")
        if system:
            self.found.append(f"system folders not read: {listed(sorted(system))}")
        if not self.files:
            raise self._no_images(others)
        # `data.splits` may make a folder a part that would otherwise be a class or not be used.
        found = self._parts()
        parts = sorted(part for part in found if self._names(part) or not is_unlabelled(part))
        self.identity = files_identity(
            self.files,
            self.states,
            lambda name: f"{self.root}/{name}",
            "folder",
            self.outside,
            parts,
        )

    def _no_images(self, others: Counter[str]) -> DataError:
        reason = f": {others_text(others)}" if others else ""
        if self.outside:
            reason = f": {self.outside[0]} {OUTSIDE.partition(';')[0]}"
        return DataError(
            f"{self.root} has no images below it{reason}",
            place=self.data.place("folder"),
            hint="data.follow_links=true reads images outside the folder"
            if self.outside
            else f"files that end in {', '.join(SUFFIXES)} are images; convert others",
        )

    def items(self) -> Items:
        """Return every image file, with the class and the split from its folders."""
        parts = self._parts()
        named = {part for part in parts if self._names(part)}
        unlabelled = {part for part in parts if is_unlabelled(part)} - named
        files: list[str] = []
        labels: list[str] = []  # empty for a file without one
        parts_of: list[str] = []
        end = 0
        for below, count in self.folders:  # all files of a folder have one label and one part
            start, end = end, end + count
            part, inner = _placed(below, parts)
            if part not in unlabelled:
                files += self.files[start:end]
                labels += [nfc(inner.partition("/")[0])] * count
                parts_of += [part] * count
        if without := len(self.files) - len(files):
            self._note(
                f"{counted(without, 'image')} of {joined(sorted(unlabelled))} not used: "
                "by their name, they have no labels"
            )
        if self.data.label_pattern:
            problem = f"does not match data.label_pattern {self.data.label_pattern!r}"
            hint = "it is searched in the name of each file, without its folders"
            names = [file.rpartition("/")[2] for file in files]
            labels = matched_names(names, self.data, "label_pattern", "label")
        else:
            problem = "is in no class folder"
            hint = (
                "put the images of each class into a folder of its name, or set data.label_pattern"
            )
        unusable = {file: problem for file, label in zip(files, labels, strict=True) if not label}
        if len(unusable) == len(files):
            raise DataError(
                f"no image below {self.root} has a class: {next(iter(unusable))} {problem}",
                place=self.data.place("label_pattern") or self.data.place("folder"),
                hint=hint,
            )
        if unusable:
            files = list(compress(files, labels))
            parts_of = list(compress(parts_of, labels))
            labels = list(filter(None, labels))
        return make_items(files, labels, parts_of, unusable | dict.fromkeys(self.outside, OUTSIDE))

    def _parts(self) -> SubFolders:
        return _find_parts(_sub_folders(below for below, _ in self.folders), self.data)

    def _names(self, part: str) -> bool:
        return nfc(part).casefold() in _named_parts(self.data)

    def _note(self, text: str) -> None:
        if text not in self.found:  # `items` may be called twice
            self.found.append(text)


@dataclass(slots=True)
class _Listing:
    """The content of one folder, in order: names, and the states of the images."""

    below: str  # the path of the folder below the root, empty or with a slash at its end
    images: list[str] = field(default_factory=list)
    states: array[int] = field(default_factory=lambda: array("q"))
    folders: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # files that are not images
    system: list[str] = field(default_factory=list)  # folders of the system
    outside: list[str] = field(default_factory=list)  # links that lead out of the root


def _walk(data: DataConfig) -> Iterator[_Listing]:
    """List each folder, the root first; raises DataError for one that cannot be read."""
    assert data.folder
    real = os.path.realpath(data.folder)
    seen: dict[tuple[int, int], str] = {}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        path = f"{data.folder}/{below}"
        try:
            opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                if _is_new(os.fstat(opened), below, seen, data):
                    listing = _listed(opened, below, None if data.follow_links else real)
                    yield listing
                    waiting += [f"{below}{name}/" for name in reversed(listing.folders)]
            finally:
                os.close(opened)
        except OSError as error:
            raise DataError(
                f"the folder {path.rstrip('/')} cannot be read: {error.strerror}",
                place=data.place("folder"),
                hint="set data.folder to the folder of the images, or data=NAME to try without: "
                "cartoon_faces, digits, mnist5k",
            ) from error


def _is_new(
    here: os.stat_result, below: str, seen: dict[tuple[int, int], str], data: DataConfig
) -> bool:
    """Return False for a link to a parent folder; raise DataError if a folder has two paths."""
    other = seen.setdefault((here.st_dev, here.st_ino), below)
    if other == below or below.startswith(other):
        return other == below
    raise DataError(
        f"{below} and {other} below {data.folder} are the same folder, by a link",
        place=data.place("folder"),
        hint="remove the link: each image is used once",
    )


def _listed(opened: int, below: str, root: str | None) -> _Listing:
    """List an open folder; links that lead out of `root`, if it is given, are kept apart."""
    images: list[tuple[str, State]] = []
    listing = _Listing(below)
    with os.scandir(opened) as scan:
        for entry in scan:
            name = entry.name
            image = is_image(name)
            if not image and is_hidden(name):
                if is_system_folder(name):
                    listing.system.append(name)
            elif not image and not _is_folder(entry):
                listing.others.append(name)
            elif root and entry.is_symlink() and not is_inside(f"{root}/{below}{name}", root):
                listing.outside.append(name)
            elif image:
                images.append((name, _state(entry)))
            else:
                listing.folders.append(name)
    for names in (listing.folders, listing.others, listing.system, listing.outside):
        names.sort()
    for name, state in sorted(images):
        listing.images.append(name)
        listing.states.extend(state)
    return listing


def _state(entry: os.DirEntry[str]) -> State:
    try:
        return file_state(entry.stat())
    except OSError:  # a link to nowhere, or just removed: the decoder reports it
        return NO_FILE


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _sub_folders(folders: Iterable[str]) -> SubFolders:
    """Return the top folders with images below them, each with its sub-folders of that kind."""
    found: dict[str, set[str]] = {}
    for below in folders:
        top, *inner = below.split("/", 2)
        if inner:
            found.setdefault(top, set()).update(map(nfc, inner[:-1]))
    return {top: frozenset(inner) for top, inner in found.items()}


def _placed(below: str, parts: SubFolders) -> tuple[str, str]:
    """Return the part of the images in a folder, or NO_PART, and the rest of its path."""
    top, slash, inner = below.partition("/")
    if not slash or top not in parts:
        return NO_PART, below
    rest = inner.partition("/")[2]
    # A part that was unpacked into a folder of the same name, as train/train/cat, is one level.
    return top, rest if "/" in rest and parts[top] == {nfc(top)} else inner


def _named_parts(data: DataConfig) -> set[str]:
    """Return the parts that `data.splits` names, in lower case."""
    given = (getattr(data.splits, split) for split in SPLITS)
    return {nfc(name).casefold() for name in given if isinstance(name, str)}


def _find_parts(tops: SubFolders, data: DataConfig) -> SubFolders:
    """The folders at the top if they are parts of the data, empty if they are classes.

    They are parts if `data.splits` names one of them, or if all have usual names of parts, one of
    them for training. A class may have such a name, for example `train` among vehicles. Raises
    DataError if this is ambiguous; `data.classes` marks them as classes.
    """
    chosen = data.classes or ()
    if tops and all(nfc(top) in chosen for top in tops):
        return {}
    named = _named_parts(data)
    own = meanings(tops)
    if any(nfc(top).casefold() in named for top in tops):
        return tops
    others = {top for top in tops if not is_part_name(top)}
    splits = tops.keys() - others
    found = {own[top] for top in splits} - {None}
    if splits and not others and "train" in found:
        return tops
    nested = [inner for inner in tops.values() if inner]
    shared = frozenset.intersection(*nested) if len(nested) > 1 else frozenset()
    alike = len(shared) > (0 if "train" in found else 1)
    if len(found) > 1 or (alike and not data.label_pattern):
        raise _either(tops, splits, others, shared, data)
    return {}


def _either(
    tops: SubFolders,
    splits: set[str],
    others: set[str],
    shared: frozenset[str],
    data: DataConfig,
) -> DataError:
    some = listed(sorted(others), 3)
    if splits:
        rest = f"but also {some}" if others else "but no train"
        problem = f"{data.folder} has the splits {listed(sorted(splits))}, {rest}"
    else:
        problem = (
            f"{data.folder} has the folders {some} with the same folders "
            f"{listed(sorted(shared), 3)} in each: the classes are ambiguous"
        )
    return DataError(
        problem,
        place=data.place("folder"),
        hint="name the splits: data.splits={train: FOLDER, test: FOLDER}; other folders are then "
        f"not used. If all are classes: data.classes={bracketed(sorted(tops))}",
    )


def bracketed(names: Sequence[str]) -> str:
    """Return names as a list in YAML, of many the first ones."""
    return f"[{listed(names, 4)}]"
