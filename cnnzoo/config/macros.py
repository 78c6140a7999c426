"""Composites and schedules that Keras lacks, written out as plain Keras classes.

To add one, add an entry to `cnnzoo.config.composites` and a line to `_MACROS`. The calls may
contain expressions over the shape variables; they are evaluated for the input of the first call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cnnzoo.config.calls import Call, Item
from cnnzoo.config.composites import SCHEDULES
from cnnzoo.config.expressions import Expression
from cnnzoo.errors import ConfigError


def spelled_out(call: Call) -> tuple[Call, ...]:
    """Return the plain Keras calls that replace a call; by default the call itself."""
    macro = _MACROS.get((call.namespace, call.name))
    return macro(call) if macro else (call,)


def _sum_pooling(call: Call) -> tuple[Call, ...]:
    """Multiply the average by the number of values in the window."""
    pool_size = call.arguments.get("pool_size", 2)
    sides = pool_size if isinstance(pool_size, tuple) else (pool_size, pool_size)
    arguments = {"pool_size": pool_size, **call.arguments}
    average = replace(call, name="AveragePooling2D", arguments=arguments)
    return average, replace(call, name="Rescaling", arguments={"scale": _product(*sides)})


def _slice_channels(call: Call) -> tuple[Call, ...]:
    """Crop the last axis: to Keras, channels_first makes it the width."""
    cropping = ((0, 0), (call.arguments["before"], call.arguments.get("after", 0)))
    arguments = {"cropping": cropping, "data_format": "channels_first"}
    return (replace(call, name="Cropping2D", arguments=arguments),)


def split_channels(call: Call) -> tuple[tuple[Item, ...], ...]:
    """Return the branches of a SplitChannels, each of which begins with its channels."""
    branches, sizes = call.arguments["branches"], call.arguments.get("sizes")
    count = len(branches)
    if isinstance(sizes, Expression):  # resolving evaluates it; a script cannot
        raise ConfigError(
            "a script cannot divide channels by sizes from an expression",
            place=call.place,
            hint="write the sizes as a list, such as [16, $rest]",
        )
    if sizes is None:
        sizes = (Expression(f"${{channels // {count}}}", call.place),) * count
    sums = ["0"]
    for size in sizes:
        sums.append(f"{sums[-1]} + {_factor(size)}" if len(sums) > 1 else _factor(size))
    paths = []
    for number, branch in enumerate(branches):
        before = Expression(f"${{{sums[number]}}}", call.place)
        after = Expression(f"${{channels - ({sums[number + 1]})}}", call.place)
        arguments = {"before": before if number else 0, "after": after if number < count - 1 else 0}
        sliced = _slice_channels(replace(call, name="SliceChannels", arguments=arguments))
        paths.append((*sliced, *branch))
    return tuple(paths)


def _shuffle_channels(call: Call) -> tuple[Call, ...]:
    """Exchange the axes of [groups, channels per group] (Zhang et al., arXiv:1707.01083)."""
    groups = call.arguments["groups"]
    height, width, channels = (
        Expression(f"${name}", call.place) for name in ("height", "width", "channels")
    )
    each = Expression(f"${{channels // {_factor(groups)}}}", call.place)
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("Reshape", {"target_shape": (height, width, groups, each)}),
        ("Permute", {"dims": (1, 2, 4, 3)}),
        ("Reshape", {"target_shape": (height, width, channels)}),
    )
    return tuple(replace(call, name=name, arguments=arguments) for name, arguments in steps)


def _warmup_and_cosine(call: Call) -> tuple[Call, ...]:
    """Rise linearly, then fall along half a cosine, over all steps of the training."""
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
    """Return a value as a part of an expression: `$k` and `${k + 1}` without their dollar."""
    return f"({str(value).removeprefix('$').removeprefix('{').removesuffix('}')})"


_MACROS: dict[tuple[str, str], Callable[[Call], tuple[Call, ...]]] = {
    ("layers", "ShuffleChannels"): _shuffle_channels,
    ("layers", "SliceChannels"): _slice_channels,
    ("layers", "SumPooling2D"): _sum_pooling,
    ("schedules", "one_cycle"): _warmup_and_cosine,
    ("schedules", "warmup_cosine"): _warmup_and_cosine,
}
