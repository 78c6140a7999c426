"""Two architectures side by side: which layer of one is which of the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from cnnzoo.architecture.layers import Layer
from cnnzoo.config.calls import written


@dataclass(frozen=True, slots=True)
class Placed:
    """A layer, its number from 1 in the order of `walk`, and the branches that it is inside."""

    number: int
    branches: tuple[int, ...]
    layer: Layer

    def arguments(self) -> dict[str, Any]:
        """Its arguments as plain values."""
        arguments: dict[str, Any] = written(self.layer.arguments)
        return arguments


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer before and after; one of the two is None where it was added or removed."""

    before: Placed | None
    after: Placed | None

    @property
    def kind(self) -> str:
        """`equal`, `added`, `removed`, or `changed`: in its arguments, its output or its size.

        A composite changes with its own arguments or output only; the layers inside it are pairs
        of their own.
        """
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        return "equal" if _content(self.before) == _content(self.after) else "changed"


def align(before: Sequence[Layer], after: Sequence[Layer]) -> tuple[Pair, ...]:
    """The layers of two architectures in pairs, those inside composites too.

    Every layer is in one pair, in order. Of two ways to align them the one that changes fewer
    layers is taken: that which first looks for equal layers, which an inserted layer leaves
    aligned, and that by names alone, which finds each layer of a wider network in its place.
    """
    one, other = list(_placed(before)), list(_placed(after))
    ways = [_aligned(one, other, keys) for keys in ((_arguments, _name), (_name,))]
    return min(ways, key=lambda pairs: sum(pair.kind != "equal" for pair in pairs))


def _placed(layers: Sequence[Layer]) -> Iterator[Placed]:
    for number, (branches, layer) in enumerate(_walk(layers, ()), 1):
        yield Placed(number, branches, layer)


def _walk(
    layers: Sequence[Layer], branches: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], Layer]]:
    for layer in layers:
        yield branches, layer
        for number, branch in enumerate(layer.branches):
            yield from _walk(branch, (*branches, number))


def _aligned(
    one: Sequence[Placed], other: Sequence[Placed], keys: Sequence[Callable[[Placed], Any]]
) -> tuple[Pair, ...]:
    """Pairs of equal key; what is left between them is aligned by the keys that follow."""
    if not keys:
        removed = [Pair(placed, None) for placed in one]
        return (*removed, *(Pair(None, placed) for placed in other))
    key, *rest = keys
    matcher = SequenceMatcher(None, [*map(key, one)], [*map(key, other)], autojunk=False)
    pairs: list[Pair] = []
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        here, there = one[start:end], other[other_start:other_end]
        if tag == "equal":
            pairs += map(Pair, here, there)
        else:
            pairs += _aligned(here, there, rest)
    return tuple(pairs)


def _name(placed: Placed) -> tuple[Any, ...]:
    return placed.branches, placed.layer.name


def _arguments(placed: Placed) -> tuple[Any, ...]:
    return *_name(placed), json.dumps(placed.arguments(), sort_keys=True, default=str)


def _content(placed: Placed) -> tuple[Any, ...]:
    layer = placed.layer
    size = () if layer.branches else (layer.trainable, layer.non_trainable)
    return *_arguments(placed), layer.output_shape, size
