"""Reorder layers so that an equal network trains faster, or does not crash.

ReLU does not change which value of a window is the largest, so max-pooling before it gives the same
outputs and gradients to the last bit, and ReLU computes a fourth of the values, or fewer
(`scripts/benchmarks/pooling.py`).

A 1x1 convolution with strides uses every second value or fewer. With less than 16 input channels
its gradient writes beyond its memory in the oneDNN of TensorFlow 2.21 on x86 processors: a crash,
or wrong weights (https://github.com/uxlfoundation/oneDNN/issues/6035). Removing the unused values
first gives the same function without that bug.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from cnnzoo.architecture.arguments import pair
from cnnzoo.architecture.layers import Architecture, Layer

_POOLING = "MaxPooling2D"
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")
_RELU = "relu"
_SAFE_CHANNELS = 16


def pooled_first(architecture: Architecture) -> Architecture:
    """Return the architecture with every max-pooling before the ReLU that it followed.

    Layers with weights keep their order and their weights.
    """
    return replace(architecture, layers=_changed(architecture.layers, _add_pooled))


def sampled_first(architecture: Architecture) -> Architecture:
    """Return the architecture without 1x1 convolutions that have strides and few input channels.

    Layers with weights keep their order and their weights.
    """
    return replace(architecture, layers=_changed(architecture.layers, _add_sampled))


def _changed(
    layers: Iterable[Layer], add: Callable[[list[Layer], Layer], None]
) -> tuple[Layer, ...]:
    """Rebuild a list of layers with `add`, also inside branches."""
    found: list[Layer] = []
    for layer in layers:
        branches = tuple(_changed(branch, add) for branch in layer.branches)
        add(found, replace(layer, branches=branches))
    return tuple(found)


def _add_pooled(found: list[Layer], layer: Layer) -> None:
    split = _split(found[-1]) if found and layer.name == _POOLING else None
    if split is None:
        found.append(layer)
        return
    linear, relu = split
    shape = layer.output_shape
    found[-1:] = [*linear, layer, replace(relu, input_shape=shape, output_shape=shape)]


def _split(layer: Layer) -> tuple[list[Layer], Layer] | None:
    """Split a layer into the part before its final ReLU and the ReLU; None without one."""
    arguments = dict(layer.arguments)
    if layer.name == "ReLU" and set(arguments) <= {"name"}:
        return [], layer
    if arguments.get("activation") != _RELU or "activity_regularizer" in arguments:
        return None
    if layer.name == "Activation":
        return [], layer
    if layer.name not in _CONVOLUTIONS:
        return None
    del arguments["activation"]
    shape = layer.output_shape
    relu = Layer("Activation", {"activation": _RELU}, shape, shape, place=layer.place)
    return [replace(layer, arguments=arguments)], relu


def _add_sampled(found: list[Layer], layer: Layer) -> None:
    if not _is_unsafe(layer):
        found.append(layer)
        return
    sampled = (*layer.output_shape[:2], layer.input_shape[2])
    arguments = {"pool_size": 1, "strides": layer.arguments["strides"]}
    found.append(Layer(_POOLING, arguments, layer.input_shape, sampled, place=layer.place))
    arguments = {**layer.arguments, "strides": 1}
    found.append(replace(layer, arguments=arguments, input_shape=sampled))


def _is_unsafe(layer: Layer) -> bool:
    """Return whether a layer is a 1x1 convolution with strides and few input channels."""
    return (
        layer.name == "Conv2D"
        and layer.input_shape[-1] < _SAFE_CHANNELS
        and pair(layer.arguments, "kernel_size") == (1, 1)
        and pair(layer.arguments, "strides", 1) != (1, 1)
    )
