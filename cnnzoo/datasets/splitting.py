"""Assign examples to splits: the parts of the source, and fractions of its training part.

A fraction takes each example by a hash of its content or path alone, so that adding, removing or
excluding examples never moves another one: runs stay comparable, and a model that starts from
another run's weights is not tested on that run's training images. The sizes of splits are therefore
near the fractions, not equal to them. Only if a split would lack a class, it gets one example of
it, which depends on the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.data import DEFAULT_FRACTIONS, DataConfig
from cnnzoo.datasets.dataset import SPLITS
from cnnzoo.datasets.items import NO_PART
from cnnzoo.datasets.part_names import is_unlabelled, meanings
from cnnzoo.errors import DataError, did_you_mean
from cnnzoo.text import joined, listed, nfc

Indices = NDArray[np.intp]
Splits = Mapping[str, tuple[str, ...] | float]

_TRAIN, _VALIDATION, _TEST = range(3)
_WORTH_ONE = 0.5  # a split with at least this share of a class gets at least one example of it


def name_keys(names: Iterable[str]) -> NDArray[np.uint64]:
    """Return a key uint64 [n] of each name; it is the same on every system."""
    digests = [
        blake2b(nfc(name).encode("utf-8", "surrogateescape"), digest_size=8).digest()
        for name in names
    ]
    return np.frombuffer(b"".join(digests), "<u8")


def content_key(content: bytes | memoryview) -> int:
    """Return the key, below 2^64, of the content of an example."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def positions_of(keys: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """Return a random number float64 [n] from 0 to below 1 for each key.

    Equal keys have equal numbers. It is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)
    of the key and the seed.
    """
    mixed = keys ^ np.uint64(content_key(b"%d" % seed))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def split_examples(
    labels: NDArray[np.int32],
    parts: NDArray[np.int32],
    part_values: tuple[str, ...],
    keys: NDArray[np.uint64],
    data: DataConfig,
    units: NDArray[np.int64] | None = None,
) -> dict[str, Indices]:
    """Return disjoint, sorted indices for `train`, `validation` and `test`, by `splits_of`.

    Examples of a part without a split are not used. `units` is for `hold_out`.
    """
    splits = splits_of(part_values, data)
    fractions = {split: given for split, given in splits.items() if isinstance(given, float)}
    chosen = {
        split: np.flatnonzero(np.isin(parts, [part_values.index(value) for value in given]))
        for split, given in splits.items()
        if not isinstance(given, float)
    }
    pool = chosen["train"]
    positions = positions_of(keys[pool], data.seed)
    taken = hold_out(labels[pool], positions, fractions, None if units is None else units[pool])
    chosen |= {split: pool[indices] for split, indices in taken.items()}
    return {split: chosen[split] for split in SPLITS}


def splits_of(part_values: tuple[str, ...], data: DataConfig) -> dict[str, tuple[str, ...] | float]:
    """Return for each split its parts of the source, or its fraction of the training part.

    A split is the part or the fraction in `data.splits`; else the part of the source with that
    meaning; else a default fraction. Raises DataError for a part that the source does not have, if
    two splits are the same part, and if no part is for training.
    """
    own = meanings(part_values)
    given = {split: getattr(data.splits, split) for split in SPLITS}
    named = {
        split: _find_parts(value, part_values, split, data)
        for split, value in given.items()
        if isinstance(value, str)
    }
    splits: dict[str, tuple[str, ...] | float] = {}
    for split in SPLITS:
        if split in named:
            splits[split] = named[split]
        elif given[split] is not None:
            splits[split] = float(given[split])
        else:
            parts = _left_for(split, own, named)
            splits[split] = parts if parts or split == "train" else DEFAULT_FRACTIONS[split]
    _refuse_overlap(splits, data)
    if not splits["train"]:
        known = ", ".join(filter(None, part_values))
        raise DataError(
            f"{data.title} has the parts {known}, and none of these names means training",
            place=data.place(data.source),
            hint="name them in data.splits, as in {train: PART, test: PART}, with numbers in "
            "quotes; if they are not splits, rename the folders or the column that names them",
        )
    return splits


def split_notes(part_values: tuple[str, ...], counts: Sequence[int], data: DataConfig) -> list[str]:
    """Return lines about the origin of the splits, unless each is the part of the same name.

    `counts` are the numbers of examples of the parts.
    """
    splits = splits_of(part_values, data)
    parts = {split: given for split, given in splits.items() if not isinstance(given, float)}
    pool = parts["train"]
    whole = " and ".join(value or "the images in no part" for value in pool)
    whole = whole if len(part_values) > 1 or pool != (NO_PART,) else "all images"
    held_out = [
        f"{split} is {given:.3g} of {whole}"
        for split, given in splits.items()
        if isinstance(given, float) and given
    ]
    renamed = [
        f"{split} is {' and '.join(given)}"
        for split, given in parts.items()
        if given and given not in ((split,), (NO_PART,), (NO_PART, split))
    ]
    notes = []
    if held_out or renamed:
        notes.append(f"splits: {'; '.join([*renamed, *held_out])}")
    used = {value for given in parts.values() for value in given}
    unused = [
        f"{count:,} of {value}"
        for value, count in zip(part_values, counts, strict=True)
        if count and value not in used
    ]
    if unused:
        labelled = not all(map(is_unlabelled, set(part_values) - used))
        notes.append(
            f"not used: {listed(unused)}" + ("; data.splits can name them" if labelled else "")
        )
    return notes


def hold_out(
    labels: NDArray[np.int32],
    positions: NDArray[np.float64],
    fractions: Mapping[str, float],
    units: NDArray[np.int64] | None = None,
) -> dict[str, Indices]:
    """Return disjoint, sorted indices of the splits of `fractions`, and `train` for the rest.

    `test` has the examples with positions below its fraction, `validation` those from 1 minus its
    fraction on, so neither changes with the other fraction. If a split would lack a class, or be
    empty, although its share is at least half an example, the nearest example moves into it.

    `units` int64 [n] are groups of examples, which have equal positions: then groups are moved.
    """
    classes = members_of(labels)
    if units is None:
        chosen = _chosen(classes, positions, fractions)
    else:
        _, first, unit_of = np.unique(units, return_index=True, return_inverse=True)
        of_units = [np.unique(unit_of[members]) for members in classes]
        chosen = _chosen(of_units, positions[first], fractions)[unit_of]
    codes = {"test": _TEST, "validation": _VALIDATION}
    return {name: np.flatnonzero(chosen == codes[name]) for name in fractions} | {
        "train": np.flatnonzero(chosen == _TRAIN)
    }


def _chosen(
    classes: Sequence[Indices], positions: NDArray[np.float64], fractions: Mapping[str, float]
) -> NDArray[np.int8]:
    """Return the split int8 [n] of each position; `classes` are indices of those of a class."""
    chosen = np.full(len(positions), _TRAIN, np.int8)
    shares = {_TEST: fractions.get("test", 0.0), _VALIDATION: fractions.get("validation", 0.0)}
    chosen[positions < shares[_TEST]] = _TEST
    chosen[positions >= 1 - shares[_VALIDATION]] = _VALIDATION
    for members in classes:
        _leave_none_empty(chosen, members, positions, shares, [])
    _leave_none_empty(chosen, np.arange(len(positions)), positions, shares, classes)
    return chosen


def _leave_none_empty(
    chosen: NDArray[np.int8],
    members: Indices,
    positions: NDArray[np.float64],
    shares: Mapping[int, float],
    classes: Sequence[Indices],
) -> None:
    """Change `chosen`, the splits, so that each split with a share of these members has one.

    The last training example of one of `classes` stays, unless it is the only one of its class.
    """
    # test, then train, then validation
    order = members[np.argsort(positions[members], kind="stable")]
    counts = np.bincount(chosen[order], minlength=3)
    if not counts[_TRAIN] and (1 - sum(shares.values())) * len(order) >= _WORTH_ONE:
        # The boundary between test and validation; one of the larger of them trains.
        boundary = counts[_TEST] - (counts[_TEST] >= counts[_VALIDATION])
        chosen[order[boundary]] = _TRAIN
        counts = np.bincount(chosen[order], minlength=3)
    for split, share in shares.items():
        train = order[chosen[order] == _TRAIN]
        if counts[split] or share * len(order) < _WORTH_ONE or len(train) < 2:
            continue
        trained = [each[chosen[each] == _TRAIN] for each in classes if len(each) > 1]
        last = {each[0] for each in trained if len(each) == 1}
        if spare := [index for index in train if index not in last]:
            chosen[spare[0 if split == _TEST else -1]] = split


def draw(
    labels: NDArray[np.int32], counts: Sequence[int], positions: NDArray[np.float64]
) -> list[Indices]:
    """Return disjoint, sorted samples of these sizes, and the rest.

    Each sample in turn gets its share of the remaining examples of every class, rounded up or down,
    the lowest positions first. The first sample is within one example of its share of each class,
    any other within two.
    """
    classes = [members[np.argsort(positions[members])] for members in members_of(labels)]
    tie_breaks = np.array([positions[members[0]] for members in classes])
    sizes = np.array([len(members) for members in classes], np.int64)
    start, samples = np.zeros_like(sizes), []
    for count in (*counts, len(labels) - sum(counts)):
        stop = start + _shares(sizes - start, count, tie_breaks)
        taken = [some[a:b] for some, a, b in zip(classes, start, stop, strict=True)]
        samples.append(np.sort(np.concatenate([np.empty(0, np.intp), *taken])))
        start = stop
    return samples


def _shares(
    sizes: NDArray[np.int64], count: int, tie_breaks: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Divide `count` in proportion to sizes, by largest remainders: each rounded up or down."""
    shares, remainders = np.divmod(sizes * count, max(1, sizes.sum()))
    largest = np.lexsort((tie_breaks, -remainders))
    shares[largest[: count - shares.sum()]] += 1
    return shares


