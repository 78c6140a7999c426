"""Select the items of a source that are used, and their classes."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.classes import classes_of, names_in_order
from cnnzoo.datasets.items import Items
from cnnzoo.datasets.splitting import draw, members_of, name_keys, positions_of
from cnnzoo.errors import DataError
from cnnzoo.regular_files import open_regular_text


@dataclass(frozen=True, slots=True)
class Selection:
    """The indices of the items that are used, in order, and the label int32 of each.

    `unusable` are the items that cannot be used and are not excluded, each with the reason.
    """

    indices: NDArray[np.intp]
    labels: NDArray[np.int32]
    class_names: tuple[str, ...]
    unusable: Mapping[str, str]


def select(items: Items, data: DataConfig) -> Selection:
    """Apply `labels`, `classes`, `exclude` and `limit` to the items of a source.

    Raises DataError for a class or a label that the source does not have, if fewer than two classes
    remain, and for exclusions of other data.
    """
    class_of = classes_of(items.label_values, data, partial(_first_with, items))
    class_names = names_in_order(class_of, data)
    code_of = {name: code for code, name in enumerate(class_names)}
    codes = [code_of[class_of[value]] if value in class_of else -1 for value in items.label_values]
    labels = np.array(codes, np.int32)[items.labels]
    excluded = read_exclusions(data)
    used = labels >= 0
    if excluded:
        kept = np.array([name not in excluded for name in items.names], bool)
        if kept.all() and excluded.isdisjoint(items.unusable):
            raise DataError(
                f"data.exclude: {data.title} has none of the {len(excluded):,} names in "
                f"{data.exclude}, such as {min(excluded)!r}",
                place=data.place("exclude"),
                hint="write it again with cnnzoo data check --write-exclusions, or remove this key",
            )
        used &= kept
    indices = np.flatnonzero(used)
    if data.limit:
        keys = name_keys(f"limit {items.names[index]}" for index in indices.tolist())
        positions = positions_of(keys, data.seed)
        chosen = limited(labels[indices], items.parts[indices], data.limit, positions)
        indices = indices[chosen]
    unusable = {name: why for name, why in items.unusable.items() if name not in excluded}
    return Selection(indices, labels[indices], class_names, unusable)


def _first_with(items: Items, value: str) -> str:
    """Return the name of the first item with a label value."""
    return items.names[int(np.argmax(items.labels == items.label_values.index(value)))]


def read_exclusions(data: DataConfig) -> frozenset[str]:
    """Return the names in the file `data.exclude`: comma-separated values with a column `name`."""
    if data.exclude is None:
        return frozenset()
    path = Path(data.exclude)
    try:
        # A spreadsheet writes a byte order mark; a file name may not be UTF-8.
        with open_regular_text(
            path, encoding="utf-8-sig", errors="surrogateescape", newline=""
        ) as file:
            rows = csv.DictReader(file)
            if "name" not in (rows.fieldnames or ()):
                raise DataError(
                    f"data.exclude: {path} has no column 'name'",
                    place=data.place("exclude"),
                    hint="cnnzoo data check --write-exclusions writes such a file",
                )
            return frozenset(row["name"] for row in rows if row["name"])
    except (OSError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is not a table ({error})"
        raise DataError(
            f"data.exclude: {path} cannot be read: {reason}",
            place=data.place("exclude"),
            hint="cnnzoo data check --write-exclusions writes such a file",
        ) from error


def limited(
    labels: NDArray[np.int32],
    parts: NDArray[np.int32],
    limit: int,
    positions: NDArray[np.float64],
) -> NDArray[np.intp]:
    """Return indices of at most `limit` examples of each class; each part has its share of them.

    The examples with the lowest positions are taken, so exclusions change few of them.
    """
    kept = np.zeros(len(labels), bool)
    for members in members_of(labels):
        sample, _ = draw(parts[members], [min(limit, len(members))], positions[members])
        kept[members[sample]] = True
    return np.flatnonzero(kept)
