"""Arrays of images and of labels: an .npz, a folder of IDX or .npy files, or files by name.

The name of an array tells its content and its part: `x_train`, `train_labels`, `images`,
`t10k-images-idx3-ubyte.gz`.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.array_files import (
    ArrayFile,
    ArrayFileError,
    is_npz,
    members,
    open_array,
    read_blocks,
)
from cnnzoo.datasets.dataset import SPLITS, ImageShape
from cnnzoo.datasets.file_identity import file_state, files_identity
from cnnzoo.datasets.image_files import COLOUR_DROPPED, OUTSIDE, is_inside
from cnnzoo.datasets.images.fit import Fit, fit_images
from cnnzoo.datasets.images.workers import Progress
from cnnzoo.datasets.items import NO_PART, Items
from cnnzoo.datasets.part_names import is_part_name, meanings
from cnnzoo.datasets.pixel_ranges import FULL, UNIT, WHITE, PixelRange, RangeFinder
from cnnzoo.datasets.source import Source
from cnnzoo.datasets.splitting import content_key
from cnnzoo.datasets.value_codes import is_missing, ordered_codes, plain_names
from cnnzoo.errors import DataError
from cnnzoo.limits import CLASSES as MAX_CLASSES
from cnnzoo.text import listed

# Words of an array's name that tell its content; the others name its part.
ROLES = {
    "x": "images",
    "image": "images",
    "images": "images",
    "y": "labels",
    "label": "labels",
    "labels": "labels",
    "target": "labels",
    "targets": "labels",
}
_MNIST_TEST = "t10k"

_NAMES = "x_train and y_train, train_images and train_labels, images and labels, x and y"
_FILE_NAME = re.compile(r"(?P<name>.+?)(?:\.npy|[-.]idx\d-ubyte)(?:\.gz)?")
_ROUNDED = 0.01  # largest distance of a float from 0 to 255 to a whole number
_LARGEST_LABEL = 2.0**53  # beyond, a float is not exact

Role = tuple[str, str]  # the part, and images or labels
Where = tuple[Path, str | None]  # the file, and its member if it is an .npz
Named = tuple[str, Where]


@dataclass(frozen=True, slots=True)
class Part:
    """The images and labels of a part; its items are those from `start` to before `stop`."""

    name: str
    images: ArrayFile
    labels: ArrayFile
    start: int
    stop: int


def open_source(data: DataConfig) -> Arrays:
    """Open the arrays that `data.arrays` names; raise DataError if they are not complete."""
    with explained(data):
        return Arrays(data)


class Arrays(Source):
    """Images and labels in arrays on disk, read block by block.

    An item is named by its place: `train[17]`, or `images[17]` if the arrays have no parts.
    """

    def __init__(self, data: DataConfig) -> None:
        self.data = data
        self.found: list[str] = []  # notes
        found, others = find_arrays(data)
        if others:
            self.found.append(
                f"arrays not used, because their names do not tell a split: {listed(others)}"
            )
        files = sorted({path for path, _ in found.values()})
        states = [value for path in files for value in file_state(path.stat())]
        roles = sorted((role, path.name, member or "") for role, (path, member) in found.items())
        self.identity = files_identity([*map(str, files)], states, str, "arrays", roles)
        arrays = {role: open_array(*where) for role, where in found.items()}
        self.parts = paired(arrays)
        for part in self.parts:
            _, _, is_ambiguous = image_layout(part.images, data.layout)
            if is_ambiguous and not data.layout:
                shape = "x".join(map(str, part.images.shape))
                self.found.append(
                    f"{part.images.title}, {shape}, is read with the colours in the last axis; "
                    "data.layout=channels_first if they are in the second"
                )

    @property
    def notes(self) -> Sequence[str]:
        """Return lines about the interpretation of the arrays; complete after `read`."""
        return self.found

    def items(self) -> Items:
        """Return every image that has a label; the parts are those in the names of the arrays."""
        seen: dict[str, int] = {}
        with explained(self.data):
            codes = np.concatenate([label_codes(part.labels, seen) for part in self.parts])
        lengths = [part.stop - part.start for part in self.parts]
        parts = np.repeat(np.arange(len(self.parts), dtype=np.int32), lengths)
        every = PlaceNames(self.parts, np.arange(len(codes)))
        labelled = np.flatnonzero(codes >= 0)
        unusable = {every[at]: "has no label" for at in np.flatnonzero(codes < 0).tolist()}
        if not len(labelled):
            raise DataError(f"{self.data.title} has no labels", place=self.data.place("arrays"))
        label_values, labels = ordered_codes(seen, codes[labelled], plain_names(seen))
        return Items(
            PlaceNames(self.parts, labelled),
            labels,
            label_values,
            parts[labelled],
            tuple(part.name for part in self.parts),
            unusable,
        )

    def split_keys(self, items: Items, indices: NDArray[np.intp]) -> NDArray[np.uint64]:
        """Return the keys uint64 [n] of these items, from their pixels.

        The index of an image is not a stable key: it changes when a previous image is removed.
        """
        keys = np.empty(len(indices), np.uint64)
        with explained(self.data):
            for part in self.parts:
                for rows, _, images in _blocks(part, _places(items, indices)):
                    keys[rows] = [content_key(image.tobytes()) for image in images]
        return keys

    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Write the images at these indices into the rows of `out`; none of them fails."""
        done = 0
        with explained(self.data):
            pixel_range = self._pixel_range()
            for part in self.parts:
                shape, channels_first, _ = image_layout(part.images, self.data.layout)
                if shape[2] > fit.shape[2] and COLOUR_DROPPED not in self.found:
                    self.found.append(COLOUR_DROPPED)
                for rows, places, block in _blocks(
                    part, _places(items, indices), math.prod(fit.shape)
                ):
                    images = np.moveaxis(block, 1, -1) if channels_first else block
                    images = images.reshape(len(images), *shape)
                    out[rows] = fit_images(pixels_of(images, part.images, places, pixel_range), fit)
                    done += len(rows)
                    on_progress(done, len(indices))
        return {}

    def _pixel_range(self) -> Pixels:
        """Return the range of the pixels: from `data.pixel_range`, or detected in the arrays."""
        if self.data.pixel_range:
            return Pixels(PixelRange(*self.data.pixel_range), is_given=True)
        finder = find_range([part.images for part in self.parts])
        if note := finder.dark_note(self.data.title):
            self.found.append(note)
        elif finder.range == UNIT and not finder.fractions and finder.largest:
            self.found.append(f"the pixels of {self.data.title} are 0 or 1: black and white")
        return Pixels(finder.range)


