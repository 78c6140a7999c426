"""A table of images: each row has pixels (FER2013, MNIST as CSV) or the path of a file."""

from __future__ import annotations

import errno
import math
import os
import posixpath
import re
import stat
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.dataset import ImageShape
from cnnzoo.datasets.file_identity import file_state, files_identity
from cnnzoo.datasets.image_files import COLOUR_DROPPED, OUTSIDE, ImageFiles, is_inside
from cnnzoo.datasets.images.decode import FORMATS
from cnnzoo.datasets.images.fit import Fit, fit_images
from cnnzoo.datasets.images.workers import Progress
from cnnzoo.datasets.items import NO_PART, Items, make_items
from cnnzoo.datasets.pixel_ranges import FULL, UNIT, PixelRange, RangeFinder
from cnnzoo.datasets.source import Source
from cnnzoo.datasets.splitting import content_key
from cnnzoo.datasets.table_rows import Layout, TableError, find_layout, numbered_lines, split_row
from cnnzoo.datasets.value_codes import is_missing, ordered_codes, plain_names
from cnnzoo.errors import DataError
from cnnzoo.limits import CLASSES as MAX_CLASSES
from cnnzoo.text import nfc

MAX_UNUSABLE = 100_000  # rows: a table with more is another kind of table
BLOCK_BYTES = 2**20  # pixels in memory at a time

# The classes of FER2013, by their numbers in its table.
FER_COLUMNS = {"emotion", "pixels", "usage"}
FER_EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

_MOST_FOLDERS = 100  # searched for a file that does not exist at the path in the table

_PIXELS = {str(value): value for value in range(256)}


def open_source(data: DataConfig) -> PixelTable | PathTable:
    """Open the table that `data.csv` names; raise DataError if it is missing or ambiguous."""
    assert data.csv
    path = Path(data.csv)
    with explained(data):
        layout = find_layout(path, data.label, data.image)
        _refuse_keys(layout, data)
        return (PathTable if layout.has_paths else PixelTable)(path, layout, data)


# Keys of `data` for tables of paths only, and for tables of pixels only.
_OF_PATHS = ("image_dir", "image_suffix", "follow_links")
_OF_PIXELS = ("layout",)


def _refuse_keys(layout: Layout, data: DataConfig) -> None:
    other, has, wants = (
        (_OF_PIXELS, "paths", "pixels") if layout.has_paths else (_OF_PATHS, "pixels", "paths")
    )
    for key in other:
        if getattr(data, key):
            raise TableError(
                f"has {has}, and data.{key} belongs to a table of {wants}", key, "remove this key"
            )


