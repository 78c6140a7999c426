"""Convert the description of a channels-first model to channels-last images.

A layer that reads channels first, `data_format: channels_first`, becomes one that reads them last,
and the axis of a normalization or concatenation moves with it. Only plain values are changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

FIRST, LAST = "channels_first", "channels_last"

# Layers that use channels first to crop or pad the channels of channels-last images.
_TRICKS = ("Cropping2D", "ZeroPadding2D")
# Layers whose arguments depend on the order of all axes.
_ORDERED = ("Permute", "Reshape", "RandomCrop", "Resizing", "CenterCrop")


class MixedError(Exception):
    """A model whose channels-first layers cannot be converted; the message names the layer."""


def to_channels_last(described: dict[str, Any]) -> bool:
    """Convert the description of a channels-first model in place; return whether it is one.

    A model is channels-first if a layer other than a crop or a padding is. Raises MixedError if
    other layers are channels-last, or depend on the order of axes.
    """
    layers = list(_layers(described))
    first = [layer for layer in layers if layer["config"].get("data_format") == FIRST]
    if not any(layer["class_name"] not in _TRICKS for layer in first):
        return False
    for layer in layers:
        _convert(layer)
    for layer in layers:
        config = layer["config"]
        for holder, key in ((config, "batch_shape"), (config, "build_input_shape")):
            if _is_image(shape := holder.get(key)):
                holder[key] = [shape[0], *shape[2:], shape[1]]
    return True


def _convert(layer: dict[str, Any]) -> None:
    kind, config = layer["class_name"], layer["config"]
    name = f"the layer {config.get('name')!r} ({kind})"
    if config.get("data_format") == LAST and kind != "Flatten":
        raise MixedError(f"{name} is channels-last, and others are channels-first")
    if kind in _ORDERED:
        raise MixedError(f"{name} depends on the order of height, width and channels")
    if "data_format" in config:
        config["data_format"] = LAST
    if "axis" not in config:
        return
    axes = config["axis"] if isinstance(config["axis"], list) else [config["axis"]]
    shape = (layer.get("build_config") or {}).get("input_shape")
    shape = shape[0] if shape and isinstance(shape[0], list) else shape
    if axes in ([1], [-3]):
        config["axis"] = -1
    elif not isinstance(shape, list) or len(shape) == 4:
        raise MixedError(f"{name} works along axis {config['axis']}, not along channels")
    layer.pop("build_config", None)  # its shapes are those of channels-first images


def _layers(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every layer and model in a description, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict):
            yield value
        for part in value.values():
            yield from _layers(part)
    elif isinstance(value, list):
        for part in value:
            yield from _layers(part)


def _is_image(shape: Any) -> bool:
    return isinstance(shape, list) and len(shape) == 4