@dataclass(frozen=True, slots=True)
class Pixels:
    """The range of the pixels; `is_given` if it is from the configuration."""

    range: PixelRange
    is_given: bool = False


def _places(items: Items, indices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the positions of items in the sequence of all images, part after part."""
    assert isinstance(items.names, PlaceNames)
    return items.names.places[indices]


def _blocks(
    part: Part, indices: NDArray[np.intp], result_bytes: int = 0
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[Any]]]:
    """Yield images of a part in blocks: their positions in `indices`, their rows, the images."""
    rows = np.flatnonzero((indices >= part.start) & (indices < part.stop))
    rows = rows[np.argsort(indices[rows], kind="stable")]
    places = indices[rows] - part.start
    windows, chosen = [], []
    for window in part.images.windows(result_bytes):
        first, end = np.searchsorted(places, window)
        if first < end:
            windows.append(window)
            chosen.append(slice(first, end))
    for (start, _), here, block in zip(
        windows, chosen, read_blocks(part.images, windows), strict=True
    ):
        yield rows[here], places[here], block[places[here] - start]


class PlaceNames(Sequence[str]):
    """The names of items at `places` int [n] of some parts, computed on demand."""

    def __init__(self, parts: Sequence[Part], places: NDArray[np.intp]) -> None:
        self.parts = parts
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        at = int(self.places[index])
        part = next(part for part in self.parts if at < part.stop)
        return f"{part.name or 'images'}[{at - part.start}]"


@contextmanager
def explained(data: DataConfig) -> Iterator[None]:
    """Turn errors of the arrays into a DataError with their names and the place of the key."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the arrays {error.filename or data.title} cannot be read: {error.strerror}",
            place=data.place("arrays"),
            hint="set data.arrays to an .npz, to a folder of arrays, or to {images: FILE, "
            "labels: FILE}",
        ) from error
    except ArrayFileError as error:
        raise DataError(
            f"data.arrays: {error}", place=data.place("arrays"), hint=error.hint
        ) from error