class PixelTable(Source):
    """A table with the pixels of an image in each row, read line by line.

    An item is named by its line: `row 17`.
    """

    has_paths = False

    def __init__(self, path: Path, layout: Layout, data: DataConfig) -> None:
        self.identity = files_identity([str(path)], file_state(path.stat()), str, "pixels")
        self.path, self.layout, self.data = path, layout, data
        self.found: list[str] = []  # notes

    def columns(self) -> Sequence[str]:
        """Return the names of the columns."""
        return self.layout.columns

    def column(self, name: str) -> dict[str, str]:
        """Return the value of each row in a column; raises DataError as `items` does."""
        with explained(self.data):
            return {f"row {line}": value for line, value, _ in cells(self.path, self.layout, name)}

    @property
    def notes(self) -> Sequence[str]:
        """Return lines about the interpretation of the table; complete after `read`."""
        return self.found

    def items(self) -> Items:
        """Return every row with its label and part; an unusual pixel count makes it unusable."""
        unusable: dict[str, str] = {}
        lines, labels, parts, counts = array("q"), array("i"), array("i"), array("q")
        keys = array("Q")
        label_codes: dict[str, int] = {}
        part_codes: dict[str, int] = {}
        with explained(self.data):
            for line, label, part, image in usable_rows(self.path, self.layout, unusable):
                lines.append(line)
                counts.append(self.layout.pixel_columns or pixel_count(image[0]))
                keys.append(content_key(" ".join(image).encode("utf-8", "surrogateescape")))
                labels.append(label_codes.setdefault(label, len(label_codes)))
                parts.append(part_codes.setdefault(part, len(part_codes)))
            usual = _usual_count(counts, unusable)
            square_shape(usual)
        even = np.frombuffer(counts, np.int64) == usual
        odd = np.flatnonzero(~even)
        unusable |= {f"row {lines[at]}": f"has {counts[at]} pixels, not {usual}" for at in odd}
        label_values, label_indices = ordered_codes(
            label_codes, np.frombuffer(labels, np.int32)[even], self._named(label_codes)
        )
        part_values, part_indices = ordered_codes(part_codes, np.frombuffer(parts, np.int32)[even])
        names = RowNames(np.frombuffer(lines, np.int64)[even])
        return Items(
            names,
            label_indices,
            label_values,
            part_indices,
            part_values,
            unusable,
            np.frombuffer(keys, np.uint64)[even],
        )

    def read(
        self,
        items: Items,
        indices: NDArray[np.intp],
        out: np.memmap[Any, Any],
        fit: Fit,
        on_progress: Progress,
    ) -> dict[int, str]:
        """Write the pixels of the items at these indices into the rows of `out`."""
        assert isinstance(items.names, RowNames)
        failed: dict[int, str] = {}
        done = 0
        wanted = items.names.lines[indices]
        with explained(self.data):
            pixels = self._pixels(items.names.lines)
            for rows, images in self._blocks(wanted, fit, failed, pixels):
                if images.shape[-1] > fit.shape[2] and COLOUR_DROPPED not in self.found:
                    self.found.append(COLOUR_DROPPED)
                out[rows] = fit_images(images, fit)
                done += len(rows)
                on_progress(done + len(failed), len(indices))
        on_progress(len(indices), len(indices))
        return failed

    def _pixels(self, lines: NDArray[np.int64]) -> Pixels:
        """Detect the pixel format from all rows; add notes for the user."""
        finder = RangeFinder()
        channels = 0
        for _, texts in self._pixels_of(lines):
            channels = channels or square_shape(len(texts))[2]
            if self.data.pixel_range or finder.is_decided:
                break
            with suppress(ValueError):  # reported when the row is read
                finder.add(_numbers(texts))
        layout = self.data.layout
        if channels == 3 and not layout:
            self.found.append(
                "the pixels are read as red, green and blue of each pixel in turn; "
                "data.layout=channels_first if all reds come first"
            )
        channels_first = layout == "channels_first"
        if self.data.pixel_range:
            return Pixels(PixelRange(*self.data.pixel_range), channels_first, is_given=True)
        if note := finder.dark_note(self.data.title):
            self.found.append(note)
        elif finder.range == UNIT and not finder.fractions and finder.largest:
            self.found.append(f"the pixels of {self.data.title} are 0 or 1: black and white")
        return Pixels(finder.range, channels_first)

    def _blocks(
        self, wanted: NDArray[np.int64], fit: Fit, failed: dict[int, str], pixels: Pixels
    ) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
        """Images uint8 [n, height, width, c] and their indices in `wanted`, some at a time."""
        rows: list[int] = []
        images: list[NDArray[np.uint8]] = []
        for row, texts in self._pixels_of(wanted):
            try:
                images.append(pixels.image(texts))
                rows.append(row)
            except ValueError as error:
                failed[row] = str(error)
            if len(rows) * max(len(texts), math.prod(fit.shape)) >= BLOCK_BYTES:
                yield rows, np.stack(images)
                rows, images = [], []
        if rows:
            yield rows, np.stack(images)

    def _pixels_of(self, wanted: NDArray[np.int64]) -> Iterator[tuple[int, list[str]]]:
        """Yield each wanted line, in the order of the table: its index in `wanted`, its pixels."""
        ahead = iter(np.argsort(wanted, kind="stable").tolist())
        row = next(ahead, None)
        usual = 0
        for line, text in numbered_lines(self.path):
            if row is None:
                return
            if line == wanted[row]:
                try:
                    image = _fields(text, self.layout)[2]
                except ValueError:
                    break
                texts = image if self.layout.pixel_columns else pixel_texts(image[0])
                usual = usual or len(texts)
                if len(texts) != usual:
                    break
                yield row, texts
                row = next(ahead, None)
        if row is not None:
            raise TableError("was changed while it was read", hint="start again")

    def _named(self, labels: Iterable[str]) -> Mapping[str, str]:
        """Return the class of each label: unchanged, or the names of FER2013's emotions."""
        names = plain_names(labels)
        columns = {column.lower() for column in self.layout.columns}
        numbers = {str(number): name for number, name in enumerate(FER_EMOTIONS)}
        is_fer = columns == FER_COLUMNS and {*names.values()} <= numbers.keys()
        if not is_fer or self.data.labels is not None:
            return names
        return {label: numbers[name] for label, name in names.items()}


