"""A table as text: its lines, the fields of a row, and the roles of its columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

from cnnzoo.errors import did_you_mean
from cnnzoo.regular_files import open_regular_text
from cnnzoo.text import listed

DELIMITERS = (",", ";", "\t")
MAX_LINE = 2**24  # characters: a row of 1000x1000 pixels in colour has 12 million

# Usual names of the columns, in lower case.
LABEL_COLUMNS = (
    "label",
    "labels",
    "class",
    "class_name",
    "category",
    "emotion",
    "expression",
    "target",
    "y",
)
PIXEL_COLUMNS = ("pixels",)
IMAGE_COLUMNS = (
    *PIXEL_COLUMNS,
    "path",
    "paths",
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image",
    "images",
    "image_path",
    "img",
    "img_path",
)
PART_COLUMNS = ("split", "usage", "subset", "partition", "part", "set")

# Excel writes and reads the delimiter in a line before the header: sep=;
_EXCEL_DELIMITER = re.compile(r'"?sep=(.)"?,*', re.IGNORECASE)

_NUMBERED_COLUMNS = 4  # fewer numbered columns are not pixels
_HEADERLESS = ("first", "last")  # position of the label in a table without a header


class TableError(Exception):
    """The reason why a table cannot be read, the key of `data` that causes it, and a hint."""

    def __init__(self, problem: str, key: str = "csv", hint: str | None = None) -> None:
        super().__init__(problem)
        self.key = key
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a table by their content, counted from 0.

    `images` is one column, of paths or of pixels separated by spaces, or one column for each pixel.
    """

    delimiter: str
    columns: tuple[str, ...]
    label: int
    part: int | None
    images: slice
    has_paths: bool
    first_line: int  # of the rows; the header is before it

    @property
    def pixel_columns(self) -> int:
        """The number of pixel columns; 0 if one column has all pixels, or a path."""
        count = self.images.stop - self.images.start
        return count if count > 1 else 0


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, and their numbers from 1, as in an editor.

    Raises TableError for a line longer than MAX_LINE and for a file that is not text in UTF-8.
    """
    try:
        with open_regular_text(path, encoding="utf-8-sig") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise TableError(f"has more than {MAX_LINE:,} characters in line {number}")
                if not line.isspace():
                    yield number, line.removesuffix("\n")
    except UnicodeDecodeError:
        raise TableError("is not text in UTF-8", hint="save the table as CSV in UTF-8") from None


def split_row(line: str, delimiter: str) -> list[str]:
    """Return the fields of a row, quoted or not; raises ValueError if a quote does not end.

    Like the csv module, but a field may be as long as its line, and ends on that line.
    """
    if '"' not in line:
        return line.split(delimiter)
    fields, at = [], 0
    while True:
        match = _field(delimiter).match(line, at)
        if not match:
            raise ValueError("has a quote that does not end, or text after one")
        quoted, plain, end = match.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        if not end:
            return fields
        at = match.end()


@cache
def _field(delimiter: str) -> re.Pattern[str]:
    end = re.escape(delimiter)
    return re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"|((?!")[^{end}]*))({end}|$)')


def find_layout(path: Path, label: str | None, image: str | None) -> Layout:
    """Find the columns of a table; `label` and `image` are names from the configuration.

    Raises TableError if that is not clear.
    """
    lines = numbered_lines(path)
    first_line, header = next(lines, (0, ""))
    delimiters: tuple[str, ...] = DELIMITERS
    if match := _EXCEL_DELIMITER.fullmatch(header):
        delimiters = (match[1],)
        first_line, header = next(lines, (0, ""))
    second_line, row = next(lines, (0, ""))
    rows = chain([row], (line for _, line in lines))
    delimiter, columns = _columns(header, delimiters)
    if all(_is_number(column) for column in columns):
        return _headerless(delimiter, columns, label, first_line)
    if not second_line:
        raise TableError("has no rows below its header")
    label_at = _find(columns, LABEL_COLUMNS, "label", label)
    if label_at is None:
        raise TableError(
            f"has no column for the label; its columns: {listed(columns, 12)}",
            hint="the first line names the columns, as in path,label,split; data.label=COLUMN "
            "chooses another",
        )
    part_at = _find_part(columns, label_at)
    image_at = _find(columns, IMAGE_COLUMNS, "image", image)
    if image_at is None:
        images, has_paths = _numbered(columns, {label_at, part_at}), False
    else:
        images = slice(image_at, image_at + 1)
        has_paths = not _has_pixels(columns, image_at, rows, delimiter)
    return Layout(delimiter, columns, label_at, part_at, images, has_paths, second_line)


def _columns(header: str, delimiters: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Return the delimiter that gives most fields in the header, and these fields."""
    rows = []
    for delimiter in delimiters:
        with suppress(ValueError):  # a quoted name before another delimiter
            rows.append((delimiter, split_row(header, delimiter)))
    delimiter, fields = max(rows, key=lambda row: len(row[1]), default=(",", []))
    columns = tuple(field.strip() for field in fields)
    if len(columns) < 2:
        raise TableError(
            "has fewer than two columns",
            hint="a table has commas, semicolons or tabs between its columns, and their names in "
            "the first line: path,label,split",
        )
    return delimiter, columns


