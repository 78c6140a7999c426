"""What the classic texts use and Keras lacks, each written out in plain Keras.

One takes an entry in `cnnzoo.config.composites` and a line in `_MACROS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cnnzoo.config.calls import Call
from cnnzoo.config.composites import SCHEDULES
from cnnzoo.config.expressions import Expression


def spelled_out(call: Call) -> tuple[Call, ...]:
    """The plain Keras classes that a call stands for: itself, unless it is one of these."""
    macro = _MACROS.get((call.namespace, call.name))
    return macro(call) if macro else (call,)


def _sum_pooling(call: Call) -> tuple[Call, ...]:
    """A sum is the average times the number of values in the window."""
    pool_size = call.arguments.get("pool_size", 2)
    sides = pool_size if isinstance(pool_size, tuple) else (pool_size, pool_size)
    arguments = {"pool_size": pool_size, **call.arguments}
    average = replace(call, name="AveragePooling2D", arguments=arguments)
    return average, replace(call, name="Rescaling", arguments={"scale": _product(*sides)})


def _warmup_and_cosine(call: Call) -> tuple[Call, ...]:
    """A straight line up, then half a cosine down, over all steps of the training."""
    entry = SCHEDULES[call.name]
    defaults = {name: argument.default for name, argument in entry.arguments.items()}
    given = {**defaults, **call.arguments}
    warmup = f"round(steps * {_factor(given['warmup'])})"
    arguments = {
        "initial_learning_rate": _product(given["learning_rate"], given["initial"]),
        "decay_steps": Expression(f"${{max(1, steps - {warmup})}}", call.place),
        "alpha": given["alpha"],
        "warmup_target": given["learning_rate"],
        "warmup_steps": Expression(f"${{{warmup}}}", call.place),
    }
    return (replace(call, name="CosineDecay", arguments=arguments),)


def _product(first: Any, second: Any) -> Any:
    place = next((side.place for side in (first, second) if isinstance(side, Expression)), None)
    if isinstance(first, Expression) or isinstance(second, Expression):
        return Expression(f"${{{_factor(first)} * {_factor(second)}}}", place)
    return float(first * second)


def _factor(value: Any) -> str:
    """A value inside arithmetic: `$k` and `${k + 1}` without their dollar."""
    return f"({str(value).removeprefix('$').removeprefix('{').removesuffix('}')})"


_MACROS: dict[tuple[str, str], Callable[[Call], tuple[Call, ...]]] = {
    ("layers", "SumPooling2D"): _sum_pooling,
    ("schedules", "one_cycle"): _warmup_and_cosine,
    ("schedules", "warmup_cosine"): _warmup_and_cosine,
}
