"""Geometric augmentations of Keras as one resampling of each image.

Each of Keras' layers for rotation, translation, zoom and shear interpolates the image again: three
of them blur it three times and take three times as long. The maps that they draw compose into one
map, for one interpolation.

Imported only after Keras is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import keras
from keras import layers, ops

# Layers that interpolate have these settings in common if they can be one resampling.
_SETTINGS = ("fill_mode", "fill_value", "interpolation", "data_format")


class Resampling(keras.layers.Layer):  # type: ignore[misc]
    """Apply consecutive geometric augmentations of Keras with one interpolation.

    The layers draw the same random numbers as when they are called one after the other, and the
    result differs in two ways: it is sharper, and a pixel from outside of the image is filled once,
    by the position after all maps, not after each. Images [b, height, width, channels] of any
    dtype become float32.
    """

    def __init__(self, augmentations: Sequence[Any]) -> None:
        """`augmentations` are layers that `resampled_once` grouped; at least one interpolates."""
        super().__init__(dtype="float32")
        self.augmentations = list(augmentations)
        settings = next(filter(None, map(_settings, augmentations)))
        self.settings = dict(zip(_SETTINGS, settings, strict=True))

    def build(self, input_shape: Any) -> None:
        """Mark the layers, which have no weights, as built."""
        for layer in self.augmentations:
            layer.build(input_shape)

    def call(self, images: Any, training: Any = None) -> Any:
        """Return the resampled images in training, and unchanged ones outside of it."""
        if not training:
            return images
        count, height, width, _ = ops.shape(images)
        total = ops.broadcast_to(ops.eye(3), (count, 3, 3))
        for layer in self.augmentations:
            drawn = layer.get_random_transformation(images, training=True)
            rows = _MAPS[type(layer)](layer, drawn, float(height), float(width))
            # A pixel of the result is looked up by the last layer first.
            total = ops.matmul(total, _matrices(rows, count))
        flat = ops.reshape(total, (count, 9))[:, :8]
        return ops.image.affine_transform(images, flat, **self.settings)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the images, which does not change."""
        return input_shape


def resampled_once(augmentations: Sequence[Any]) -> list[Any]:
    """Return augmentations with each row of geometric ones that agree in `Resampling`.

    Rows in which fewer than two layers interpolate stay as they are: a flip alone is cheaper.
    """
    found: list[Any] = []
    for geometric, row in groupby(augmentations, lambda layer: type(layer) in _MAPS):
        if geometric:
            for group in _agreeing(list(row)):
                interpolating = [layer for layer in group if _settings(layer)]
                found += [Resampling(group)] if len(interpolating) > 1 else group
        else:
            found += row
    return found


def _agreeing(row: Sequence[Any]) -> list[list[Any]]:
    """Split a row of geometric layers where the settings of the interpolation change."""
    groups: list[list[Any]] = []
    current = None
    for layer in row:
        settings = _settings(layer)
        if not groups or (settings and current and settings != current):
            groups.append([])
            current = None
        groups[-1].append(layer)
        current = settings or current
    return groups


def _settings(layer: Any) -> tuple[Any, ...] | None:
    """The settings of an interpolation; None for a flip, which does not interpolate."""
    if isinstance(layer, layers.RandomFlip):
        return None
    return tuple(getattr(layer, name) for name in _SETTINGS)


def _matrices(rows: Sequence[Any], count: Any) -> Any:
    """Stack the six coefficients of affine maps, each [b] or a number, to [b, 3, 3]."""
    full = [ops.broadcast_to(ops.cast(value, "float32"), (count,)) for value in (*rows, 0, 0, 1)]
    return ops.reshape(ops.stack(full, axis=1), (count, 3, 3))


# Each function returns the coefficients (a, b, c, d, e, f) of the map from a pixel (x, y) of the
# result to the pixel (a x + b y + c, d x + e y + f) of the image, as the Keras layer of that name
# computes it from the numbers that it draws.


def _flip(layer: Any, drawn: Any, height: float, width: float) -> tuple[Any, ...]:
    flips = ops.cast(ops.reshape(drawn["flips"], (-1,)), "float32")
    across = flips if "horizontal" in layer.mode else 0 * flips
    down = flips if "vertical" in layer.mode else 0 * flips
    return 1 - 2 * across, 0, across * (width - 1), 0, 1 - 2 * down, down * (height - 1)


def _rotation(layer: Any, drawn: Any, height: float, width: float) -> tuple[Any, ...]:
    return tuple(drawn["rotation_matrix"][:, i] for i in range(6))


def _translation(layer: Any, drawn: Any, height: float, width: float) -> tuple[Any, ...]:
    right, down = drawn["translations"][:, 0], drawn["translations"][:, 1]
    return 1, 0, -right, 0, 1, -down


def _zoom(layer: Any, drawn: Any, height: float, width: float) -> tuple[Any, ...]:
    across, down = drawn["width_zoom"][:, 0], drawn["height_zoom"][:, 0]
    return across, 0, (1 - across) * (width - 1) / 2, 0, down, (1 - down) * (height - 1) / 2


def _shear(layer: Any, drawn: Any, height: float, width: float) -> tuple[Any, ...]:
    across, down = drawn["shear_factor"][:, 0], drawn["shear_factor"][:, 1]
    return 1, across, 0, down, 1, 0


_MAPS: dict[type, Callable[[Any, Any, float, float], tuple[Any, ...]]] = {
    layers.RandomFlip: _flip,
    layers.RandomRotation: _rotation,
    layers.RandomTranslation: _translation,
    layers.RandomZoom: _zoom,
    layers.RandomShear: _shear,
}