def _headerless(
    delimiter: str, columns: tuple[str, ...], label: str | None, first_line: int
) -> Layout:
    """Return the layout of a table without a header, if `data.label` is `first` or `last`."""
    if label not in _HEADERLESS:
        raise TableError(
            "has numbers instead of column names in its first line",
            "label" if label else "csv",
            "for a table without column names, set data.label=first or data.label=last; every "
            "other column is a pixel",
        )
    count = len(columns) - 1
    label_at, start = (0, 1) if label == "first" else (count, 0)
    named = ["pixel"] * count
    named.insert(label_at, "label")
    images = slice(start, start + count)
    return Layout(delimiter, tuple(named), label_at, None, images, False, first_line)


def _find(
    columns: tuple[str, ...], known: tuple[str, ...], role: str, chosen: str | None
) -> int | None:
    """Return the column that was chosen by name, or the one with a known name."""
    names = known if chosen is None else (chosen.lower(),)
    found = [at for at, column in enumerate(columns) if column.lower() in names]
    if chosen is not None:
        found = [at for at in found if columns[at] == chosen] or found
        if not found:
            raise TableError(
                f"has no column {chosen!r}{did_you_mean(chosen, columns)}",
                role,
                f"its columns: {listed(columns, 12)}",
            )
    if len(found) > 1:
        names_found = ", ".join(columns[at] for at in found)
        raise TableError(
            f"has {len(found)} columns that may be the {role}: {names_found}",
            role if chosen else "csv",
            f"choose one with data.{role}=COLUMN; column names must differ",
        )
    return found[0] if found else None


def _find_part(columns: tuple[str, ...], label_at: int) -> int | None:
    """Return the column of the splits: the first one in the order of PART_COLUMNS."""
    lower = [column.lower() for column in columns]
    found = [lower.index(name) for name in PART_COLUMNS if name in lower]
    return next((at for at in found if at != label_at), None)


def _numbered(columns: tuple[str, ...], others: set[int | None]) -> slice:
    """Return the pixel columns: most of the names differ only in a number (pixel0, 1x1)."""
    stems = Counter(stem for at, stem in enumerate(map(_stem, columns)) if at not in others)
    stem, count = max(
        ((stem, count) for stem, count in stems.items() if "#" in stem),
        key=lambda counted: counted[1],
        default=("", 0),
    )
    at = [at for at, column in enumerate(columns) if at not in others and _stem(column) == stem]
    if count < _NUMBERED_COLUMNS or at[-1] - at[0] + 1 != count:
        raise TableError(
            f"has no column for the image, nor one for each pixel side by side; its columns: "
            f"{listed(columns, 12)}",
            hint="data.image=COLUMN chooses one, of paths or of pixels",
        )
    return slice(at[0], at[-1] + 1)


def _stem(column: str) -> str:
    return re.sub(r"\d+", "#", column.lower())


def _has_pixels(columns: tuple[str, ...], at: int, rows: Iterable[str], delimiter: str) -> bool:
    """Return whether a column has pixels, not paths, by its name or its first value."""
    if columns[at].lower() in PIXEL_COLUMNS:
        return True
    for row in rows:
        with suppress(ValueError):  # a row that cannot be used is reported when all are read
            fields = split_row(row, delimiter)
            if len(fields) == len(columns) and (words := fields[at].split()):
                return len(words) >= _NUMBERED_COLUMNS and all(map(_is_number, words))
    return False


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
