"""Stratified, seeded splits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stratified_split(
    labels: NDArray[np.int32], fractions: dict[str, float], seed: int
) -> dict[str, NDArray[np.intp]]:
    """Disjoint index arrays: one of round(fraction * n) examples each, and `train` for the rest.

    Every class has its share of every split, to within one example. Each example is placed in
    (0, 1) by its random rank within its class; a split is an interval of that line.
    """
    rng = np.random.default_rng(seed)
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks = rng.permutation(len(members)) + rng.random()
        position[members] = ranks / len(members)
    order = np.argsort(position, kind="stable")
    splits, start = {}, 0
    for name, fraction in fractions.items():
        stop = start + round(fraction * len(labels))
        splits[name] = np.sort(order[start:stop])
        start = stop
    splits["train"] = np.sort(order[start:])
    return splits