def members_of(labels: NDArray[np.int32]) -> list[Indices]:
    """Return the sorted indices of the examples of each label that occurs, by label."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    return np.split(order, starts) if len(labels) else []


def _left_for(
    split: str, own: Mapping[str, str | None], named: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the parts that mean a split.

    Parts that `data.splits` names for another split are excluded, as in {test: validation} for a
    source of training and validation images.
    """
    taken = {
        value
        for other, values in named.items()
        if split != "train" and other not in own.values()
        for value in values
    }
    return tuple(value for value in own if own[value] == split and value not in taken)


def _find_parts(
    given: str, part_values: tuple[str, ...], split: str, data: DataConfig
) -> tuple[str, ...]:
    """Return the part of that name, ignoring case, or else the parts that mean the same split."""
    known = tuple(value for value in part_values if value != NO_PART)
    if given in known:
        return (given,)
    named = tuple(value for value in known if nfc(value).casefold() == nfc(given).casefold())
    if not named and (meaning := meanings((given,))[given]):
        own = meanings(known)
        named = tuple(value for value in known if given and own[value] == meaning)
    if named:
        return named
    raise DataError(
        f"data.splits.{split}: {data.title} has no part {given!r}{did_you_mean(given, known)}",
        place=data.splits.place(split),
        hint=f"its parts: {', '.join(known)}" if known else "it has no parts; give a fraction",
    )


def _refuse_overlap(splits: Splits, data: DataConfig) -> None:
    parts = {split: given for split, given in splits.items() if not isinstance(given, float)}
    for split, other in combinations(parts, 2):
        if shared := set(parts[split]) & set(parts[other]):
            raise DataError(
                f"data.splits: {split} and {other} are the same part of {data.title}, "
                f"{joined(sorted(shared))}",
                place=data.splits.place(other) or data.splits.place(split),
                hint="name another part for one of them, or give a fraction",
            )
