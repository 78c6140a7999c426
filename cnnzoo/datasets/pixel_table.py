"""A table of pixels: each row has those of one image (FER2013, MNIST as CSV)."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.dataset import ImageShape
from cnnzoo.datasets.file_identity import file_state, files_identity
from cnnzoo.datasets.image_files import COLOUR_DROPPED
from cnnzoo.datasets.images.fit import Fit, fit_images
from cnnzoo.datasets.images.workers import Progress
from cnnzoo.datasets.items import Items
from cnnzoo.datasets.pixel_ranges import FULL, UNIT, PixelRange, RangeFinder
from cnnzoo.datasets.source import Source
from cnnzoo.datasets.splitting import content_key
from cnnzoo.datasets.table_rows import Layout, TableError, numbered_lines
from cnnzoo.datasets.usable_rows import (
    MAX_UNUSABLE,
    cells,
    explained,
    row_of,
    usable_rows,
)
from cnnzoo.datasets.value_codes import ordered_codes, plain_names

BLOCK_BYTES = 2**20  # pixels in memory at a time

# The classes of FER2013, by their numbers in its table.
FER_COLUMNS = {"emotion", "pixels", "usage"}
FER_EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

_PIXELS = {str(value): value for value in range(256)}


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
                    image = row_of(text, self.layout)[2]
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
