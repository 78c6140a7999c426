"""The same network with less to compute: the largest value first, then ReLU of what is left.

ReLU never changes which value of a window is the largest, so max-pooling before it gives the same
outputs and the same gradients to the last bit, and ReLU has a fourth of the values to see, or fewer
(`scripts/benchmarks/pooling.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cnnzoo.architecture.layers import Architecture, Layer

_POOLING = "MaxPooling2D"
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose")
_RELU = "relu"


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
