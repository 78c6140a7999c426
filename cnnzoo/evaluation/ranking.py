"""ROC-AUC and PR-AUC of two classes, for many weights of the examples at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Ranking:
    """Scores [n] in descending order, with equal scores grouped, and the labels of the examples."""

    def __init__(self, scores: NDArray[np.float32], positive: NDArray[np.bool_]) -> None:
        self.order = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        self.starts = np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1])
        self.positive = positive[self.order]

    def areas(self, weights: Floats) -> dict[str, Floats]:
        """Return `roc_auc` and `pr_auc` [resamples] for weights [resamples, n]; NaN for one class.

        The area under the ROC curve is the probability that a positive example ranks above a
        negative one, equal scores counting half (Hanley and McNeil, 1982). That under the
        precision-recall curve is the average precision: the precision at each score, weighted by
        the recall that it adds.
        """
        ranked = weights[:, self.order]
        called, positive = self._grouped(ranked), self._grouped(ranked * self.positive)
        negative = called - positive
        found, called = positive.cumsum(axis=1), called.cumsum(axis=1)
        positives, negatives = positive.sum(axis=1), negative.sum(axis=1)
        above = ((found - positive / 2) * negative).sum(axis=1)
        precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
        return {
            "roc_auc": _divided(above, positives * negatives),
            "pr_auc": _divided((positive * precision).sum(axis=1), positives),
        }

    def _grouped(self, ranked: Floats) -> Floats:
        """Return the sum of the weights of each score."""
        if len(self.starts) == len(self.order):
            return ranked
        grouped: Floats = np.add.reduceat(ranked, self.starts, axis=1)
        return grouped


def _divided(values: Floats, by: Floats) -> Floats:
    return np.divide(values, by, out=np.full_like(values, np.nan), where=by > 0)