def find_arrays(data: DataConfig) -> tuple[dict[Role, Where], list[str]]:
    """Return the place of the array of each part and role, and the names of unknown arrays.

    Raises ArrayFileError if no array has a known name, or two have the same role.
    """
    given = data.arrays
    assert given
    if isinstance(given, dict):
        for name in given:
            if not role_of(name):
                raise ArrayFileError(f"the array name {name!r} is not known", f"names: {_NAMES}")
        return _by_role((name, (Path(path), None)) for name, path in given.items()), []
    path = Path(given)
    named = _in_folder(path, data.follow_links) if path.is_dir() else _in_npz(path)
    found = _by_role(named)
    others = [name for name, _ in named if _words_of(name) & ROLES.keys() and not role_of(name)]
    if not found:
        raise ArrayFileError(
            f"{path.name} has no arrays with known names; it has "
            f"{listed(name for name, _ in named) or 'none'}",
            f"names: {_NAMES}; or give the files: arrays: {{images: FILE, labels: FILE}}",
        )
    return found, others


def _in_folder(folder: Path, follow_links: bool | None) -> list[Named]:
    files: dict[str, Path] = {}
    root = os.path.realpath(folder)
    for path in sorted(folder.iterdir()):  # an unpacked file comes before its .gz, the same array
        if _FILE_NAME.fullmatch(path.name):
            if path.is_symlink() and not follow_links and not is_inside(str(path), root):
                raise ArrayFileError(f"{path.name} {OUTSIDE}")
            files.setdefault(path.name.removesuffix(".gz"), path)
    return [(_FILE_NAME.sub(r"\g<name>", name), (path, None)) for name, path in files.items()]


def _in_npz(path: Path) -> list[Named]:
    if not is_npz(path):
        array = open_array(path)
        raise ArrayFileError(
            f"{array.title} is one array, but a data set has images and labels",
            "name both: arrays: {images: FILE, labels: FILE}",
        )
    return [(name, (path, member)) for name, member in members(path).items()]


def role_of(name: str) -> Role | None:
    """Return the part of an array, NO_PART if it has none, and whether it is images or labels.

    Returns None for a name with other words; `x_train` and `train-labels` have only known words.
    """
    words = [word for word in re.split(r"[-_.]", name.lower()) if word]
    roles = [ROLES[word] for word in words if word in ROLES]
    part = "_".join(word for word in words if word not in ROLES)
    if len(roles) != 1 or (part and part != _MNIST_TEST and not is_part_name(part)):
        return None
    if not part:
        return NO_PART, roles[0]
    return ("test" if part == _MNIST_TEST else meanings((part,))[part] or part), roles[0]


def _words_of(name: str) -> set[str]:
    return {*re.split(r"[-_.]", name.lower())}


def _by_role(named: Iterable[Named]) -> dict[Role, Where]:
    found: dict[Role, Where] = {}
    names: dict[Role, str] = {}
    for name, where in named:
        role = role_of(name)
        if role is None:
            continue
        if role in found:
            raise ArrayFileError(
                f"{names[role]} and {name} are both {_words(role)}",
                "give the files that are meant: arrays: {images: FILE, labels: FILE}",
            )
        found[role], names[role] = where, name
    return found


