"""Arrays of images and of labels: an .npz, a folder of IDX or .npy files, or files by name.

Which array is what, and of which part, is in its name: `x_train`, `train_labels`, `images`,
`t10k-images-idx3-ubyte.gz`.
"""

from __future__ import annotations

import hashlib
import math
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
from cnnzoo.datasets.images.fit import Fit, fit_images
from cnnzoo.datasets.images.workers import Progress
from cnnzoo.datasets.items import NO_PART, Items
from cnnzoo.datasets.source import Source
from cnnzoo.datasets.splitting import PART_NAMES
from cnnzoo.datasets.value_codes import ordered_codes
from cnnzoo.errors import DataError
from cnnzoo.text import listed

# The words of an array's name: what it holds, and of which part.
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
PARTS = {**PART_NAMES, "t10k": "test"}

_NAMES = "x_train and y_train, train_images and train_labels, images and labels, x and y"
_FILE_NAME = re.compile(r"(?P<name>.+?)(?:\.npy|[-.]idx\d-ubyte)(?:\.gz)?")
_LARGEST_LABEL = 2.0**53  # beyond, a float is not exact

Role = tuple[str, str]  # the part, and images or labels
Where = tuple[Path, str | None]  # the file, and the member of it where that is an .npz
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
    """The arrays that `data.arrays` names; raises DataError where they are not there or no pair."""
    with explained(data):
        return Arrays(data)


class Arrays(Source):
    """Images and labels in arrays on disk, read block by block.

    An item is named by its place: `train[17]`, or `images[17]` where the arrays have no parts.
    """

    def __init__(self, data: DataConfig) -> None:
        self.data = data
        found = find_arrays(data)
        files = sorted({path for path, _ in found.values()})
        states = [(path.name, path.stat()) for path in files]
        state = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in states]
        roles = sorted((role, path.name, member or "") for role, (path, member) in found.items())
        self.identity = hashlib.sha256(repr(("arrays", state, roles)).encode()).hexdigest()
        arrays = {role: open_array(*where) for role, where in found.items()}
        self.parts = paired(arrays)
        for part in self.parts:
            image_layout(part.images)

    def items(self) -> Items:
        """Every image with its label; the parts are those that the names of the arrays say."""
        seen: dict[str, int] = {}
        with explained(self.data):
            codes = [label_codes(part.labels, seen) for part in self.parts]
        label_values, labels = ordered_codes(seen, np.concatenate(codes))
        part_values = tuple(part.name for part in self.parts)
        lengths = [part.stop - part.start for part in self.parts]
        parts = np.repeat(np.arange(len(self.parts), dtype=np.int32), lengths)
        return Items(PlaceNames(self.parts), labels, label_values, parts, part_values)

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
            white = white_of([part.images for part in self.parts])
            for part in self.parts:
                for rows, images in _blocks(part, indices, fit):
                    out[rows] = fit_images(pixels_of(images, part.images, white), fit)
                    done += len(rows)
                    on_progress(done, len(indices))
        return {}


def _blocks(
    part: Part, indices: NDArray[np.intp], fit: Fit
) -> Iterator[tuple[NDArray[np.intp], NDArray[Any]]]:
    """The images of a part that are among the items `indices`, and at which of these they are."""
    rows = np.flatnonzero((indices >= part.start) & (indices < part.stop))
    rows = rows[np.argsort(indices[rows], kind="stable")]
    places = indices[rows] - part.start
    windows, chosen = [], []
    for window in part.images.windows(math.prod(fit.shape)):
        first, end = np.searchsorted(places, window)
        if first < end:
            windows.append(window)
            chosen.append(slice(first, end))
    for (start, _), here, block in zip(
        windows, chosen, read_blocks(part.images, windows), strict=True
    ):
        yield rows[here], block[places[here] - start]


