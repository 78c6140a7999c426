"""Batches → what Keras' `fit` takes them from. Imported only where Keras is already loaded.

TensorFlow reads them through tf.data, a few ahead. Its autotuning is off: it was seen to wait for
seconds between the epochs of a small network (`scripts/benchmarks/training_data.py`).
"""

from __future__ import annotations

from typing import Any

import keras

from cnnzoo.training.batches import Batch, Batches

AHEAD = 2  # batches that are ready before they are asked for


def feed(batches: Batches) -> Any:
    """What `fit` takes as `x` or `validation_data`: all batches of the epoch that has begun."""
    if keras.backend.backend() == "tensorflow":
        return _tf_dataset(batches)
    return _Sequence(batches)


class _Sequence(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches as Keras asks for them on a backend that has no way of its own."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> Batch:
        return self.batches[step]


def _tf_dataset(batches: Batches) -> Any:
    import tensorflow as tf

    def read(step: Any) -> tuple[Any, Any]:
        images, labels = tf.numpy_function(batches.__getitem__, [step], (tf.uint8, tf.int32))
        images.set_shape((None, *batches.examples.images.shape[1:]))
        labels.set_shape((None,))
        return images, labels

    options = tf.data.Options()
    options.autotune.enabled = False
    steps = tf.data.Dataset.range(len(batches))
    return steps.map(read).prefetch(AHEAD).with_options(options)