def paired(arrays: Mapping[Role, ArrayFile]) -> tuple[Part, ...]:
    """Return the parts with images and equally many labels; raise ArrayFileError for others."""
    parts: list[Part] = []
    start = 0
    known = (NO_PART, *SPLITS)
    for name in (*known, *sorted({name for name, _ in arrays} - {*known})):
        images, labels = arrays.get((name, "images")), arrays.get((name, "labels"))
        if not images and not labels:
            continue
        if not images or not labels:
            there = "images" if images else "labels"
            missing = "labels" if images else "images"
            raise ArrayFileError(
                f"there are {_words((name, there))} and no {_words((name, missing))}",
                f"names: {_NAMES}",
            )
        if len(images) != len(labels):
            raise ArrayFileError(
                f"{images.title} has {len(images):,} images and {labels.title} {len(labels):,} "
                "labels; every image has one"
            )
        if len(images):
            parts.append(Part(name, images, labels, start, start + len(images)))
            start += len(images)
    if not parts:
        raise ArrayFileError("the arrays are empty")
    return tuple(parts)


def _words(role: Role) -> str:
    return " ".join(filter(None, role))


def image_layout(images: ArrayFile, layout: str | None) -> tuple[ImageShape, bool, bool]:
    """Return the shape of an image, whether its channels are first, and whether that is ambiguous.

    Without a `layout`, channels_last or channels_first, they come first in [n, 1 or 3, height,
    width] if the last length is neither 1 nor 3. Raises ArrayFileError for other arrays.
    """
    shape = images.shape[1:]
    if len(shape) == 2:
        return (shape[0], shape[1], 1), False, False
    last = len(shape) == 3 and shape[2] in (1, 3)
    first = len(shape) == 3 and shape[0] in (1, 3)
    if last and layout != "channels_first":
        return (shape[0], shape[1], shape[2]), False, first
    if first and layout != "channels_last":
        return (shape[1], shape[2], shape[0]), True, last
    order = ", 1 or 3, height, width]" if layout == "channels_first" else ", height, width, 1 or 3]"
    raise ArrayFileError(
        f"{images.title} has the shape {list(images.shape)}, which is not an array of images",
        f"images are [n, height, width] or [n{order}",
    )


def find_range(arrays: Sequence[ArrayFile]) -> RangeFinder:
    """Inspect pixels until their range is known; for floats, only the first array."""
    finder = RangeFinder()
    for array in arrays:
        if array.dtype.kind in "iuf":
            for block in read_blocks(array, array.windows()):
                finder.add(block)
                if finder.is_decided:
                    return finder
            if finder.fractions or (finder.above and array.dtype.kind == "f"):
                break
    return finder


def pixels_of(
    images: NDArray[Any], array: ArrayFile, places: NDArray[np.intp], pixels: Pixels
) -> NDArray[np.uint8]:
    """Return images uint8 [n, height, width, 1 or 3] from those in an array, at these places.

    Boolean pixels are black and white. Raises ArrayFileError for values outside the range, and
    unless the range is given, for fractions between 0 and 255.
    """
    kind = images.dtype.kind
    if kind == "b":
        return images.astype(np.uint8) * np.uint8(WHITE)
    if kind not in "iuf":
        raise ArrayFileError(f"{array.title} holds {array.dtype}, which are not pixels")
    if images.dtype == np.uint8 and pixels.range == FULL:
        return images
    wrong = pixels.range.outside(images)
    if kind == "f" and pixels.range == FULL and not pixels.is_given:
        with np.errstate(invalid="ignore"):
            wrong |= ~(abs(images - np.rint(images)) <= _ROUNDED)
    if wrong.any():
        image, row, column, _ = (int(at) for at in np.argwhere(wrong)[0])
        value = images[wrong][0]
        scale = " where others are 0 to 1" if pixels.range == UNIT and not pixels.is_given else ""
        raise ArrayFileError(
            f"{array.title}[{places[image]}] has the pixel {value:g}{scale}, in row {row}, column "
            f"{column}",
            f"pixels are {pixels.range} by data.pixel_range"
            if pixels.is_given
            else "pixels are whole numbers from 0 to 255, or all of them from 0 to 1; of another "
            "range, set it: data.pixel_range=4095 for 12 bits, [-1,1] for signed ones",
        )
    return pixels.range.to_bytes(images)