@dataclass(frozen=True, slots=True)
class Pixels:
    """The format of the pixels of a row: their range, and the order of their colours."""

    range: PixelRange
    channels_first: bool
    is_given: bool = False  # whether the range is from the configuration

    def image(self, texts: Sequence[str]) -> NDArray[np.uint8]:
        """Return a square image uint8 [side, side, 1 or 3]; raise ValueError for other pixels."""
        height, width, channels = square_shape(len(texts))
        pixels = parse_pixels(texts) if self.range == FULL else self._scaled(texts)
        if self.channels_first:
            return np.moveaxis(pixels.reshape(channels, height, width), 0, -1)
        return pixels.reshape(height, width, channels)

    def _scaled(self, texts: Sequence[str]) -> NDArray[np.uint8]:
        try:
            values = np.array([*map(float, texts)])
        except ValueError as error:
            raise ValueError(f"has a pixel that is not a number: {error}") from None
        if (wrong := self.range.outside(values)).any():
            known = "by data.pixel_range" if self.is_given else "in this table"
            text = texts[int(wrong.argmax())][:20]
            raise ValueError(f"has the pixel {text!r}; pixels are {self.range} {known}")
        return self.range.to_bytes(values)


class PathTable(ImageFiles):
    """A table of image files, by their paths below its folder or `data.image_dir`.

    An item is named by its path. `identity` changes with the table and with each of the files.
    """

    def __init__(self, path: Path, layout: Layout, data: DataConfig) -> None:
        super().__init__(data)
        self.path, self.layout = path, layout
        self.root = Path(data.image_dir) if data.image_dir else path.parent
        files = _Files(self.root, bool(data.follow_links))
        suffix = data.image_suffix or ""
        names, labels, parts, states = [], [], [], array("q", file_state(path.stat()))
        unusable: dict[str, str] = {}
        for line, label, part, image in usable_rows(path, layout, unusable):
            name = inner_path(image[0], line, self.root) + suffix
            try:
                file = files.state(name)
            except FileNotFoundError:
                unusable[name] = "does not exist"
            except (OSError, ValueError) as error:
                unusable[name] = getattr(error, "strerror", None) or "is not a file name"
            else:
                names.append(name)
                labels.append(label)
                parts.append(part)
                states.extend(file_state(file))
        if not names:
            nothing = nothing_usable(unusable)
            nothing.hint = _where(self.root, next(iter(unusable)))
            raise nothing
        plain = plain_names(set(labels))
        self._items = make_items(names, [plain[label] for label in labels], parts, unusable)
        paths = [str(path), *(f"{self.root}/{name}" for name in names)]
        self.identity = files_identity(paths, states, str, "paths", unusable)

    def items(self) -> Items:
        """Return every row with an existing file."""
        return self._items

    def columns(self) -> Sequence[str]:
        """Return the names of the columns."""
        return self.layout.columns

    def column(self, name: str) -> dict[str, str]:
        """Return the value of each path in a column.

        Raises DataError for a path with two values, or for a table that changed.
        """
        suffix = self.data.image_suffix or ""
        values: dict[str, str] = {}
        with explained(self.data):
            for line, value, image in cells(self.path, self.layout, name):
                path = inner_path(image, line, self.root) + suffix
                if values.setdefault(path, value) != value:
                    raise TableError(
                        f"has two values of {name} for {path}: {values[path]!r}, and {value!r} in "
                        f"row {line}",
                        "csv",
                        "correct one of them, or remove its row",
                    )
        return values


