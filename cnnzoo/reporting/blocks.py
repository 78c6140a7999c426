"""Layers → boxes, forks and repeats of a graph, without positions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.architecture.layers import Layer, title
from cnnzoo.reporting.stages import OTHER, kind_of

_LONGEST_PERIOD = 12  # of layers that repeat


@dataclass(frozen=True, slots=True)
class Box:
    """One layer, with the normalisations and activations after it that keep its shape."""

    name: str
    followers: tuple[str, ...]
    shape: str
    colour: str


@dataclass(frozen=True, slots=True)
class Fork:
    """Branches side by side and their merge; an empty branch is the identity."""

    branches: tuple[tuple[Block, ...], ...]
    merge: str
    shape: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """Blocks that repeat `times` times, equal except for the number of channels."""

    blocks: tuple[Block, ...]
    times: int
    shape: str


Block = Box | Fork | Repeated


def blocks_of(layers: Sequence[Layer]) -> tuple[Block, ...]:
    """Return the blocks of layers; repeated ones occur once."""
    drawn: list[Block] = []
    at = 0
    while at < len(layers):
        # An activation belongs to the layer before it and does not start a repetition.
        starts = not (drawn and _keeps_shape(layers[at]))
        period, times = _repetition(layers[at:]) if starts else (1, 1)
        if _ends_in_a_box(layers, at + period * times):
            times = max(1, times - 1)
        if times == 1:
            period = 1
        end = at + period * times
        if times > 1:
            shape = shape_text(layers[end - 1].output_shape)
            drawn.append(Repeated(blocks_of(layers[at : at + period]), times, shape))
        elif layers[at].branches:
            drawn.append(_fork(layers[at]))
        else:
            while end < len(layers) and _keeps_shape(layers[end]):
                end += 1
            drawn.append(_box(layers[at:end]))
        at = end
    return tuple(drawn)


def _repetition(layers: Sequence[Layer]) -> tuple[int, int]:
    """Return the period and count of the longest repetition that starts at the first layer.

    Two activations in a row are not a repetition: it contains a layer of a known kind.
    """
    signs = [_signature(layer) for layer in layers[: 2 * _LONGEST_PERIOD]]
    best = (1, 1)
    for period in range(1, min(_LONGEST_PERIOD, len(layers) // 2) + 1):
        if signs[:period] != signs[period : 2 * period]:
            continue
        if all(kind_of(layer) == OTHER for layer in layers[:period]):
            continue
        times = 2
        while _alike(layers, period, times):
            times += 1
        if period * times > best[0] * best[1]:
            best = (period, times)
    return best


def _alike(layers: Sequence[Layer], period: int, times: int) -> bool:
    following = layers[period * times : period * (times + 1)]
    return len(following) == period and all(
        _signature(a) == _signature(b) for a, b in zip(layers, following, strict=False)
    )


def _signature(layer: Layer) -> Hashable:
    """Return what layers of a repetition share: everything but channels and weights."""
    shape = layer.output_shape
    size = shape[:-1] if len(shape) > 1 else shape
    return (
        title(layer.name, layer.arguments),
        size,
        tuple(tuple(map(_signature, branch)) for branch in layer.branches),
    )


def _ends_in_a_box(layers: Sequence[Layer], end: int) -> bool:
    """Whether the layer at `end` is drawn in the box of the previous one."""
    return end < len(layers) and _keeps_shape(layers[end]) and not layers[end - 1].branches


def _keeps_shape(layer: Layer) -> bool:
    return kind_of(layer) == OTHER and layer.output_shape == layer.input_shape


def _box(layers: Sequence[Layer]) -> Box:
    names = [title(layer.name, layer.arguments) for layer in layers]
    shape = shape_text(layers[-1].output_shape)
    return Box(names[0], tuple(names[1:]), shape, kind_of(layers[0])[1])


def _fork(layer: Layer) -> Fork:
    merge = "add" if layer.name == "Residual" else str(layer.arguments["merge"])
    return Fork(tuple(map(blocks_of, layer.branches)), merge, shape_text(layer.output_shape))
