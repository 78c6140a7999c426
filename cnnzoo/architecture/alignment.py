"""Align the layers of two architectures."""

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
    """A layer before and after; one of the two is None if it was added or removed."""

    before: Placed | None
    after: Placed | None

    @property
    def kind(self) -> str:
        """`equal`, `added`, `removed`, or `changed`: in its arguments, its output or its size.

        A composite changes only with its own arguments or output; the layers inside it are separate
        pairs.
        """
        if self.before is None or self.after is None:
            return "added" if self.before is None else "removed"
        return "equal" if _content(self.before) == _content(self.after) else "changed"


def align(before: Sequence[Layer], after: Sequence[Layer]) -> tuple[Pair, ...]:
    """Return the layers of two architectures in pairs, including those inside composites.

    Every layer is in one pair, in order. Of two alignments, the one with fewer changed layers is
    returned. The first matches equal layers before the others, which suits an inserted layer; the
    second matches class names only, which suits a wider network.
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
    """Pair layers of equal key; align the layers between them by the remaining keys."""
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