class _Files:
    """Look up files below a folder; a million of them in seconds."""

    def __init__(self, root: Path, follow_links: bool) -> None:
        self.root = root
        self.real = None if follow_links else os.path.realpath(root)
        self.inside: dict[str, bool] = {}  # folder below the root → whether no link leads out

    def state(self, name: str) -> os.stat_result:
        """Return the state of a regular file; raise OSError for others, and for links outside."""
        path = f"{self.root}/{name}"
        state = os.lstat(path)
        is_link = stat.S_ISLNK(state.st_mode)
        if self.real:
            folder = posixpath.dirname(name)
            if folder not in self.inside:
                self.inside[folder] = is_inside(f"{self.root}/{folder}", self.real)
            if not self.inside[folder] or (is_link and not is_inside(path, self.real)):
                raise OSError(errno.EPERM, OUTSIDE)
        if is_link:
            state = os.stat(path)  # noqa: PTH116 - as lstat above
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "is not a file")
        return state


def _where(root: Path, name: str) -> str | None:
    """Return a hint for a missing path: the suffix or folder with which a file exists."""
    folders = (path for path in (*root.glob("*/"), root.parent, Path.cwd()))
    for folder in (root, *islice(folders, _MOST_FOLDERS)):
        for suffix in ("", *FORMATS):
            if (folder / f"{name}{suffix}").is_file():
                keys = [f"data.image_dir={folder}"] if folder != root else []
                keys += [f"data.image_suffix={suffix}"] if suffix else []
                return f"{folder / name}{suffix} exists: set {' and '.join(keys)}"
    return "the paths of a table are relative to its folder; data.image_dir names another"


class RowNames(Sequence[str]):
    """The names of rows, computed from their line numbers int64 [n]."""

    def __init__(self, lines: NDArray[np.int64]) -> None:
        self.lines = lines

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> RowNames: ...
    def __getitem__(self, index: int | slice) -> str | RowNames:
        lines = self.lines[index]
        return RowNames(lines) if isinstance(index, slice) else f"row {lines}"


@contextmanager
def explained(data: DataConfig) -> Iterator[None]:
    """Turn errors of the table into a DataError with its name and the place of the key."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the table {data.csv} cannot be read: {error.strerror}",
            place=data.place("csv"),
            hint="set data.csv to the path of the table",
        ) from error
    except TableError as error:
        raise DataError(
            f"the table {data.csv} {error}", place=data.place(error.key), hint=error.hint
        ) from error


def usable_rows(
    path: Path, layout: Layout, unusable: dict[str, str]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Return for each row its line, label, part, and image: a path or pixels.

    Rows without one of these go to `unusable`, with the reason. Raises TableError if no row is
    usable, or more than MAX_UNUSABLE are not.
    """
    some = False
    labels: set[str] = set()
    for line, text in numbered_lines(path):
        if line < layout.first_line:
            continue
        try:
            label, part, image = _fields(text, layout)
        except ValueError as error:
            unusable[f"row {line}"] = str(error)
            if len(unusable) > MAX_UNUSABLE:
                raise nothing_usable(unusable) from None
            continue
        some = True
        if len(labels) <= MAX_CLASSES:
            labels.add(label)
        else:
            raise TableError(
                f"has more than {MAX_CLASSES:,} different labels in its column "
                f"{layout.columns[layout.label]}",
                "label",
                "data.label=COLUMN chooses another column",
            )
        yield line, label, part, image
    if not some:
        raise nothing_usable(unusable)


