"""Read a layer's arguments: expand Keras' short forms, and refuse values that Keras refuses.

Messages continue a layer's name: `needs filters to be 1 or more, but it is 0`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cnnzoo.architecture.arithmetic import DoesNotFit, Pair, Shape, Window, shape_text

# A layer's keyword arguments by Keras' own names, already type-checked and evaluated. Required ones
# are present; missing ones have Keras' default.
Arguments = Mapping[str, Any]


def image(shape: Shape) -> tuple[int, int, int]:
    """Read height, width and channels of an input that must be an image."""
    if len(shape) != 3:
        raise DoesNotFit(
            f"needs an image (height, width, channels), but its input is {shape_text(shape)}",
            "move it before Flatten or global pooling, "
            "or put Reshape: {target_shape: [height, width, channels]} before it",
        )
    return shape[0], shape[1], shape[2]


def number(arguments: Arguments, name: str, default: int | None = None) -> int:
    """Read a count, such as `filters`; it is required without a default."""
    value: int = arguments[name] if default is None else arguments.get(name, default)
    _at_least(1, name, (value,), value)
    return value


def pair(arguments: Arguments, name: str, default: Any = None, *, least: int = 1) -> Pair:
    """Read height and width, written as one number or two, each at least `least`."""
    value = arguments[name] if default is None else arguments.get(name, default)
    return _pair(name, value, least)


def borders(arguments: Arguments, name: str, default: int) -> tuple[Pair, Pair]:
    """Read ((top, bottom), (left, right)), also written as (height, width) or as one number."""
    value = arguments.get(name, default)
    rows, columns = (value, value) if isinstance(value, int) else _two(name, value)
    return _pair(name, rows, 0), _pair(name, columns, 0)


def choice(arguments: Arguments, name: str, default: str, known: Collection[str]) -> str:
    """Read one of the known words."""
    value: str = arguments.get(name, default)
    if value not in known:
        raise DoesNotFit(f"needs {name} to be one of {', '.join(known)}, but it is {value!r}")
    return value


def convolution_window(arguments: Arguments) -> Window:
    """Read the window of a convolution."""
    padding = str(arguments.get("padding", "valid")).lower()  # Keras takes SAME in convolutions
    return Window(
        pair(arguments, "kernel_size"),
        pair(arguments, "strides", 1),
        choice({"padding": padding}, "padding", "valid", ("valid", "same")),
        pair(arguments, "dilation_rate", 1),
    )


def pooling_window(arguments: Arguments) -> Window:
    """Read the window of a pooling, whose strides are its size unless given."""
    pool_size = pair(arguments, "pool_size", 2)
    strides = arguments.get("strides")
    return Window(
        pool_size,
        pool_size if strides is None else _pair("strides", strides, 1),
        choice(arguments, "padding", "valid", ("valid", "same")),
    )


def axes(arguments: Arguments, shape: Shape) -> list[int]:
    """Read `axis` as positions in (batch, *shape): 0 is the batch, 1 the first of `shape`."""
    axis = arguments.get("axis", -1)
    rank = len(shape) + 1
    given: Sequence[int] = [axis] if isinstance(axis, int) else ([] if axis is None else axis)
    for position in given:
        if not -rank <= position < rank:
            raise DoesNotFit(
                f"axis {position} does not exist in its input of {shape_text(shape)}",
                "axes count from 1 (0 is the batch); -1 is the last, the channels of an image",
            )
    positions = [position % rank for position in given]
    if len(set(positions)) < len(positions):
        raise DoesNotFit(f"axis {list(given)} names the same axis of {shape_text(shape)} twice")
    return positions


def axis_sizes(arguments: Arguments, shape: Shape) -> list[int]:
    """Read the sizes along `axis`, which must not include the batch."""
    positions = axes(arguments, shape)
    if 0 in positions:
        raise DoesNotFit(
            "axis 0 is the batch, which has no fixed size", "-1 is the channels of an image"
        )
    return [shape[position - 1] for position in positions]


def _pair(name: str, value: Any, least: int) -> Pair:
    first, second = (value, value) if isinstance(value, int) else _two(name, value)
    _at_least(least, name, (first, second), value)
    return first, second


def _two(name: str, value: Sequence[Any]) -> tuple[Any, Any]:
    if len(value) != 2:
        raise DoesNotFit(
            f"needs {name} as one number or two (height, width), but it is {list(value)}"
        )
    return value[0], value[1]


def _at_least(least: int, name: str, numbers: Sequence[int], value: Any) -> None:
    if min(numbers) < least:
        raise DoesNotFit(f"needs {name} to be {least} or more, but it is {value}")
