"""Which example is in which split: the source's own parts, and stratified, seeded fractions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

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
    """Disjoint, sorted index arrays for `train`, `validation` and `test`, as `splits_of` says.

    Examples of a part that is no split's are in none.
    """
    splits = splits_of(part_values, data)
    fractions = {split: given for split, given in splits.items() if isinstance(given, float)}
    chosen = {
        split: np.flatnonzero(np.isin(parts, [part_values.index(value) for value in given]))
        for split, given in splits.items()
        if not isinstance(given, float)
    }
    pool = chosen["train"]
    taken = stratified_split(labels[pool], fractions, data.seed)
    chosen |= {split: pool[indices] for split, indices in taken.items()}
    return {split: chosen[split] for split in SPLITS}


def splits_of(part_values: tuple[str, ...], data: DataConfig) -> dict[str, tuple[str, ...] | float]:
    """What each split is: parts of the source by name, or a fraction of its training part.

    A split is the part that `data.splits` names; else, with a number, that fraction; else the
    source's own part of that meaning; else a fraction by default. Raises DataError for a part that
    the source does not have, and where two splits are the same part.
    """
    splits: dict[str, tuple[str, ...] | float] = {}
    for split in SPLITS:
        given = getattr(data.splits, split)
        own = tuple(value for value in part_values if _meaning(value) == split)
        if isinstance(given, str):
            splits[split] = _find_parts(given, part_values, split, data)
        elif given is not None:
            splits[split] = float(given)
        else:
            splits[split] = own if own or split == "train" else DEFAULT_FRACTIONS[split]
    _refuse_overlap(splits, data)
    return splits


def stratified_split(
    labels: NDArray[np.int32], fractions: dict[str, float], seed: int
) -> dict[str, Indices]:
    """Disjoint index arrays: one of round(fraction * n) examples each, and `train` for the rest.

    See `draw` for how many of each class they have.
    """
    names = sorted(fractions)  # test before validation, whatever the order of the keys
    counts = [round(fractions[name] * len(labels)) for name in names]
    return dict(zip([*names, "train"], draw(labels, counts, seed), strict=True))


def draw(labels: NDArray[np.int32], counts: Sequence[int], seed: int) -> list[Indices]:
    """Disjoint, sorted random samples of so many examples each, and what is left.

    Each sample in turn has its share of what is left of every class, rounded up or down: the first
    is within one example of its share of each class, any other within two.
    """
    rng = np.random.default_rng(seed)
    classes, tie_breaks = [], []
    for members in members_of(labels):
        classes.append(members[np.argsort(rng.permutation(len(members)))])
        tie_breaks.append(rng.random())
    sizes = np.array([len(members) for members in classes], np.int64)
    start, samples = np.zeros_like(sizes), []
    for count in (*counts, len(labels) - sum(counts)):
        stop = start + _shares(sizes - start, count, np.array(tie_breaks))
        taken = [some[a:b] for some, a, b in zip(classes, start, stop, strict=True)]
        samples.append(np.sort(np.concatenate([np.empty(0, np.intp), *taken])))
        start = stop
    return samples


def _shares(
    sizes: NDArray[np.int64], count: int, tie_breaks: NDArray[np.float64]
) -> NDArray[np.int64]:
    """`count` divided in proportion to sizes, by largest remainders: each rounded up or down."""
    shares, remainders = np.divmod(sizes * count, max(1, sizes.sum()))
    largest = np.lexsort((tie_breaks, -remainders))
    shares[largest[: count - shares.sum()]] += 1
    return shares


def members_of(labels: NDArray[np.int32]) -> list[Indices]:
    """The sorted indices of the examples of each label that occurs, by label."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    return np.split(order, starts) if len(labels) else []


def _meaning(part: str) -> str | None:
    """The split that a part of a source is; what is in no part trains."""
    return "train" if part == NO_PART else PART_NAMES.get(part.lower())


def _find_parts(
    given: str, part_values: tuple[str, ...], split: str, data: DataConfig
) -> tuple[str, ...]:
    """The part of that name, in whatever case, else those that mean the same split."""
    known = tuple(value for value in part_values if value != NO_PART)
    if given in known:
        return (given,)
    named = tuple(value for value in known if value.lower() == given.lower())
    if not named and (meaning := PART_NAMES.get(given.lower())):
        named = tuple(value for value in known if _meaning(value) == meaning)
    if named:
        return named
    raise DataError(
        f"data.splits.{split}: {data.title} has no part {given!r}{did_you_mean(given, known)}",
        place=data.splits.place(split),
        hint=f"its parts: {', '.join(known)}" if known else "it has no parts; give a fraction",
    )


def _refuse_overlap(splits: Mapping[str, tuple[str, ...] | float], data: DataConfig) -> None:
    parts = {split: given for split, given in splits.items() if not isinstance(given, float)}
    for split, other in combinations(parts, 2):
        if set(parts[split]) & set(parts[other]):
            raise DataError(
                f"data.splits: {split} and {other} are the same part of {data.title}",
                place=data.splits.place(other) or data.splits.place(split),
                hint="name another part for one of them, or give a fraction",
            )
