"""Batches → a tf.data set, which has a few ready before they are asked for.

Its autotuning is off: it was seen to wait for seconds between the epochs of a small network
(`scripts/benchmarks/training_data.py`). Imported only where TensorFlow is the backend.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from cnnzoo.training.engine.batches import Batches

AHEAD = 2  # batches that are ready before they are asked for


def tf_dataset(batches: Batches, first: int = 0) -> Any:
    """The batches of the epoch that has begun, from step `first` (counted from 0) on.

    The number of examples in a batch is left open, so that a compiled step serves the last one too.
    """
    types = (tf.uint8, tf.int32, tf.float32)[: 2 if batches.weights is None else 3]
    shapes = ((None, *batches.examples.images.shape[1:]), (None,), (None,))

    def read(step: Any) -> tuple[Any, ...]:
        batch = tf.numpy_function(batches.__getitem__, [step], types)
        for part, shape in zip(batch, shapes, strict=False):
            part.set_shape(shape)
        return tuple(batch)

    options = tf.data.Options()
    options.autotune.enabled = False
    steps = tf.data.Dataset.range(first, len(batches))
    return steps.map(read).prefetch(AHEAD).with_options(options)
