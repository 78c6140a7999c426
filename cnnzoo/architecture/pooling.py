"""The same network, so that it trains faster or trains at all: what may be left out goes first.

ReLU never changes which value of a window is the largest, so max-pooling before it gives the same
outputs and the same gradients to the last bit, and ReLU has a fourth of the values to see, or fewer
(`scripts/benchmarks/pooling.py`).

A 1x1 convolution with strides sees every second value or fewer. With less than 16 input channels
its gradient writes beyond its memory in the oneDNN that TensorFlow 2.21 runs on x86 processors: a
crash, or wrong weights (https://github.com/uxlfoundation/oneDNN/issues/6035). Leaving those values
out first is the same function, and safe.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cnnzoo.architecture.arguments import pair
from cnnzoo.architecture.layers import Architecture, Layer

_POOLING = "MaxPooling2D"
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")
_RELU = "relu"
_SAFE_CHANNELS = 16


def pooled_first(architecture: Architecture) -> Architecture:
    """The architecture with every max-pooling before the ReLU that it followed.

    Layers with weights keep their order and their weights.
    """
    return replace(architecture, layers=_pooled_first(architecture.layers))


def _pooled_first(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    found: list[Layer] = []
    for layer in layers:
        layer = replace(layer, branches=tuple(map(_pooled_first, layer.branches)))
        split = _split(found[-1]) if found and layer.name == _POOLING else None
        if split is None:
            found.append(layer)
        else:
            linear, relu = split
            found[-1:] = [*linear, layer, replace(relu, input_shape=layer.output_shape)]
            found[-1] = replace(found[-1], output_shape=layer.output_shape)
    return tuple(found)


def _split(layer: Layer) -> tuple[list[Layer], Layer] | None:
    """What a layer does before its ReLU, and that; None where it does not end in a ReLU."""
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


def sampled_first(architecture: Architecture) -> Architecture:
    """The architecture without 1x1 convolutions that have strides and few input channels.

    Layers with weights keep their order and their weights.
    """
    return replace(architecture, layers=_sampled_first(architecture.layers))


def _sampled_first(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    found: list[Layer] = []
    for layer in layers:
        found += _sample(replace(layer, branches=tuple(map(_sampled_first, layer.branches))))
    return tuple(found)


def _sample(layer: Layer) -> list[Layer]:
    """A max-pooling of one value and the convolution of what is left, where that is needed."""
    if layer.name != "Conv2D" or layer.input_shape[-1] >= _SAFE_CHANNELS:
        return [layer]
    strides = pair(layer.arguments, "strides", 1)
    if strides == (1, 1) or pair(layer.arguments, "kernel_size") != (1, 1):
        return [layer]
    sampled = (*layer.output_shape[:2], layer.input_shape[2])
    arguments = {"pool_size": 1, "strides": strides}
    pooling = Layer(_POOLING, arguments, layer.input_shape, sampled, place=layer.place)
    arguments = {**layer.arguments, "strides": 1}
    return [pooling, replace(layer, arguments=arguments, input_shape=sampled)]
