"""Layers of the classic texts that Keras lacks, each written out as plain Keras layers.

One takes an entry in `cnnzoo.config.composites` and a line in `_MACROS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cnnzoo.config.calls import Call
from cnnzoo.config.expressions import Expression


def spelled_out(call: Call) -> tuple[Call, ...]:
    """The plain layers that a call stands for: itself, unless it is one of these."""
    macro = _MACROS.get(call.name)
    return macro(call) if macro and call.namespace == "layers" else (call,)


def _sum_pooling(call: Call) -> tuple[Call, ...]:
    """A sum is the average times the number of values in the window."""
    pool_size = call.arguments.get("pool_size", 2)
    sides = pool_size if isinstance(pool_size, tuple) else (pool_size, pool_size)
    arguments = {"pool_size": pool_size, **call.arguments}
    average = replace(call, name="AveragePooling2D", arguments=arguments)
    return average, replace(call, name="Rescaling", arguments={"scale": _product(*sides)})


def _product(first: Any, second: Any) -> Any:
    if isinstance(first, int) and isinstance(second, int):
        return float(first * second)
    place = next(side.place for side in (first, second) if isinstance(side, Expression))
    return Expression(f"${{{_factor(first)} * {_factor(second)}}}", place)


def _factor(side: Any) -> str:
    """A side of a window inside arithmetic: `$k` and `${k + 1}` without their dollar."""
    return f"({str(side).removeprefix('$').removeprefix('{').removesuffix('}')})"


_MACROS: dict[str, Callable[[Call], tuple[Call, ...]]] = {"SumPooling2D": _sum_pooling}
