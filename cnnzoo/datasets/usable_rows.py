"""The rows of a table of images: those that can be used, and the reasons for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.items import NO_PART
from cnnzoo.datasets.table_rows import Layout, TableError, numbered_lines, split_row
from cnnzoo.datasets.value_codes import is_missing
from cnnzoo.errors import DataError
from cnnzoo.limits import CLASSES as MAX_CLASSES
from cnnzoo.text import nfc

MAX_UNUSABLE = 100_000  # rows: a table with more is another kind of table


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
            label, part, image = row_of(text, layout)
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
    """Yield the line, the value in a column, and the first field of the image of usable rows."""
    at = layout.columns.index(column)
    for line, text in numbered_lines(path):
        if line < layout.first_line:
            continue
        with suppress(ValueError):  # a row that cannot be used was reported when all were read
            image = row_of(text, layout)[2]
            yield line, nfc(split_row(text, layout.delimiter)[at].strip()), image[0]


def row_of(text: str, layout: Layout) -> tuple[str, str, list[str]]:
    """Return the label, part and image of a row; raise ValueError if it cannot be used."""
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
