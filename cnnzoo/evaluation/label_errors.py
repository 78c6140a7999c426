"""Find labels that are probably wrong, by confident learning.

C. G. Northcutt, L. Jiang, I. L. Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels", Journal of Artificial Intelligence Research 70 (2021). The probabilities must be predicted
out of fold: a network reproduces wrong labels of examples that it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """The examples whose label is probably wrong, the most certain first.

    `indices` int [k] are their places among the examples, `suggested` int [k] the most probable
    class of each, `margins` float [k] the probability of the label minus that of the suggested
    class. `joint` float [classes, classes] is the estimated number of examples for each label
    (row) and true class (column).
    """

    indices: NDArray[np.intp]
    suggested: NDArray[np.intp]
    margins: Floats
    joint: Floats

    @property
    def noise(self) -> float:
        """The estimated share of all labels that are wrong, from 0 to 1."""
        total = self.joint.sum()
        return float((total - np.trace(self.joint)) / total) if total else 0.0


def find_label_errors(labels: Labels, predicted: NDArray[np.floating[Any]]) -> LabelErrors:
    """Return the examples that the paper's "prune by class" selects, ranked by normalized margin.

    Of the paper's methods it found the most flipped digits; the others, which estimate the errors
    of each pair of classes, are less certain with few errors per pair.

    `labels` int [n] are indices of the classes, `predicted` float [n, classes] probabilities. An
    example is never selected if its label is its most probable class. Examples that are equal at
    the limit of a selection are all selected, so the order of the examples does not matter.
    """
    probabilities: Floats = predicted.astype(np.float64)
    joint = calibrated_joint(labels, confident_joint(labels, probabilities))
    most_probable = probabilities.argmax(axis=1)
    chosen = pruned_by_class(labels, probabilities, joint) & (most_probable != labels)
    found = np.flatnonzero(chosen)
    suggested = most_probable[found]
    margins = probabilities[found, labels[found]] - probabilities[found, suggested]
    order = np.argsort(margins, kind="stable")
    return LabelErrors(found[order], suggested[order], margins[order], joint)


def thresholds(labels: Labels, probabilities: Floats) -> Floats:
    """Return the mean probability of each class over the examples with that label, float [classes].

    It is infinite for a class without examples.
    """
    found = np.full(probabilities.shape[1], np.inf)
    for label in np.unique(labels).tolist():
        own = probabilities[labels == label, label]
        # A rounded mean may exceed the largest value.
        found[label] = min(own.mean(), own.max())
    return found


def confident_joint(labels: Labels, probabilities: Floats) -> NDArray[np.int64]:
    """Count the examples for each label (row) and confident class (column), int [classes, classes].

    The confident class of an example is the most probable of those that reach their threshold; an
    example without one is not counted.
    """
    reached = probabilities >= thresholds(labels, probabilities)
    counted = reached.any(axis=1)
    confident = np.where(reached, probabilities, -1.0)[counted].argmax(axis=1)
    joint = np.zeros((probabilities.shape[1],) * 2, np.int64)
    np.add.at(joint, (labels[counted], confident), 1)
    return joint


def calibrated_joint(labels: Labels, joint: NDArray[np.int64]) -> Floats:
    """Scale each row of the confident joint so that its sum is the number of examples of its label.

    The result is n times the joint distribution of labels and true classes.
    """
    rows = joint.sum(axis=1, keepdims=True)
    examples = np.bincount(labels, minlength=len(joint))[:, None]
    scaled: Floats = joint * examples / np.maximum(rows, 1)
    return scaled


def pruned_by_class(labels: Labels, probabilities: Floats, joint: Floats) -> NDArray[np.bool_]:
    """Select for each label as many examples as have a wrong one, with its lowest probability.

    Those with the same probability as the last selected one are selected, too.
    """
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels).tolist():
        members = np.flatnonzero(labels == label)
        own = probabilities[members, label]
        count = round(len(members) - joint[label, label])
        if count:
            chosen[members[own <= np.sort(own)[count - 1]]] = True
    return chosen
