"""Which example is in which split: the source's own parts, and stratified, seeded fractions."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Disjoint, sorted index arrays for `train`, `validation` and `test`.

    A split is the part of the source that `data.splits` names; else, with a number, that fraction
    of the training part; else the source's own part of that meaning; else a fraction by default.
    Examples of any other part are in no split. Raises DataError for a part that the source does not
    have, and where two splits are the same part.
    """
    codes: dict[str, list[int]] = {}
    fractions: dict[str, float] = {}
    for split in SPLITS:
        given = getattr(data.splits, split)
        own = [code for code, value in enumerate(part_values) if _meaning(value) == split]
        if isinstance(given, str):
            codes[split] = _find_parts(given, part_values, split, data)
        elif given is not None:
            fractions[split] = float(given)
        elif own or split == "train":
            codes[split] = own
        else:
            fractions[split] = DEFAULT_FRACTIONS[split]
    _refuse_overlap(codes, data)
    chosen = {split: np.flatnonzero(np.isin(parts, own)) for split, own in codes.items()}
    pool = chosen["train"]
    taken = stratified_split(labels[pool], fractions, data.seed)
    chosen |= {split: pool[indices] for split, indices in taken.items()}
    return {split: chosen[split] for split in SPLITS}


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
) -> list[int]:
    """The part of that name, in whatever case, else those that mean the same split."""
    known = {value: code for code, value in enumerate(part_values) if value != NO_PART}
    if given in known:
        return [known[given]]
    named = [code for value, code in known.items() if value.lower() == given.lower()]
    if not named and (meaning := PART_NAMES.get(given.lower())):
        named = [code for value, code in known.items() if _meaning(value) == meaning]
    if named:
        return named
    raise DataError(
        f"data.splits.{split}: {data.title} has no part {given!r}{did_you_mean(given, known)}",
        place=data.splits.place(split),
        hint=f"its parts: {', '.join(known)}" if known else "it has no parts; give a fraction",
    )


def _refuse_overlap(codes: dict[str, list[int]], data: DataConfig) -> None:
    for split, other in combinations(codes, 2):
        if set(codes[split]) & set(codes[other]):
            raise DataError(
                f"data.splits: {split} and {other} are the same part of {data.title}",
                place=data.splits.place(other) or data.splits.place(split),
                hint="name another part for one of them, or give a fraction",
            )
