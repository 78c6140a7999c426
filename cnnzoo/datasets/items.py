"""What a source offers before anything is decoded: items with a name, a label and a part each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NO_PART = ""


@dataclass(frozen=True, slots=True)
class Items:
    """All items of a source, in an order that depends on nothing but the source.

    `labels` int32 [n] are indices of `label_values`, what the source itself calls them; `parts`
    int32 [n] are indices of `part_values`, its own splits, NO_PART where it has none. `unusable`
    are items that cannot even be labelled, each with the reason.
    """

    names: Sequence[str]
    labels: NDArray[np.int32]
    label_values: tuple[str, ...]
    parts: NDArray[np.int32]
    part_values: tuple[str, ...] = (NO_PART,)
    unusable: Mapping[str, str] = field(default_factory=dict)


def make_items(
    names: Sequence[str],
    labels: Sequence[str],
    parts: Sequence[str] | None = None,
    unusable: Mapping[str, str] | None = None,
) -> Items:
    """Items from one name, label and part each."""
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
    """Each value once: numbers by size, everything else as Keras sorts names, by code point."""
    unique = set(values)
    if all(value.isdecimal() for value in unique):
        return tuple(sorted(unique, key=lambda value: (int(value), value)))
    return tuple(sorted(unique))