def label_codes(labels: ArrayFile, seen: dict[str, int]) -> NDArray[np.int32]:
    """Return the code int32 [n] of each label, -1 if it is missing; new ones are added to `seen`.

    Labels are whole numbers or text, [n] or [n, 1], or one-hot, [n, classes]; any other raises
    ArrayFileError. NaN, empty texts and `nan` are missing.
    """
    codes = np.full(len(labels), -1, np.int32)
    windows = list(labels.windows())
    for (start, stop), block in zip(windows, read_blocks(labels, windows), strict=True):
        plain, present = _plain_labels(block, labels, start)
        values, inverse = np.unique(plain[present], return_inverse=True)
        known = [seen.setdefault(str(value), len(seen)) for value in values]
        if len(seen) > MAX_CLASSES:
            raise ArrayFileError(
                f"{labels.title} has more than {MAX_CLASSES:,} different labels",
                "labels are class numbers or names",
            )
        codes[start:stop][present] = np.array(known, np.int32)[inverse]
    return codes


def _plain_labels(
    block: NDArray[Any], labels: ArrayFile, start: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the labels [n] of a block as integers or text, and which of them are not missing."""
    if block.ndim == 2 and block.shape[1] > 1:
        return _from_one_hot(block, labels, start), np.ones(len(block), bool)
    if block.ndim > 2 or (block.ndim == 2 and block.shape[1] != 1):
        raise ArrayFileError(
            f"{labels.title} has the shape {list(labels.shape)}, which is not an array of labels",
            "labels are [n], [n, 1] or one-hot, [n, classes]",
        )
    block = block.reshape(len(block))
    present = np.ones(len(block), bool)
    kind = labels.dtype.kind
    if kind == "b":
        return block.astype(np.uint8), present
    if kind == "f":
        present = ~np.isnan(block)
        with np.errstate(invalid="ignore"):
            whole = (block == np.rint(block)) & (abs(block) < _LARGEST_LABEL)
        _refuse(present & ~whole, labels, start, "is not a whole number")
        return np.where(present, block, 0).astype(np.int64), present
    if kind == "S":
        try:
            block = np.char.decode(block, "utf-8")
        except UnicodeDecodeError:
            raise ArrayFileError(f"{labels.title} holds text that is not in UTF-8") from None
    if kind in "US":
        block = np.char.strip(block)
        values, inverse = np.unique(block, return_inverse=True)
        present = ~np.array([is_missing(str(value)) for value in values], bool)[inverse]
    return block, present


def _from_one_hot(block: NDArray[Any], labels: ArrayFile, start: int) -> NDArray[Any]:
    if labels.dtype.kind not in "biuf":
        raise ArrayFileError(f"{labels.title} has {block.shape[1]} texts a row; a label is one")
    ones = block == 1
    wrong = (ones.sum(axis=1) != 1) | ((block != 0).sum(axis=1) != 1)
    _refuse(wrong, labels, start, "is not one-hot, a single 1 among zeros")
    return np.asarray(ones.argmax(axis=1))


def _refuse(wrong: NDArray[np.bool_], labels: ArrayFile, start: int, problem: str) -> None:
    if wrong.any():
        at = start + int(wrong.argmax())
        raise ArrayFileError(
            f"{labels.title}[{at}] {problem}",
            "labels are whole numbers or text, or one-hot",
        )
