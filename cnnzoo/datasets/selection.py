"""Which items of a source are used, and which class each of them is."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.calls import listed
from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.items import Items
from cnnzoo.datasets.splitting import stratified_positions
from cnnzoo.errors import DataError, did_you_mean


@dataclass(frozen=True, slots=True)
class Selection:
    """Indices of the items that are used, in their order, and the label int32 of each."""

    indices: NDArray[np.intp]
    labels: NDArray[np.int32]
    class_names: tuple[str, ...]


def select(items: Items, data: DataConfig) -> Selection:
    """Apply `labels`, `classes`, `exclude` and `limit` to the items of a source.

    Raises DataError for a class or a label that the source does not have, and where fewer than two
    classes are left.
    """
    class_of = classes_of(items.label_values, data)
    class_names = data.class_names or tuple(dict.fromkeys(class_of.values()))
    codes = np.array(
        [
            class_names.index(class_of[value]) if value in class_of else -1
            for value in items.label_values
        ]
    )
    labels = codes[items.labels].astype(np.int32)
    used = labels >= 0
    if data.exclude:
        excluded = read_exclusions(Path(data.exclude), data)
        used &= np.array([name not in excluded for name in items.names], bool)
    indices = np.flatnonzero(used)
    if data.limit:
        indices = indices[_limited(labels[indices], items.parts[indices], data)]
    return Selection(indices, labels[indices], class_names)


def classes_of(values: tuple[str, ...], data: DataConfig) -> Mapping[str, str]:
    """The class of each label value of a source, in the order of the classes."""
    named = _named(values, data)
    known = tuple(dict.fromkeys(named.values()))
    wanted = data.classes
    if wanted is None:
        if len(known) < 2:
            raise DataError(
                f"{data.title} has {len(known)} class, {listed(known)}; a classifier needs two",
                place=data.place(data.source),
            )
        return named
    renamed = wanted if isinstance(wanted, dict) else {name: name for name in wanted}
    for name in renamed:
        if name not in known:
            raise DataError(
                f"data.classes: {data.title} has no class {name!r}{did_you_mean(name, known)}",
                place=data.place("classes"),
                hint=f"its classes: {', '.join(known[:50])}",
            )
    return {value: renamed[name] for value, name in named.items() if name in renamed}


def _named(values: tuple[str, ...], data: DataConfig) -> dict[str, str]:
    """The name of each label value of a source: its own, or that which `labels` gives it."""
    if data.labels is None:
        return {value: value for value in values}
    names = data.labels
    if not isinstance(names, dict):
        names = {str(index): name for index, name in enumerate(names)}
    for value in values:
        if value not in names:
            raise DataError(
                f"data.labels names no label {value!r}, which {data.title} has",
                place=data.place("labels"),
                hint="name every label there, and choose among them with data.classes",
            )
    return {value: names[value] for value in names if value in values}


def read_exclusions(path: Path, data: DataConfig) -> set[str]:
    """The names in a file of exclusions: comma-separated values with the column `name`."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if "name" not in (rows.fieldnames or ()):
                raise DataError(
                    f"data.exclude: {path} has no column 'name'",
                    place=data.place("exclude"),
                    hint="cnnzoo data check --write-exclusions writes such a file",
                )
            return {row["name"] for row in rows}
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no table in UTF-8"
        raise DataError(
            f"data.exclude: {path} cannot be read: {reason}", place=data.place("exclude")
        ) from error


def _limited(
    labels: NDArray[np.int32], parts: NDArray[np.int32], data: DataConfig
) -> NDArray[np.intp]:
    """At most `limit` examples of each class, each part of the source keeping its share."""
    assert data.limit
    kept = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        order = np.argsort(stratified_positions(parts[members], data.seed), kind="stable")
        kept.append(members[order[_spread(len(order), data.limit)]])
    return np.sort(np.concatenate(kept))


def _spread(n: int, limit: int) -> NDArray[np.intp]:
    """At most `limit` of n indices, evenly apart."""
    return np.arange(n) if n <= limit else (np.arange(limit) * n) // limit
