"""Notes on the assumptions about a Keras model that cnnzoo did not write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Layers and operations that scale or shift the pixels before the first weights.
_SCALING = frozenset(
    [
        "BatchNormalization",
        "Divide",
        "LayerNormalization",
        "Multiply",
        "Normalization",
        "Rescaling",
        "Subtract",
        "TrueDivide",
    ]
)
MAX_CLASSES = 100  # in the argument that renames them


def scaling_note(model: Any, path: Path) -> str:
    """Return a note if nothing scales the pixels before the first weights, else an empty string."""
    for layer in _layers(model):
        if type(layer).__name__ in _SCALING:
            return ""
        if layer.weights:
            break
    shape = ", ".join(map(str, model.input_shape[1:]))
    return (
        f"{path} does not rescale its input, so it gets pixels from 0 to 255. If it was trained on "
        f"0 to 1, add the layer in Keras: keras.Sequential([keras.Input(({shape})), "
        "keras.layers.Rescaling(1 / 255), model]).save('rescaled.keras')"
    )


def names_note(path: Path) -> str:
    """Return the note on a model without class names."""
    return f"{path} does not name its classes; they are called 0, 1, …"


def order_note(class_names: tuple[str, ...]) -> str:
    """Return a note if Keras orders numeric class folders in another way, else an empty string.

    `keras.utils.image_dataset_from_directory` sorts folders as text: 0, 1, 10, 2.
    """
    numbers = sorted(class_names, key=lambda name: (len(name), name))
    as_text = sorted(class_names)
    if not all(name.isdecimal() for name in class_names) or numbers == as_text:
        return ""
    renamed = {name: numbers[place] for place, name in enumerate(as_text)}
    words = f"classes={json.dumps(renamed)}" if len(renamed) <= MAX_CLASSES else "classes={…}"
    return (
        "the outputs are taken in numeric order of the classes. Keras' "
        "image_dataset_from_directory orders folders as text (0, 1, 10, 2); if the model was "
        f"trained with it, add --data '{words}'"
    )


def _layers(model: Any) -> Iterator[Any]:
    """Yield the layers of a model and of the models inside it, in order."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer
