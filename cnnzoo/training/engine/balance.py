"""Classes of uneven size: weights of their examples in the loss, or examples that are repeated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def class_weights(
    given: str | Mapping[str, float] | None, class_names: tuple[str, ...], labels: NDArray[np.int32]
) -> NDArray[np.float32] | None:
    """The weight of each class index in the loss, float32 [classes]; None without any.

    `balanced` is n / (classes * n of the class), as scikit-learn's `class_weight` of that name; a
    mapping gives weights by class name, 1 to a class that it leaves out.
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
    """A shuffled order of rows in which every class is as frequent as the largest.

    No example of a class is taken once more before all others of it have been taken as often.
    """
    largest = np.bincount(labels).max()
    drawn = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rounds = [rng.permutation(members) for _ in range(-(-largest // len(members)))]
        drawn.append(np.concatenate(rounds)[:largest])
    return rng.permutation(np.concatenate(drawn))
