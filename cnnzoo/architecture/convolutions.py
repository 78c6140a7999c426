"""Shape rules of convolutions and Dense."""

from __future__ import annotations

import math
from fractions import Fraction

from cnnzoo.architecture.arguments import Arguments, convolution_window, image, number, pair
from cnnzoo.architecture.arithmetic import (
    DoesNotFit,
    Pair,
    Shape,
    Window,
    shape_text,
    transposed_size,
)
from cnnzoo.architecture.facts import Facts
from cnnzoo.config.calls import Call


def convolution(arguments: Arguments, shape: Shape) -> Facts:
    """Apply a convolution: each filter uses the whole window, in the channels of its group."""
    channels = image(shape)[2]
    window = convolution_window(arguments)
    filters, groups = number(arguments, "filters"), number(arguments, "groups", 1)
    _refuse_strides_with_dilation(window)
    refuse_uneven_groups(groups, filters, "filters")
    refuse_uneven_groups(groups, channels, "input channels")
    kernel = (*window.kernel, channels // groups, filters)
    _check_constant(arguments, "kernel_initializer", kernel)
    return _slid_over(shape, arguments, window, filters, math.prod(kernel))


def depthwise_convolution(arguments: Arguments, shape: Shape) -> Facts:
    """Convolve each channel with `depth_multiplier` separate filters."""
    channels = image(shape)[2]
    window = convolution_window(arguments)
    kernel = (*window.kernel, channels, number(arguments, "depth_multiplier", 1))
    _check_constant(arguments, "depthwise_initializer", kernel)
    return _slid_over(shape, arguments, window, math.prod(kernel[2:]), math.prod(kernel))


def separable_convolution(arguments: Arguments, shape: Shape) -> Facts:
    """Convolve each channel separately, then all of them with 1x1 filters."""
    channels = image(shape)[2]
    window = convolution_window(arguments)
    between = channels * number(arguments, "depth_multiplier", 1)
    filters = number(arguments, "filters")
    weights = math.prod(window.kernel) * between + between * filters
    return _slid_over(shape, arguments, window, filters, weights)


def transposed_convolution(arguments: Arguments, shape: Shape) -> Facts:
    """Apply a transposed convolution; an output depends on ceil(extent / stride) inputs."""
    height, width, channels = image(shape)
    window = convolution_window(arguments)
    filters = number(arguments, "filters")
    _refuse_strides_with_dilation(window)
    weights = math.prod(window.kernel) * channels * filters
    rows, columns = window.strides
    return Facts(
        (*_transposed_outputs(arguments, window, (height, width)), filters),
        trainable=weights + _biases(arguments, filters),
        macs=weights * height * width,
        kernel=(-(-window.extent[0] // rows), -(-window.extent[1] // columns)),
        strides=(Fraction(1, rows), Fraction(1, columns)),
    )


def dense(arguments: Arguments, shape: Shape) -> Facts:
    """Multiply the last axis: for an image, the channels of each pixel."""
    if not shape:
        raise DoesNotFit("needs a list of values, but its input is 1 value")
    units = number(arguments, "units")
    weights = shape[-1] * units
    _check_constant(arguments, "kernel_initializer", (shape[-1], units))
    return Facts(
        (*shape[:-1], units),
        trainable=weights + _biases(arguments, units),
        macs=weights * math.prod(shape[:-1]),
        kernel=None if len(shape) == 1 else (1, 1),
    )


def refuse_uneven_groups(groups: int, count: int, what: str) -> None:
    """Raise DoesNotFit unless the count is divisible into equal groups."""
    if count % groups:
        raise DoesNotFit(
            f"cannot divide {count} {what} into {groups} groups",
            f"groups must be a divisor of {count}",
        )


def _slid_over(
    shape: Shape, arguments: Arguments, window: Window, filters: int, weights: int
) -> Facts:
    height, width, _ = shape
    outputs = window.over(height, width)
    if min(outputs) < 1:
        raise DoesNotFit(
            f"{window} does not fit its {height}x{width} input",
            "use a smaller kernel_size or padding: same, or remove a pooling before it",
        )
    return Facts(
        (*outputs, filters),
        trainable=weights + _biases(arguments, filters),
        macs=weights * math.prod(outputs),
        kernel=window.extent,
        strides=window.strides,
    )


def _check_constant(arguments: Arguments, name: str, shape: Shape) -> None:
    """Raise DoesNotFit if an initializer lists the weights, and their shape is another one."""
    initializer = arguments.get(name)
    value = initializer.arguments.get("value") if isinstance(initializer, Call) else None
    if isinstance(value, tuple) and (found := _nested_shape(value)) != shape:
        raise DoesNotFit(
            f"has weights of {shape_text(shape)}, but its {name} has "
            + (f"numbers of {shape_text(found)}" if found else "lists of different lengths"),
            "Constant with one number gives it to all weights",
        )


def _nested_shape(value: object) -> Shape | None:
    """Return the shape of nested lists, () for a number; None if lists differ in length."""
    if not isinstance(value, tuple):
        return ()
    shapes = {_nested_shape(item) for item in value} or {()}
    inner = shapes.pop()
    return None if shapes or inner is None else (len(value), *inner)


def _biases(arguments: Arguments, count: int) -> int:
    return count if arguments.get("use_bias", True) else 0


def _refuse_strides_with_dilation(window: Window) -> None:
    if max(window.strides) > 1 and max(window.dilation) > 1:
        raise DoesNotFit(
            f"cannot have strides of {shape_text(window.strides)} "
            f"and a dilation_rate of {shape_text(window.dilation)} together",
            "omit one of the two",
        )


def _transposed_outputs(arguments: Arguments, window: Window, size: Pair) -> Pair:
    extra = _output_padding(arguments, window)
    height, width = (
        transposed_size(size[axis], window.extent[axis], window.strides[axis], window.padding, more)
        for axis, more in enumerate(extra)
    )
    if min(height, width) < 1:
        raise DoesNotFit(
            f"{window} leaves nothing of its {shape_text(size)} input", "omit output_padding"
        )
    return height, width


def _output_padding(arguments: Arguments, window: Window) -> Pair | tuple[None, None]:
    if arguments.get("output_padding") is None:
        return None, None
    extra = pair(arguments, "output_padding", least=0)
    if extra[0] >= window.strides[0] or extra[1] >= window.strides[1]:
        raise DoesNotFit(
            f"needs output_padding to be less than its strides of {shape_text(window.strides)}, "
            f"but it is {shape_text(extra)}"
        )
    return extra
