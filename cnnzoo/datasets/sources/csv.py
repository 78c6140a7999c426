"""A table of images, one a row: their pixels (FER2013, MNIST as CSV), or paths to their files."""

from __future__ import annotations

import hashlib
import math
import os
import posixpath
import re
import stat
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.dataset import ImageShape
from cnnzoo.datasets.image_files import ImageFiles
from cnnzoo.datasets.images.fit import Fit, fit_images
from cnnzoo.datasets.images.workers import Progress
from cnnzoo.datasets.items import NO_PART, Items, make_items
from cnnzoo.datasets.source import Source
from cnnzoo.datasets.table_rows import Layout, TableError, find_layout, numbered_lines, split_row
from cnnzoo.datasets.value_codes import ordered_codes
from cnnzoo.errors import DataError

MAX_UNUSABLE = 100_000  # rows: a table with more is another kind of table
BLOCK_BYTES = 2**20  # pixels that are in memory at a time

# The classes of FER2013, by their numbers in its table.
FER_COLUMNS = {"emotion", "pixels", "usage"}
FER_EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

_PIXELS = {str(value): value for value in range(256)}


def open_source(data: DataConfig) -> PixelTable | PathTable:
    """The table that `data.csv` names; raises DataError where there is none, or it is not clear."""
    assert data.csv
    path = Path(data.csv)
    with explained(data):
        layout = find_layout(path, data.label, data.image)
        return (PathTable if layout.has_paths else PixelTable)(path, layout, data)


class PixelTable(Source):
    """A table with the pixels of an image in each row, read line by line.

    An item is named by its line: `row 17`.
    """

    def __init__(self, path: Path, layout: Layout, data: DataConfig) -> None:
        state = path.stat()
        self.identity = _digest("pixels", path.name, state.st_size, state.st_mtime_ns)
        self.path, self.layout, self.data = path, layout, data

    def items(self) -> Items:
        """Every row, with its label and part; the number of its pixels is as that of most rows."""
        unusable: dict[str, str] = {}
        lines, labels, parts, counts = array("q"), array("i"), array("i"), array("q")
        label_codes: dict[str, int] = {}
        part_codes: dict[str, int] = {}
        with explained(self.data):
            for line, label, part, image in usable_rows(self.path, self.layout, unusable):
                lines.append(line)
                counts.append(self.layout.pixel_columns or pixel_count(image[0]))
                labels.append(label_codes.setdefault(label, len(label_codes)))
                parts.append(part_codes.setdefault(part, len(part_codes)))
            usual = _usual_count(counts, unusable)
            square_shape(usual)
        even = np.frombuffer(counts, np.int64) == usual
        odd = np.flatnonzero(~even)
        unusable |= {f"row {lines[at]}": f"has {counts[at]} pixels, not {usual}" for at in odd}
        label_values, label_indices = ordered_codes(
            self._named(label_codes), np.frombuffer(labels, np.int32)[even]
        )
        part_values, part_indices = ordered_codes(part_codes, np.frombuffer(parts, np.int32)[even])
        names = RowNames(np.frombuffer(lines, np.int64)[even])
        return Items(names, label_indices, label_values, part_indices, part_values, unusable)

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
        with explained(self.data):
            for rows, images in self._blocks(items.names.lines[indices], fit, failed):
                out[rows] = fit_images(images, fit)
                done += len(rows)
                on_progress(done + len(failed), len(indices))
        on_progress(len(indices), len(indices))
        return failed

    def _blocks(
        self, wanted: NDArray[np.int64], fit: Fit, failed: dict[int, str]
    ) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
        """Images uint8 [n, height, width, c] and their indices in `wanted`, some at a time."""
        rows: list[int] = []
        images: list[NDArray[np.uint8]] = []
        for row, texts in self._pixels_of(wanted):
            try:
                images.append(parse_pixels(texts).reshape(square_shape(len(texts))))
                rows.append(row)
            except ValueError as error:
                failed[row] = str(error)
            if len(rows) * max(len(texts), math.prod(fit.shape)) >= BLOCK_BYTES:
                yield rows, np.stack(images)
                rows, images = [], []
        if rows:
            yield rows, np.stack(images)

    def _pixels_of(self, wanted: NDArray[np.int64]) -> Iterator[tuple[int, list[str]]]:
        """For each wanted line, in the order of the table: its index in `wanted`, its pixels."""
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

    def _named(self, codes: Mapping[str, int]) -> Mapping[str, int]:
        """The labels as they come, or FER2013's emotions by their names."""
        columns = {column.lower() for column in self.layout.columns}
        numbers = {str(number): name for number, name in enumerate(FER_EMOTIONS)}
        if columns != FER_COLUMNS or self.data.labels is not None or codes.keys() - numbers.keys():
            return codes
        return {numbers[value]: code for value, code in codes.items()}


