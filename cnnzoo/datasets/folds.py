"""Divide the examples for training and validation into the folds of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.groups import Groups
from cnnzoo.datasets.items import NO_PART
from cnnzoo.datasets.splitting import (
    Indices,
    content_key,
    hold_out,
    members_of,
    positions_of,
    splits_of,
)
from cnnzoo.errors import DataError
from cnnzoo.text import counted

# Splits of a fold that `sklearn.model_selection` draws need a seed below this.
_SEEDS = 2**32


def split_fold(
    labels: NDArray[np.int32],
    parts: NDArray[np.int32],
    part_values: tuple[str, ...],
    keys: NDArray[np.uint64],
    data: DataConfig,
    groups: Groups | None,
    class_names: Sequence[str],
) -> dict[str, Indices]:
    """Return disjoint, sorted indices for `train`, `validation` and `test`, by `data.fold`.

    `test` is the fold, and `validation` a fraction of the rest: that of `data.splits`, or the share
    of its part of the source. `keys` are those of the groups, if there are any. Raises DataError if
    a class has too few examples or groups for the folds.
    """
    assert data.fold
    pool, validation = fold_pool(parts, part_values, data)
    units = groups.codes[pool] if groups else None
    check_classes(labels[pool], units, data, class_names)
    numbers = fold_numbers(labels[pool], units, data.fold.of, _seed(data, data.fold.repeat))
    test, rest = pool[numbers == data.fold.number - 1], pool[numbers != data.fold.number - 1]
    # Another seed for each fold: no example is in the validation split of all of them.
    positions = positions_of(keys[rest], _seed(data, data.fold.repeat, data.fold.number))
    units = groups.codes[rest] if groups else None
    chosen = hold_out(labels[rest], positions, {"validation": validation}, units)
    train, held_out = rest[chosen["train"]], rest[chosen["validation"]]
    return {"train": train, "validation": held_out, "test": test}


def fold_pool(
    parts: NDArray[np.int32], part_values: tuple[str, ...], data: DataConfig
) -> tuple[Indices, float]:
    """Return the sorted indices of the examples in the folds, and the fraction for validation.

    They are all examples for training and validation, and those that a fraction takes for testing.
    """
    splits = splits_of(part_values, data)
    train, validation = splits["train"], splits["validation"]
    assert not isinstance(train, float)
    own = () if isinstance(validation, float) else validation
    codes = [part_values.index(value) for value in (*train, *own)]
    pool = np.flatnonzero(np.isin(parts, codes))
    if isinstance(validation, float):
        return pool, validation
    count = np.isin(parts, [part_values.index(value) for value in own]).sum()
    return pool, float(count / max(1, len(pool)))


def fold_numbers(
    labels: NDArray[np.int32], units: NDArray[np.int64] | None, folds: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold of each example, from 0, int64 [n]: stratified by label.

    `units` int64 [n] are groups, each of which is in one fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if units is None else StratifiedGroupKFold
    splitter = kind(n_splits=folds, shuffle=True, random_state=seed)
    numbers = np.zeros(len(labels), np.int64)
    for number, (_, held_out) in enumerate(splitter.split(np.zeros(len(labels)), labels, units)):
        numbers[held_out] = number
    return numbers


def check_classes(
    labels: NDArray[np.int32],
    units: NDArray[np.int64] | None,
    data: DataConfig,
    class_names: Sequence[str],
) -> None:
    """Raise DataError for a class with fewer examples, or groups, than folds."""
    assert data.fold
    for members in members_of(labels):
        count = len(members) if units is None else len(np.unique(units[members]))
        if count < data.fold.of:
            name = class_names[labels[members[0]]]
            what = counted(count, "example" if units is None else "group")
            raise DataError(
                f"the class {name!r} of {data.title} has {what}, too few for {data.fold.of} folds",
                place=data.fold.place("of"),
                hint=(f"use at most {count} folds, " if count > 1 else "")
                + "add examples of this class, or leave it out with data.classes",
            )


def fold_notes(part_values: tuple[str, ...], count: int, data: DataConfig) -> list[str]:
    """Return a line about the examples in the folds, `count` in all."""
    assert data.fold
    splits = splits_of(part_values, data)
    parts = {split: given for split, given in splits.items() if not isinstance(given, float)}
    pool = [*parts["train"], *parts.get("validation", ())]
    names = " and ".join(value or "the images in no part" for value in pool)
    whole = f"all {count:,} images" if pool == [NO_PART] else f"the {count:,} images of {names}"
    note = f"folds: {whole}, stratified by class; one of {data.fold.of} folds is the test split"
    if "test" in parts:
        note += f"; {' and '.join(parts['test'])} is not used"
    elif splits["test"]:
        note += f"; data.splits.test, {splits['test']:g} of them, is not held out"
    return [note]


def _seed(data: DataConfig, *numbers: int) -> int:
    """Return a seed for a repeat, or for one of its folds."""
    return content_key(repr((data.seed, *numbers)).encode()) % _SEEDS