def cells(path: Path, layout: Layout, column: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the value in a column, and the first field of the image of each full row."""
    at = layout.columns.index(column)
    for line, text in numbered_lines(path):
        if line < layout.first_line:
            continue
        with suppress(ValueError):  # a row that cannot be used was reported when all were read
            fields = split_row(text, layout.delimiter)
            if len(fields) == len(layout.columns):
                yield line, nfc(fields[at].strip()), fields[layout.images][0]


def _fields(text: str, layout: Layout) -> tuple[str, str, list[str]]:
    fields = split_row(text, layout.delimiter)
    if len(fields) != len(layout.columns):
        raise ValueError(f"has {len(fields)} columns, not {len(layout.columns)}")
    label = fields[layout.label].strip()
    part = NO_PART if layout.part is None else fields[layout.part].strip()
    image = fields[layout.images]
    if is_missing(label):
        raise ValueError(f"has no {layout.columns[layout.label]}")
    if layout.part is not None and is_missing(part):
        raise ValueError(f"has no {layout.columns[layout.part]}")
    if not layout.pixel_columns and is_missing(image[0]):
        raise ValueError(f"has no {layout.columns[layout.images.start]}")
    return label, part, image


def nothing_usable(unusable: Mapping[str, str]) -> TableError:
    """Return the error for a table without usable rows, or with too many unusable ones."""
    name, reason = next(iter(unusable.items()))
    many = f"more than {MAX_UNUSABLE:,} rows that cannot" if len(unusable) > MAX_UNUSABLE else ""
    return TableError(f"has {many or 'no row that can'} be used; the first: {name} {reason}")


def inner_path(text: str, line: int, root: Path) -> str:
    """Return a path relative to `root`, the folder of the images, with forward slashes.

    Raises TableError for one that leads out of that folder.
    """
    path = posixpath.normpath(text.strip().replace("\\", "/"))
    if path.startswith("/"):
        base = root.absolute()
        path = posixpath.relpath(path, base if Path(path).is_relative_to(base) else root.resolve())
    if path.split("/")[0] == ".." or re.match("[A-Za-z]:", path):
        raise TableError(
            f"names a file outside its folder in row {line}: {text.strip()!r}",
            hint="the paths of a table are relative to its folder; set data.image_dir to the "
            "folder of the images",
        )
    return path


def pixel_count(text: str) -> int:
    """Return how many pixels a text has, without splitting it if that is possible."""
    text = text.strip()
    return len(text.split()) if "  " in text else text.count(" ") + 1


def pixel_texts(text: str) -> list[str]:
    """Return the texts of the pixels; their number is `pixel_count`."""
    text = text.strip()
    return text.split() if "  " in text else text.split(" ")


def parse_pixels(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Convert texts of whole numbers from 0 to 255 to uint8 [n]; raise ValueError for others."""
    try:
        values = bytes(map(_PIXELS.__getitem__, texts))
    except KeyError:
        values = bytes(map(_parse_pixel, texts))
    return np.frombuffer(values, np.uint8)


def _numbers(texts: Sequence[str]) -> NDArray[Any]:
    """Convert texts of any numbers to an array [n]; raise ValueError for others."""
    try:
        return np.frombuffer(bytes(map(_PIXELS.__getitem__, texts)), np.uint8)
    except KeyError:
        return np.array([*map(float, texts)])


def _parse_pixel(text: str) -> int:
    """Convert a pixel in an unusual notation: ' 7', '007', '7.0'."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value.is_integer() and 0 <= value <= 255):
        raise ValueError(f"has the pixel {text[:20]!r}; pixels are whole numbers from 0 to 255")
    return int(value)


def square_shape(count: int) -> ImageShape:
    """Return the shape of a square image with this number of values: gray or RGB.

    Raises TableError if it is not square. A count never fits both.
    """
    for channels in (1, 3):
        side = math.isqrt(count // channels)
        if count and side * side * channels == count:
            return side, side, channels
    raise TableError(
        f"has {count:,} values a row for the pixels, which is not a square image",
        hint="images in a table are square: side x side values, gray, or three times as many, RGB",
    )


def _usual_count(counts: array[int], unusable: Mapping[str, str]) -> int:
    """Return the usual number of pixels of a row; raise TableError if too many rows differ."""
    values, frequencies = np.unique(np.frombuffer(counts, np.int64), return_counts=True)
    if len(counts) - frequencies.max() + len(unusable) > MAX_UNUSABLE:
        raise TableError(f"has rows of {values.min():,} to {values.max():,} pixels")
    return int(values[frequencies.argmax()])