class PathTable(ImageFiles):
    """A table of image files, by their paths below the folder of the table.

    An item is named by its path. `identity` changes with the table and with each of the files.
    """

    def __init__(self, path: Path, layout: Layout, data: DataConfig) -> None:
        self.root = path.parent
        state = path.stat()
        names, labels, parts, stats = [], [], [], array("q")
        unusable: dict[str, str] = {}
        for line, label, part, image in usable_rows(path, layout, unusable):
            name = inner_path(image[0], line)
            try:
                file = os.stat(f"{self.root}/{name}")  # noqa: PTH116 - runs a million times
                problem = None if stat.S_ISREG(file.st_mode) else "is no file"
            except FileNotFoundError:
                problem = "is not there"
            except (OSError, ValueError) as error:
                problem = getattr(error, "strerror", None) or "is no name of a file"
            if problem:
                unusable[name] = problem
                continue
            names.append(name)
            labels.append(label)
            parts.append(part)
            stats.extend((file.st_size, file.st_mtime_ns))
        if not names:
            raise nothing_usable(unusable)
        self._items = make_items(names, labels, parts, unusable)
        self.identity = _digest(
            "paths", path.name, state.st_size, state.st_mtime_ns, names, unusable, stats.tobytes()
        )

    def items(self) -> Items:
        """Every row whose file is there."""
        return self._items


class RowNames(Sequence[str]):
    """The names of rows, from the numbers of their lines, int64 [n]."""

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
    """Whatever is wrong with the table, as an error that names it and the place of the key."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the table {data.csv} cannot be read: {error.strerror}",
            place=data.place("csv"),
            hint="set data.csv to where the table is",
        ) from error
    except TableError as error:
        raise DataError(
            f"the table {data.csv} {error}", place=data.place(error.key), hint=error.hint
        ) from error


def usable_rows(
    path: Path, layout: Layout, unusable: dict[str, str]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Of each row its line, label, part, and what it has for an image.

    Rows without one of these go to `unusable`, with the reason. Raises TableError where no row is
    usable, or more than MAX_UNUSABLE are not.
    """
    some = False
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
        yield line, label, part, image
    if not some:
        raise nothing_usable(unusable)


def _fields(text: str, layout: Layout) -> tuple[str, str, list[str]]:
    fields = split_row(text, layout.delimiter)
    if len(fields) != len(layout.columns):
        raise ValueError(f"has {len(fields)} columns, not {len(layout.columns)}")
    label = fields[layout.label].strip()
    part = NO_PART if layout.part is None else fields[layout.part].strip()
    image = fields[layout.images]
    if not label:
        raise ValueError(f"has no {layout.columns[layout.label]}")
    if layout.part is not None and not part:
        raise ValueError(f"has no {layout.columns[layout.part]}")
    if not layout.pixel_columns and not image[0].strip():
        raise ValueError(f"has no {layout.columns[layout.images.start]}")
    return label, part, image


def nothing_usable(unusable: Mapping[str, str]) -> TableError:
    """The error for a table with no row that can be used, or with too many that cannot."""
    name, reason = next(iter(unusable.items()))
    many = f"more than {MAX_UNUSABLE:,} rows that cannot" if len(unusable) > MAX_UNUSABLE else ""
    return TableError(f"has {many or 'no row that can'} be used; the first: {name} {reason}")


def inner_path(text: str, line: int) -> str:
    """A path below the folder of the table, with forward slashes.

    Raises TableError for one that is absolute or leads out of that folder.
    """
    path = posixpath.normpath(text.strip().replace("\\", "/"))
    if path.startswith("/") or path.split("/")[0] == ".." or re.match("[A-Za-z]:", path):
        raise TableError(
            f"names a file outside its folder in row {line}: {text.strip()!r}",
            hint="the paths of a table are relative to its folder; put it beside the images, or "
            "link them into its folder",
        )
    return path


def pixel_count(text: str) -> int:
    """How many pixels a text has, counted without the pixels in memory where that can be."""
    text = text.strip()
    return len(text.split()) if "  " in text else text.count(" ") + 1


def pixel_texts(text: str) -> list[str]:
    """The texts of the pixels, as many as `pixel_count` says."""
    text = text.strip()
    return text.split() if "  " in text else text.split(" ")


def parse_pixels(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Pixels uint8 [n] from the texts of whole numbers from 0 to 255; raises ValueError."""
    try:
        values = bytes(map(_PIXELS.__getitem__, texts))
    except KeyError:
        values = bytes(map(_parse_pixel, texts))
    return np.frombuffer(values, np.uint8)


def _parse_pixel(text: str) -> int:
    """A pixel that is not written as most are: ' 7', '007', '7.0'."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value.is_integer() and 0 <= value <= 255):
        raise ValueError(f"has the pixel {text[:20]!r}; pixels are whole numbers from 0 to 255")
    return int(value)


def square_shape(count: int) -> ImageShape:
    """The shape of a square image of so many values: gray, or RGB with the colours side by side.

    Raises TableError where there is none. No count has both.
    """
    for channels in (1, 3):
        side = math.isqrt(count // channels)
        if count and side * side * channels == count:
            return side, side, channels
    raise TableError(
        f"has {count:,} values a row for the pixels, which is no square image",
        hint="images in a table are square: side x side values, gray, or three times as many, RGB",
    )


def _usual_count(counts: array[int], unusable: Mapping[str, str]) -> int:
    """How many pixels most rows have; raises TableError where too many rows have not."""
    values, frequencies = np.unique(np.frombuffer(counts, np.int64), return_counts=True)
    if len(counts) - frequencies.max() + len(unusable) > MAX_UNUSABLE:
        raise TableError(f"has rows of {values.min():,} to {values.max():,} pixels")
    return int(values[frequencies.argmax()])


def _digest(*values: Any) -> str:
    return hashlib.sha256(repr(values).encode("utf-8", "surrogateescape")).hexdigest()
