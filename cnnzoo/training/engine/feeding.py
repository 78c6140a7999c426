"""Feed batches through a `tf.data.Dataset` that prefetches them.

Its autotuning is off: it waited for seconds between the epochs of a small network
(`scripts/benchmarks/training_data.py`). Its function is traced as it is: AutoGraph would translate
its source code first. Imported only if TensorFlow is the backend.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from cnnzoo.training.engine.batches import Batches

AHEAD = 2  # batches to prefetch


def tf_dataset(batches: Batches, first: int = 0) -> Any:
    """The batches of the current epoch, from step `first` (counted from 0) on.

    The batch dimension is None, so that one compiled step serves the smaller last batch too.
    """
    images = tf.as_dtype(batches.examples.images.dtype)
    types = (images, tf.int32, tf.float32)[: 2 if batches.weights is None else 3]
    shapes = ((None, *batches.examples.images.shape[1:]), (None,), (None,))

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def read(step: Any) -> tuple[Any, ...]:
        batch = tf.numpy_function(batches.__getitem__, [step], types)
        for part, shape in zip(batch, shapes, strict=False):
            part.set_shape(shape)
        return tuple(batch)

    options = tf.data.Options()
    options.autotune.enabled = False
    steps = tf.data.Dataset.range(first, len(batches))
    return steps.map(read).prefetch(AHEAD).with_options(options)
