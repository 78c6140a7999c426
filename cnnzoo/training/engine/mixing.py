"""Labels with one value per class, mixed like the images of a batch by MixUp and CutMix.

Imported only after Keras is loaded.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from cnnzoo.config.data import MIXING


class MixedSequential(keras.Sequential):  # type: ignore[misc]
    """A Sequential whose loss takes labels with one value per class; layers may mix examples.

    Its last layer is the model, and its labels are class indices int [b]. Mixing is linear, so the
    layers that mix receive the identity matrix as labels and return `shares` [b, b]: row i has the
    share of each example in image i. The loss receives the labels mixed by these shares, with one
    value per class, or the probability of the second class for one sigmoid unit; weights are mixed
    likewise. Metrics receive, as the label of an image, the class with the largest share. Nothing
    is mixed outside of training.
    """

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Return probabilities; with mixed images, a dict of `probabilities` and `shares`."""
        mixes = any(type(layer).__name__ in MIXING for layer in self.layers)
        if not training or not mixes:
            return super().call(inputs, training=training, mask=mask)
        *augmentation, model = self.layers
        images = ops.cast(inputs, "float32")
        rows = ops.arange(ops.shape(images)[0])
        shares = ops.cast(rows[:, None] == rows[None, :], "float32")
        for layer in augmentation:
            if type(layer).__name__ in MIXING:
                mixed = layer({"images": images, "labels": shares}, training=True)
                images, shares = mixed["images"], mixed["labels"]
            else:
                images = layer(images, training=True)
        return {"probabilities": model(images, training=True), "shares": shares}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss for the mixed labels."""
        probabilities, labels, weights = _mix(y, y_pred, sample_weight)
        return super().compute_loss(x, labels, probabilities, weights, training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Update the metrics with the class that has the largest share."""
        probabilities, labels, weights = _mix(y, y_pred, sample_weight)
        binary = len(labels.shape) == 1
        dominant = ops.cast(labels > 0.5, "int32") if binary else ops.argmax(labels, axis=-1)
        return super().compute_metrics(x, dominant, probabilities, weights)


def _mix(y: Any, y_pred: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Probabilities [b, classes or 1], labels [b, classes] or [b], and weights [b] or None."""
    shares = None
    if isinstance(y_pred, dict):
        y_pred, shares = y_pred["probabilities"], y_pred["shares"]
    classes = y_pred.shape[-1]
    labels = ops.cast(y, "float32") if classes == 1 else ops.one_hot(y, classes)
    if shares is None:
        return y_pred, labels, weights
    mixed_weights = None if weights is None else ops.matmul(shares, weights)
    return y_pred, ops.matmul(shares, labels), mixed_weights
