"""Names of layers, as Keras gives them, and the paths of those within others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any


def namer() -> Callable[[str], str]:
    """Keras' own way to name layers, counted from the start of the model: conv2d, conv2d_1."""
    used: Counter[str] = Counter()

    def name_of(class_name: str) -> str:
        word = snake_case(class_name)
        used[word] += 1
        return word if used[word] == 1 else f"{word}_{used[word] - 1}"

    return name_of


def is_automatic(name: str, class_name: str) -> bool:
    """Whether a layer has a name as Keras gives it: conv2d, conv2d_1."""
    return re.fullmatch(rf"{snake_case(class_name)}(_\d+)?", name) is not None


def every_layer(model: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Each layer of a Keras model, before those in it, with its path: resnet50/conv1_conv."""
    for layer in model.layers:
        path = above + layer.name
        yield path, layer
        if hasattr(layer, "layers"):
            yield from every_layer(layer, f"{path}/")


def snake_case(class_name: str) -> str:
    """`max_pooling2d` for MaxPooling2D."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
