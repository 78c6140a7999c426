"""Unbalanced classes: class weights in the loss, or examples that are repeated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def class_weights(
    given: str | Mapping[str, float] | None, class_names: tuple[str, ...], labels: NDArray[np.int32]
) -> NDArray[np.float32] | None:
    """The weight of each class index in the loss, float32 [classes]; None without weights.

    `balanced` is n / (classes * n of the class), as in scikit-learn's `class_weight`; a mapping
    gives weights by class name, and 1 for a class that it omits.
    """
    if given == "balanced":
        counts = np.bincount(labels, minlength=len(class_names))
        even = len(labels) / np.count_nonzero(counts)
        weights = [even / count if count else 1 for count in counts]
        return np.array(weights, np.float32)
    if isinstance(given, Mapping):
        return np.array([given.get(name, 1) for name in class_names], np.float32)
    return None


def oversampled(labels: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.intp]:
    """A shuffled order of rows in which each class is as frequent as the largest class.

    The examples of a class are repeated equally often, except for the last, incomplete repetition.
    """
    largest = np.bincount(labels).max()
    drawn = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rounds = [rng.permutation(members) for _ in range(-(-largest // len(members)))]
        drawn.append(np.concatenate(rounds)[:largest])
    return rng.permutation(np.concatenate(drawn))
