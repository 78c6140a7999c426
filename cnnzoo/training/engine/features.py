"""Features: the outputs of the frozen layers at the start of a model, computed once per training.

If all layers before the first one that trains are deterministic, they give the same features for an
image in every epoch. Their features replace the images, and only the other layers run in the steps.
A frozen BatchNormalization uses its moving statistics, so it is deterministic. Imported only after
Keras is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from cnnzoo.limits import size_text
from cnnzoo.training.devices import ALL
from cnnzoo.training.engine.batches import EVALUATION_BATCH, Batches
from cnnzoo.training.engine.variables import FROZEN, Values, assign_group
from cnnzoo.training.job import Job

MOST_BYTES = 2**31  # of the features of a training, in memory


def frozen_base(model: Any) -> Any:
    """Return a model of the layers before the first one that trains, with the same weights.

    Returns None if they are not deterministic or have no weights.
    """
    frozen = model.layers[: _first_changing(model)]
    if not any(layer.weights for layer in frozen):
        return None
    return keras.Sequential([keras.Input(model.input_shape[1:]), *frozen], name="frozen")


def _first_changing(model: Any) -> int:
    """Return the number of the first layer whose output for an image can change."""
    for number, layer in enumerate(model.layers):
        if not all(map(_is_fixed, layer._flatten_layers())):
            return number
    return len(model.layers)


def _is_fixed(layer: Any) -> bool:
    """Return whether a layer, without its inner layers, always has the same output for an input."""
    if any(isinstance(value, keras.random.SeedGenerator) for value in vars(layer).values()):
        return False  # draws random numbers, such as Dropout
    if isinstance(layer, keras.layers.SpectralNormalization):
        return False  # updates a vector even if it is frozen
    if isinstance(layer, keras.layers.BatchNormalization):
        return not layer.trainable
    return not layer.trainable_weights


def why_not(job: Job, base: Any) -> str | None:
    """Return the reason to run the frozen layers in every step, or None."""
    if job.data.augment:
        return "data.augment changes the images in each epoch"
    if job.config.training.devices == ALL:
        return "training.devices is all"
    count = sum(len(job.dataset.splits[split]) for split in ("train", "validation"))
    size = 4 * count * math.prod(base.output_shape[1:])
    if size > MOST_BYTES:
        return f"they take {size_text(size)}; the limit is {size_text(MOST_BYTES)}"
    return None


def with_features(
    base: Any, batches: Batches, values: Values | None, check: Callable[[], None]
) -> Batches:
    """Return batches with the features float32 [n, …] of the images.

    `values` are those of a checkpoint, None for a new training. `check` is called between batches
    of examples and may raise.
    """
    if values is not None:
        assign_group(FROZEN, base, values)
    images, count = batches.examples.images, len(batches.examples)
    features = np.empty((count, *base.output_shape[1:]), np.float32)
    for start in range(0, count, EVALUATION_BATCH):
        check()
        stop = start + EVALUATION_BATCH
        features[start:stop] = base.predict_on_batch(images[start:stop])
    return batches.with_images(features)
