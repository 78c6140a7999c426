"""The confusion matrix by its cells that are not 0: their number never exceeds that of examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_DENSE = 200  # classes; a larger matrix is written by its cells

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Confusion:
    """True classes, predicted classes and counts int64 [cells] of a matrix of so many classes.

    The cells are in order of their true class, then of their predicted class.
    """

    rows: Integers
    columns: Integers
    counts: Integers
    classes: int

    @classmethod
    def from_labels(cls, labels: ArrayLike, predicted: ArrayLike, classes: int) -> Confusion:
        """Count the pairs of true and predicted classes, int [n] each."""
        pairs = np.asarray(labels, np.int64) * classes + np.asarray(predicted, np.int64)
        cells, counts = np.unique(pairs, return_counts=True)
        return cls(cells // classes, cells % classes, counts.astype(np.int64), classes)

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> Confusion:
        """Take the cells of a matrix int [classes, classes]; rows are the truth."""
        table = np.asarray(matrix, np.int64)
        rows, columns = np.nonzero(table)
        return cls(rows, columns, table[rows, columns], len(table))

    @classmethod
    def from_plain(cls, plain: Sequence[Any] | Mapping[str, Any]) -> Confusion:
        """Read what `plain` returned, and `metrics.json` holds."""
        if not isinstance(plain, Mapping):
            return cls.from_matrix(plain)
        cells = np.array(plain["cells"], np.int64).reshape(-1, 3)
        cells = cells[np.lexsort((cells[:, 1], cells[:, 0]))]
        return cls(cells[:, 0], cells[:, 1], cells[:, 2], plain["classes"])

    def plain(self) -> list[list[int]] | dict[str, Any]:
        """Return the matrix as lists; with more than MAX_DENSE classes, the cells that are not 0.

        These are `{"classes": n, "cells": [[truth, prediction, count], …]}`.
        """
        if self.classes <= MAX_DENSE:
            rows: list[list[int]] = self.matrix().tolist()
            return rows
        cells = np.column_stack([self.rows, self.columns, self.counts]).tolist()
        return {"classes": self.classes, "cells": cells}

    def matrix(self) -> Integers:
        """Return the matrix int64 [classes, classes]."""
        table = np.zeros((self.classes, self.classes), np.int64)
        table[self.rows, self.columns] = self.counts
        return table

    def support(self) -> Integers:
        """Return the number of examples of each true class, int64 [classes]."""
        return self._sums(self.rows, self.counts)

    def predictions(self) -> Integers:
        """Return how often each class is predicted, int64 [classes]."""
        return self._sums(self.columns, self.counts)

    def hits(self) -> Integers:
        """Return the number of correct examples of each class, int64 [classes]."""
        right = self.rows == self.columns
        return self._sums(self.rows[right], self.counts[right])

    def mistakes(self) -> list[tuple[int, int, int, int]]:
        """Return truth, prediction, count and support of each mistake, the most frequent first."""
        support = self.support()
        wrong = np.flatnonzero(self.rows != self.columns)
        order = wrong[np.argsort(-self.counts[wrong], kind="stable")]
        table = (self.rows[order], self.columns[order], self.counts[order])
        return list(zip(*(each.tolist() for each in (*table, support[table[0]])), strict=True))

    def _sums(self, classes: Integers, counts: Integers) -> Integers:
        sums = np.zeros(self.classes, np.int64)
        np.add.at(sums, classes, counts)
        return sums
