"""Examples → batches: the order of an epoch, the rows of each batch, the weights of its examples.

Batches are gathered by NumPy, a whole one at a time, from memory or from the disk. TensorFlow reads
them through tf.data with its autotuning off: on CPU that was seen to wait for seconds between
epochs of a small network (`scripts/benchmark` compares the two).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.dataset import Examples

Batch = tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32]]
EVALUATION_BATCH = 256


class Epochs:
    """The shuffled batches of each epoch; the order of epoch i depends only on `seed` and i.

    A batch is images uint8 [b, height, width, channels], labels int32 [b] and weights float32 [b].
    With `oversample`, every class has as many examples in an epoch as the largest.
    """

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int,
        class_weights: NDArray[np.float32],
        *,
        oversample: bool = False,
    ) -> None:
        self.examples = examples
        self.batch_size = batch_size
        self.seed = seed
        self.class_weights = class_weights
        self.oversample = oversample
        self.count = balanced_count(examples.labels) if oversample else len(examples)

    @property
    def steps(self) -> int:
        """The batches of an epoch; the last one may be smaller."""
        return -(-self.count // self.batch_size)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0."""
        rng = np.random.default_rng((self.seed, epoch))
        labels = self.examples.labels
        order = oversampled(labels, rng) if self.oversample else rng.permutation(len(labels))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.examples.images[rows], labels[rows], self.class_weights[labels[rows]]


def balanced_count(labels: NDArray[np.int32]) -> int:
    """How many examples an epoch has in which every class is as frequent as the largest."""
    counts = np.bincount(labels)
    return int(counts.max() * (counts > 0).sum())


def oversampled(labels: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.intp]:
    """A shuffled order in which each class is as frequent as the largest, its examples repeated.

    No example of a class is taken once more before all others have been taken as often.
    """
    largest = np.bincount(labels).max()
    drawn = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        rounds = [rng.permutation(members) for _ in range(-(-largest // len(members)))]
        drawn.append(np.concatenate(rounds)[:largest])
    return rng.permutation(np.concatenate(drawn))


def weights_of_classes(
    labels: NDArray[np.int32], class_names: tuple[str, ...], setting: Any
) -> NDArray[np.float32]:
    """The weight float32 [classes] of each class in the loss.

    `balanced` is n / (classes * n of the class), as scikit-learn's `class_weight` of that name; a
    mapping gives the weights by class name, 1 where it names none.
    """
    weights = np.ones(len(class_names), np.float32)
    if setting == "balanced":
        counts = np.bincount(labels, minlength=len(class_names))
        present = counts > 0
        weights[present] = len(labels) / (present.sum() * counts[present])
    elif setting:
        for name, weight in setting.items():
            weights[class_names.index(name)] = weight
    return weights


def fed(keras: ModuleType, epochs: Epochs) -> dict[str, Any]:
    """What `fit` takes to train on these epochs, one after another."""
    if keras.backend.backend() == "tensorflow":
        counter = iter(range(sys.maxsize))
        dataset = _tf_dataset(lambda: epochs.batches(next(counter)), epochs.examples, epochs.steps)
        return {"x": dataset}

    def endlessly() -> Iterator[Batch]:
        for epoch in range(sys.maxsize):
            yield from epochs.batches(epoch)

    return {"x": endlessly(), "steps_per_epoch": epochs.steps}


def held_out(keras: ModuleType, examples: Examples) -> dict[str, Any]:
    """What `fit` takes to validate on these examples."""
    steps = -(-len(examples) // EVALUATION_BATCH)
    if not steps:
        return {}

    def batches() -> Iterator[Batch]:
        for start in range(0, len(examples), EVALUATION_BATCH):
            rows = slice(start, start + EVALUATION_BATCH)
            labels = examples.labels[rows]
            yield examples.images[rows], labels, np.ones(len(labels), np.float32)

    if keras.backend.backend() == "tensorflow":
        return {"validation_data": _tf_dataset(batches, examples, steps)}

    def endlessly() -> Iterator[Batch]:
        while True:
            yield from batches()

    return {"validation_data": endlessly(), "validation_steps": steps}


def _tf_dataset(batches: Any, examples: Examples, steps: int) -> Any:
    import tensorflow as tf

    signature = (
        tf.TensorSpec((None, *examples.images.shape[1:]), tf.uint8),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None,), tf.float32),
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    cardinality = tf.data.experimental.assert_cardinality(steps)
    return dataset.apply(cardinality).prefetch(2).with_options(options)
