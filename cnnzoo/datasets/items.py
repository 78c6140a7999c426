"""The items of a source before anything is decoded, each with a name, a label and a part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

NO_PART = ""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Items:
    """All items of a source, in an order that depends only on the source.

    `labels` int32 [n] are indices of `label_values`, the labels of the source; `parts` int32 [n]
    are indices of `part_values`, its splits, or NO_PART. `unusable` are items without a label, each
    with the reason. `keys` uint64 [n] decide which items are held out, if the names are only
    numbers of rows; otherwise the names decide.
    """

    names: Sequence[str]
    labels: NDArray[np.int32]
    label_values: tuple[str, ...]
    parts: NDArray[np.int32]
    part_values: tuple[str, ...] = (NO_PART,)
    unusable: Mapping[str, str] = field(default_factory=dict)
    keys: NDArray[np.uint64] | None = None


def make_items(
    names: Sequence[str],
    labels: Sequence[str],
    parts: Sequence[str] | None = None,
    unusable: Mapping[str, str] | None = None,
) -> Items:
    """Make items from the name, label and part of each."""
    label_values, part_values = in_order(labels), in_order(parts or (NO_PART,))
    codes = {value: code for code, value in enumerate(label_values)}
    part_codes = {value: code for code, value in enumerate(part_values)}
    return Items(
        names,
        np.array([codes[label] for label in labels], np.int32),
        label_values,
        np.array([part_codes[part] for part in parts or (NO_PART,) * len(names)], np.int32),
        part_values,
        unusable or {},
    )


def in_order(values: Iterable[str]) -> tuple[str, ...]:
    """Return each value once: numbers by size, everything else by code point, as in Keras."""
    unique = set(values)
    if all(_NUMBER.fullmatch(value) for value in unique):
        return tuple(sorted(unique, key=lambda value: (Decimal(value), value)))
    return tuple(sorted(unique))
