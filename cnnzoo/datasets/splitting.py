"""Which example is in which split: the source's own parts, and stratified, seeded fractions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DEFAULT_FRACTIONS, DataConfig
from cnnzoo.datasets.dataset import SPLITS
from cnnzoo.datasets.items import NO_PART
from cnnzoo.errors import DataError, did_you_mean

# What sources call their parts, in lower case → the split that it is.
PART_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "publictest": "validation",
    "test": "test",
    "testing": "test",
    "privatetest": "test",
}

Indices = NDArray[np.intp]


def split_examples(
    labels: NDArray[np.int32],
    parts: NDArray[np.int32],
    part_values: tuple[str, ...],
    data: DataConfig,
) -> dict[str, Indices]:
    """Disjoint, sorted index arrays for `train`, `validation` and `test`.

    A split is the part of the source that `data.splits` names; else, with a number, that fraction
    of the training part; else the source's own part of that meaning; else a fraction by default.
    Raises DataError for a part that the source does not have.
    """
    chosen: dict[str, Indices] = {}
    fractions: dict[str, float] = {}
    for split in SPLITS:
        given = getattr(data.splits, split)
        own = [code for code, value in enumerate(part_values) if _meaning(value) == split]
        if isinstance(given, str):
            own = [_find_part(given, part_values, split, data)]
        elif given is not None:
            fractions[split] = float(given)
            continue
        elif not own and split != "train":
            fractions[split] = DEFAULT_FRACTIONS[split]
            continue
        chosen[split] = np.flatnonzero(np.isin(parts, own))
    _refuse_overlap(chosen, data)
    pool = chosen["train"]
    taken = stratified_split(labels[pool], fractions, data.seed)
    return {split: pool[taken[split]] if split in taken else chosen[split] for split in SPLITS}


def stratified_split(
    labels: NDArray[np.int32], fractions: dict[str, float], seed: int
) -> dict[str, Indices]:
    """Disjoint index arrays: one of round(fraction * n) examples each, and `train` for the rest.

    Every class has its share of every split, to within one example. Each example is placed in
    (0, 1) by its random rank within its class; a split is an interval of that line.
    """
    order = np.argsort(stratified_positions(labels, seed), kind="stable")
    splits, start = {}, 0
    for name in sorted(fractions):  # test before validation, whatever the order of the keys
        stop = start + round(fractions[name] * len(labels))
        splits[name] = np.sort(order[start:stop])
        start = stop
    splits["train"] = np.sort(order[start:])
    return splits


def stratified_positions(labels: NDArray[np.int32], seed: int) -> NDArray[np.float64]:
    """A place in (0, 1) for each example: its random rank within its label, evenly spread."""
    rng = np.random.default_rng(seed)
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks = rng.permutation(len(members)) + rng.random()
        position[members] = ranks / len(members)
    return position


def _meaning(part: str) -> str | None:
    """The split that a part of a source is; what is in no part trains."""
    return "train" if part == NO_PART else PART_NAMES.get(part.lower())


def _find_part(given: str, part_values: tuple[str, ...], split: str, data: DataConfig) -> int:
    known = [value for value in part_values if value != NO_PART]
    for code, value in enumerate(part_values):
        if value and given.lower() in (value.lower(), _meaning(value)):
            return code
    raise DataError(
        f"data.splits.{split}: {data.title} has no part {given!r}{did_you_mean(given, known)}",
        place=data.splits.place(split),
        hint=f"its parts: {', '.join(known)}" if known else "it has no parts; give a fraction",
    )


def _refuse_overlap(chosen: dict[str, Indices], data: DataConfig) -> None:
    seen: dict[int, str] = {}
    for split, indices in chosen.items():
        if not len(indices):
            continue
        other = seen.setdefault(int(indices[0]), split)
        if other != split:
            raise DataError(
                f"data.splits: {other} and {split} are the same part of {data.title}",
                place=data.splits.place(split) or data.splits.place(other),
                hint="name another part for one of them, or give a fraction",
            )
