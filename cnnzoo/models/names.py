"""Paths of the layers of a Keras model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def every_layer(model: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each layer of a Keras model with its path, before those in it: resnet50/conv1_conv."""
    for layer in model.layers:
        path = above + layer.name
        yield path, layer
        if hasattr(layer, "layers"):
            yield from every_layer(layer, f"{path}/")
