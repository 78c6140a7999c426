"""Examples → batches: the order of the examples in an epoch, and the arrays of each batch.

A batch is gathered with NumPy, from memory or from the disk, when it is requested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Examples
from cnnzoo.training.engine.balance import class_weights, oversampled
from cnnzoo.training.job import Job

Batch = (
    tuple[NDArray[np.uint8], NDArray[np.int32]]
    | tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32]]
)
Order = Callable[[int], NDArray[np.intp]]  # epoch, from 0 → the rows of its examples

EVALUATION_BATCH = 256


class Batches:
    """The batches of one epoch of examples; `start_epoch` selects the epoch.

    A batch is images uint8 [b, height, width, channels] and labels int32 [b]; the last one may be
    smaller. With class `weights` float32 [classes], a batch has the weights float32 [b] of its
    examples too. Every epoch has the same number of batches. `failure` is the exception of a batch
    that could not be read; a backend may report only that something failed.
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
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Use the order of this epoch, counted from 0."""
        self.rows = self.order(epoch)

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, step: int) -> Batch:
        """Return the batch of this step of the epoch."""
        start = int(step) * self.batch_size  # a NumPy integer could overflow
        return self.take(self.rows[start : start + self.batch_size])

    def with_images(self, images: Any) -> Batches:
        """Return the same batches of other images, or of features float32 [n, …]."""
        examples = replace(self.examples, images=images)
        return Batches(examples, self.batch_size, self.order, self.weights)

    def take(self, rows: NDArray[np.intp]) -> Batch:
        """Return the examples at these rows; rows [k, b] give k batches, each array [k, b, ...]."""
        try:
            images, labels = self.examples.images[rows], self.examples.labels[rows]
        except Exception as error:
            self.failure = error
            raise
        return (images, labels) if self.weights is None else (images, labels, self.weights[labels])


def training_batches(job: Job) -> Batches:
    """The training batches of a job: shuffled, balanced and weighted as configured."""
    examples = job.dataset.splits["train"]
    weights = job_class_weights(job)
    return shuffled_batches(
        examples, job.settings.batch_size, job.config.seed, job.data.balance, weights
    )


def job_class_weights(job: Job) -> NDArray[np.float32] | None:
    """The class weights of a job, float32 [classes]; None if it has none."""
    labels = job.dataset.splits["train"].labels
    return class_weights(job.config.training.class_weight, job.dataset.class_names, labels)


def shuffled_batches(
    examples: Examples,
    batch_size: int,
    seed: int,
    balance: str | None = None,
    weights: NDArray[np.float32] | None = None,
) -> Batches:
    """Shuffled batches; the order of epoch i depends only on the seed and i."""

    def order(epoch: int) -> NDArray[np.intp]:
        rng = np.random.default_rng((seed, epoch))
        if balance == "oversample":
            return oversampled(examples.labels, rng)
        return rng.permutation(len(examples))

    return Batches(examples, batch_size, order, weights)


def ordered_batches(examples: Examples, devices: int = 1) -> Batches:
    """Batches in the order of the examples, for validation; `devices` share each of them."""
    rows = np.arange(len(examples))
    return Batches(examples, evaluation_batch(devices), lambda epoch: rows)


def evaluation_batch(devices: int) -> int:
    """Return the examples in a batch of the validation: a number that the devices can share.

    Each of them would compute all of a batch that cannot be divided equally.
    """
    return max(EVALUATION_BATCH // devices, 1) * devices