class PlaceNames(Sequence[str]):
    """The names of the items of some parts, made when they are asked for."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return self.parts[-1].stop

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[at] for at in range(*index.indices(len(self))))
        at = range(len(self))[index]
        part = next(part for part in self.parts if at < part.stop)
        return f"{part.name or 'images'}[{at - part.start}]"


@contextmanager
def explained(data: DataConfig) -> Iterator[None]:
    """Whatever is wrong with the arrays, as an error that names them and the place of the key."""
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


def find_arrays(data: DataConfig) -> dict[Role, Where]:
    """For each part and role, where the array is.

    Raises ArrayFileError where none is named so, and where two are for the same.
    """
    given = data.arrays
    assert given
    if isinstance(given, dict):
        for name in given:
            if not role_of(name):
                raise ArrayFileError(f"no array is called {name!r}", f"names: {_NAMES}")
        return _by_role((name, (Path(path), None)) for name, path in given.items())
    path = Path(given)
    named = _in_folder(path) if path.is_dir() else _in_npz(path)
    found = _by_role(named)
    if not found:
        raise ArrayFileError(
            f"{path.name} has no arrays with names that tell what they are; it has "
            f"{listed(name for name, _ in named) or 'none'}",
            f"names: {_NAMES}; or give the files: arrays: {{images: FILE, labels: FILE}}",
        )
    return found


def _in_folder(folder: Path) -> list[Named]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):  # an unpacked file comes before its .gz, the same array
        if _FILE_NAME.fullmatch(path.name):
            files.setdefault(path.name.removesuffix(".gz"), path)
    return [(_FILE_NAME.sub(r"\g<name>", name), (path, None)) for name, path in files.items()]


def _in_npz(path: Path) -> list[Named]:
    if not is_npz(path):
        array = open_array(path)
        raise ArrayFileError(
            f"{array.title} is one array, and a data set is images and labels",
            "name both: arrays: {images: FILE, labels: FILE}",
        )
    return [(name, (path, member)) for name, member in members(path).items()]


def role_of(name: str) -> Role | None:
    """The part of an array, NO_PART where its name says none, and whether it is images or labels.

    None for a name that has any other word: `x_train` and `train-labels` have none.
    """
    words = re.split(r"[-_.]", name.lower())
    roles = [ROLES[word] for word in words if word in ROLES]
    parts = [PARTS[word] for word in words if word in PARTS]
    if len(roles) != 1 or len(parts) > 1 or len(roles) + len(parts) != len(words):
        return None
    return parts[0] if parts else NO_PART, roles[0]


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
    """The parts that have images and as many labels; raises ArrayFileError for any other."""
    parts: list[Part] = []
    start = 0
    for name in (NO_PART, *SPLITS):
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


def image_layout(images: ArrayFile) -> tuple[ImageShape, bool]:
    """The shape of an image, and whether its channels come first in the array.

    They do in [n, 1 or 3, height, width] where the last length is neither 1 nor 3: that can be
    read in one way only. Raises ArrayFileError for what is no image.
    """
    shape = images.shape[1:]
    if len(shape) == 2:
        return (shape[0], shape[1], 1), False
    if len(shape) == 3 and shape[2] in (1, 3):
        return (shape[0], shape[1], shape[2]), False
    if len(shape) == 3 and shape[0] in (1, 3):
        return (shape[1], shape[2], shape[0]), True
    raise ArrayFileError(
        f"{images.title} has the shape {list(images.shape)}, which is no array of images",
        "images are [n, height, width] or [n, height, width, 1 or 3]",
    )


def white_of(arrays: Sequence[ArrayFile]) -> int:
    """What is white in arrays of floats, 1 or 255: the first value that tells decides for all.

    Where every value is 0 or 1, that is black and white.
    """
    for array in arrays:
        if array.dtype.kind == "f":
            for block in read_blocks(array, array.windows()):
                if (block > 1).any():
                    return 255
                if ((block > 0) & (block < 1)).any():
                    return 1
    return 1


def pixels_of(block: NDArray[Any], images: ArrayFile, white: int) -> NDArray[np.uint8]:
    """Images uint8 [n, height, width, 1 or 3] from a block of an array.

    Whole numbers are taken as they are, floats as `white` says, truth as black and white. Raises
    ArrayFileError for values that are neither 0 to 1 nor whole numbers from 0 to 255.
    """
    shape, channels_first = image_layout(images)
    if channels_first:
        block = np.moveaxis(block, 1, -1)
    block = block.reshape(len(block), *shape)
    kind = images.dtype.kind
    if kind == "b":
        return block.astype(np.uint8) * np.uint8(255)
    if images.dtype == np.uint8:
        return block
    if kind not in "iuf":
        raise ArrayFileError(f"{images.title} holds {images.dtype}, which are no pixels")
    largest = white if kind == "f" else 255
    with np.errstate(invalid="ignore"):
        fits = (block >= 0) & (block <= largest)
        if kind == "f" and white == 255:
            fits &= block == np.rint(block)
    if not fits.all():
        value = block[~fits][0]
        rest = " where others are 0 to 1" if kind == "f" and white == 1 else ""
        raise ArrayFileError(
            f"{images.title} has the pixel {value:g}{rest}",
            "pixels are whole numbers from 0 to 255, or all of them floats from 0 to 1",
        )
    if kind == "f" and white == 1:
        block = np.rint(block.astype(np.float32) * np.float32(255))
    return block.astype(np.uint8)


def label_codes(labels: ArrayFile, seen: dict[str, int]) -> NDArray[np.int32]:
    """The code int32 [n] of each label; new ones are added to `seen`.

    Labels are whole numbers or text, [n] or [n, 1], or one-hot, [n, classes]; any other raises
    ArrayFileError.
    """
    codes = np.empty(len(labels), np.int32)
    windows = list(labels.windows())
    for (start, stop), block in zip(windows, read_blocks(labels, windows), strict=True):
        values, inverse = np.unique(_plain_labels(block, labels, start), return_inverse=True)
        known = [seen.setdefault(str(value), len(seen)) for value in values]
        codes[start:stop] = np.array(known, np.int32)[inverse]
    return codes


def _plain_labels(block: NDArray[Any], labels: ArrayFile, start: int) -> NDArray[Any]:
    """The labels [n] of a block as integers or as text."""
    if block.ndim == 2 and block.shape[1] > 1:
        return _from_one_hot(block, labels, start)
    if block.ndim > 2 or (block.ndim == 2 and block.shape[1] != 1):
        raise ArrayFileError(
            f"{labels.title} has the shape {list(labels.shape)}, which is no array of labels",
            "labels are [n], [n, 1] or one-hot, [n, classes]",
        )
    block = block.reshape(len(block))
    kind = labels.dtype.kind
    if kind == "b":
        return block.astype(np.uint8)
    if kind == "f":
        with np.errstate(invalid="ignore"):
            wrong = ~((block == np.rint(block)) & (abs(block) < _LARGEST_LABEL))
        _refuse(wrong, labels, start, "is no whole number")
        return block.astype(np.int64)
    if kind == "S":
        try:
            block = np.char.decode(block, "utf-8")
        except UnicodeDecodeError:
            raise ArrayFileError(f"{labels.title} holds text that is not in UTF-8") from None
    if kind in "US":
        block = np.char.strip(block)
        _refuse(block == "", labels, start, "is empty")
    return block


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
