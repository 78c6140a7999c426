"""The memory that a Keras model needs to compute with one image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from cnnzoo import limits
from cnnzoo.errors import RunError

_BYTES = 4  # of a float32 value


def largest_output(model: Any) -> tuple[str, int]:
    """Return the layer of a Keras model with the largest output, and its bytes for one image."""
    return max(_outputs(model), key=lambda output: output[1], default=("", 0))


def check_activations(model: Any, where: str) -> None:
    """Raise RunError if one image does not fit `limits.ACTIVATION_BYTES` in a layer of a model."""
    name, size = largest_output(model)
    if size > limits.ACTIVATION_BYTES:
        raise RunError(
            f"{where} takes too much memory: one image is {limits.size_text(size)} after the "
            f"layer {name!r}; the limit is {limits.size_text(limits.ACTIVATION_BYTES)}"
        )


def images_at_once(model: Any, most: int) -> int:
    """Return how many images, `most` at most, fit `limits.BATCH_BYTES` in a model; a power of 2."""
    fitting = limits.BATCH_BYTES // max(1, largest_output(model)[1])
    return min(most, 1 << max(1, fitting).bit_length() - 1)


def _outputs(model: Any, above: str = "") -> Iterator[tuple[str, int]]:
    """Each operation of a Keras model with the bytes of its output, of those in others too."""
    for operation in getattr(model, "operations", None) or model.layers:
        path = above + operation.name
        for node in operation._inbound_nodes:
            for tensor in node.output_tensors:
                yield path, _BYTES * math.prod(size or 1 for size in tensor.shape[1:])
        if hasattr(operation, "layers"):
            yield from _outputs(operation, f"{path}/")
