"""Batch normalization by TensorFlow's own operation, in the steps of a training.

Keras computes it from many operations, each of which passes over the outputs of a convolution, and
in float32 also if the network computes in bfloat16. TensorFlow has one operation for it and one for
its gradient (`scripts/benchmark kernels`).

Imported only after Keras is loaded.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

# TensorFlow's operation replaces smaller values by this one on a GPU.
_LEAST_EPSILON = 1.001e-5
_DTYPES = ("float32", "bfloat16")


def fuse_normalization(model: Any) -> None:
    """Let the batch normalizations of a model use TensorFlow's operation when they train.

    The layers stay those of Keras, with the same weights, and so does a saved model. Outputs,
    gradients and moving averages are equal up to rounding. Nothing changes on other backends, where
    the compiler combines the operations, and for layers that the operation cannot compute.
    """
    if keras.backend.backend() != "tensorflow":
        return
    for layer in model._flatten_layers(include_self=False):
        if type(layer) is keras.layers.BatchNormalization and _fits(layer):
            layer.call = partial(_call, layer)


def _fits(layer: Any) -> bool:
    """Return whether TensorFlow's operation computes what the layer does."""
    return (
        layer.input_spec.ndim == 4
        and layer.axis in (-1, 3)
        and layer.epsilon >= _LEAST_EPSILON
        and layer.compute_dtype in _DTYPES
        and not (layer.renorm or layer.synchronized)
    )


def _call(layer: Any, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
    """Normalize [b, height, width, channels] in training; otherwise do what Keras does."""
    if not (training and layer.trainable) or mask is not None:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    import tensorflow as tf

    channels = inputs.shape[-1]
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=layer.gamma if layer.scale else tf.ones(channels),
        offset=layer.beta if layer.center else tf.zeros(channels),
        mean=tf.zeros(0),
        variance=tf.zeros(0),
        epsilon=layer.epsilon,
    )
    # The operation divides the squares by their number minus one, Keras by their number.
    count = tf.cast(tf.size(inputs) // channels, variance.dtype)
    variance *= (count - 1) / count
    for average, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        average.assign(average * layer.momentum + now * (1 - layer.momentum))
    return tf.cast(outputs, layer.compute_dtype)
