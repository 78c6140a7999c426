"""The group of each example, by `data.group`: several images of one subject stay in one split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.matching import matched_names
from cnnzoo.datasets.selection import select
from cnnzoo.datasets.source import Source, open_source
from cnnzoo.datasets.splitting import Indices, name_keys
from cnnzoo.datasets.value_codes import is_missing
from cnnzoo.errors import DataError, did_you_mean
from cnnzoo.text import counted, listed, shorten

_SHOWN = 12  # columns that a hint names


@dataclass(frozen=True, slots=True)
class Groups:
    """Names of the groups in order, and the group int64 [n] of each example by its index."""

    names: tuple[str, ...]
    codes: NDArray[np.int64]

    def keys(self) -> NDArray[np.uint64]:
        """Return a key of the group of each example, uint64 [n], which decides its split."""
        return name_keys(self.names)[self.codes]


def find_groups(names: Sequence[str], data: DataConfig, source: Source) -> Groups | None:
    """Return the groups of examples of these names; None if `data.group` is not set.

    Raises DataError if an example has no group.
    """
    if data.group is None:
        return None
    columns = source.columns()
    if data.group in columns:
        cells = source.column(data.group)
        values = [cells.get(name, "") for name in names]
        values = ["" if is_missing(value) else value for value in values]
        problem = f"has no {data.group}"
    elif not source.has_paths:
        raise DataError(
            f"data.group: {data.title} has no column {data.group!r}"
            + did_you_mean(data.group, columns),
            place=data.place("group"),
            hint=f"its columns: {listed(columns, _SHOWN)}",
        )
    else:
        values = matched_names(names, data, "group", "group")
        problem = f"does not match {shorten(data.group)!r}"
    without = [name for name, value in zip(names, values, strict=True) if not value]
    if without:
        hint = "every image needs a group; the pattern is searched in the path of the file"
        if columns:
            hint += f", unless it is a column of the table: {listed(columns, _SHOWN)}"
        count = counted(len(without), "image")
        raise DataError(
            f"data.group: {count} of {data.title} without a group, such as {without[0]}, which "
            f"{problem}",
            place=data.place("group"),
            hint=hint,
        )
    found, codes = np.unique(np.array(values, object), return_inverse=True)
    return Groups(tuple(found.tolist()), codes.astype(np.int64))


def check_groups(data: DataConfig) -> None:
    """Raise DataError if an example that is used has no group; no image is read."""
    source = open_source(data)
    items = source.items()
    indices = select(items, data).indices.tolist()
    find_groups([items.names[index] for index in indices], data, source)


def group_notes(
    groups: Groups,
    splits: Mapping[str, Indices],
    labels: NDArray[np.int32],
    class_names: Sequence[str],
) -> list[str]:
    """Return lines about the groups: their number, and warnings.

    A warning names groups that parts of the source divide, or classes without training examples.
    """
    used = {split: set(groups.codes[indices].tolist()) for split, indices in splits.items()}
    notes = [f"data.group: {counted(len(set().union(*used.values())), 'group')}"]
    for first, second in combinations(used, 2):
        if shared := used[first] & used[second]:
            example = groups.names[min(shared)]
            notes.append(
                f"warning: {counted(len(shared), 'group')} in both {first} and {second}, such as "
                f"{example}: the source has these splits; a fraction in data.splits keeps groups "
                "together"
            )
    taught, all_used = (np.unique(labels[each]) for each in (splits["train"], _joined(splits)))
    if missing := np.setdiff1d(all_used, taught).tolist():
        notes.append(
            f"warning: {counted(len(missing), 'class', 'classes')} without training examples, such "
            f"as {class_names[missing[0]]}: all groups with them are in other splits"
        )
    return notes


def _joined(splits: Mapping[str, Indices]) -> Indices:
    return np.concatenate(list(splits.values()))
