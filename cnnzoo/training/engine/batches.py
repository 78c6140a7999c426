"""Examples → batches: the order of an epoch, and the rows of each of its batches.

A batch is gathered whole, by NumPy, from memory or from the disk, when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Examples
from cnnzoo.training.engine.balance import oversampled

Batch = (
    tuple[NDArray[np.uint8], NDArray[np.int32]]
    | tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32]]
)
Order = Callable[[int], NDArray[np.intp]]  # epoch, from 0 → the rows of its examples

EVALUATION_BATCH = 256


class Batches:
    """The batches of one epoch of examples; `begin` sets which epoch.

    A batch is images uint8 [b, height, width, channels] and labels int32 [b]; the last one may be
    smaller than the others. Where `weights` float32 [classes] says what an example of each class
    counts, the batch has the weights float32 [b] of its examples too. Every epoch has the same
    number of batches. `failure` is what went wrong where a batch could not be read: a backend may
    pass on no more than that something did.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        order: Order,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        self.examples = examples
        self.batch_size = batch_size
        self.order = order
        self.weights = weights
        self.failure: Exception | None = None
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """Take the order of this epoch, counted from 0."""
        self.rows = self.order(epoch)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, step: int) -> Batch:
        """The batch of this step of the epoch."""
        return self.take(self.rows[step * self.batch_size : (step + 1) * self.batch_size])

    def take(self, rows: NDArray[np.intp]) -> Batch:
        """The examples at these rows; rows [k, b] give k batches, each part [k, b, ...]."""
        try:
            images, labels = self.examples.images[rows], self.examples.labels[rows]
        except Exception as error:
            self.failure = error
            raise
        return (images, labels) if self.weights is None else (images, labels, self.weights[labels])


def to_train(
    examples: Examples,
    batch_size: int,
    seed: int,
    balance: str | None = None,
    weights: NDArray[np.float32] | None = None,
) -> Batches:
    """Shuffled batches; the order of epoch i depends on nothing but the seed and i."""

    def order(epoch: int) -> NDArray[np.intp]:
        rng = np.random.default_rng((seed, epoch))
        if balance == "oversample":
            return oversampled(examples.labels, rng)
        return rng.permutation(len(examples))

    return Batches(examples, batch_size, order, weights)


def to_measure(examples: Examples) -> Batches:
    """Batches in the order of the examples."""
    rows = np.arange(len(examples))
    return Batches(examples, EVALUATION_BATCH, lambda epoch: rows)
