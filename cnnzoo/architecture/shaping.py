"""Shape rules of layers without weights.

These pool, pad, crop, resize or rearrange.
"""

from __future__ import annotations

import math
from fractions import Fraction

from cnnzoo.architecture.arguments import (
    Arguments,
    borders,
    choice,
    image,
    number,
    pair,
    pooling_window,
)
from cnnzoo.architecture.arithmetic import DoesNotFit, Shape, adaptive_window, shape_text
from cnnzoo.architecture.facts import Facts

# The largest number of input pixels along an axis that an interpolated pixel depends on.
_INTERPOLATIONS = {"nearest": 1, "bilinear": 2, "bicubic": 4, "lanczos3": 6, "lanczos5": 10}


def pooling(arguments: Arguments, shape: Shape) -> Facts:
    """Take a maximum or mean over a window."""
    height, width, channels = image(shape)
    window = pooling_window(arguments)
    outputs = window.over(height, width)
    if min(outputs) < 1:
        raise DoesNotFit(
            f"{window} does not fit its {height}x{width} input",
            "remove this pooling, or use padding: same before it",
        )
    return Facts((*outputs, channels), kernel=window.extent, strides=window.strides)


def global_pooling(arguments: Arguments, shape: Shape) -> Facts:
    """Take a maximum or mean over the whole image."""
    channels = image(shape)[2]
    return Facts((1, 1, channels) if arguments.get("keepdims") else (channels,), kernel=None)


def adaptive_pooling(arguments: Arguments, shape: Shape) -> Facts:
    """Pool adaptively: `output_size` windows cover the image."""
    height, width, channels = image(shape)
    rows, columns = pair(arguments, "output_size")
    # Keras 3.15 on TensorFlow also pools with windows that are one pixel too large. Along such an
    # axis they exceed the image: fit and predict fail, and a direct call crashes.
    if 1 in (rows, columns, height, width):
        raise DoesNotFit(
            f"cannot pool its {height}x{width} input to {rows}x{columns}: "
            "it needs two pixels and two outputs, or more, along each axis",
            "use global pooling, with keepdims: true for an image of 1x1",
        )
    return Facts(
        (rows, columns, channels),
        kernel=(adaptive_window(height, rows), adaptive_window(width, columns)),
        strides=(Fraction(height, rows), Fraction(width, columns)),
    )


def zero_padding(arguments: Arguments, shape: Shape) -> Facts:
    """Add rows and columns of zeros around the image."""
    rows, columns = borders(arguments, "padding", 1)
    return Facts(_enlarged(arguments, shape, sum(rows), sum(columns)))


def cropping(arguments: Arguments, shape: Shape) -> Facts:
    """Remove rows and columns around the image."""
    rows, columns = borders(arguments, "cropping", 0)
    left = _enlarged(arguments, shape, -sum(rows), -sum(columns))
    if min(left) < 1:
        turned = arguments.get("data_format") == "channels_first"
        first, second = ("columns", "channels") if turned else ("rows", "columns")
        raise DoesNotFit(
            f"removes {sum(rows)} {first} and {sum(columns)} {second}, "
            f"which leaves nothing of its {shape_text(shape)} input",
            "crop less",
        )
    return Facts(left)


def _enlarged(arguments: Arguments, shape: Shape, first: int, second: int) -> Shape:
    """Add to height and width; with channels_first, to the last two axes."""
    height, width, channels = image(shape)
    if arguments.get("data_format") == "channels_first":
        return height, width + first, channels + second
    return height + first, width + second, channels


def upsampling(arguments: Arguments, shape: Shape) -> Facts:
    """Enlarge the image by integer factors."""
    height, width, channels = image(shape)
    rows, columns = pair(arguments, "size", 2)
    word = str(arguments.get("interpolation", "nearest")).lower()  # Keras takes Bilinear here
    reach = _INTERPOLATIONS[choice({"interpolation": word}, "interpolation", "", _INTERPOLATIONS)]
    return Facts(
        (height * rows, width * columns, channels),
        kernel=(reach, reach),
        strides=(Fraction(1, rows), Fraction(1, columns)),
    )


def resizing(arguments: Arguments, shape: Shape) -> Facts:
    """Interpolate the image to a height and width."""
    height, width, channels = image(shape)
    rows, columns = number(arguments, "height"), number(arguments, "width")
    strides: tuple[Fraction, Fraction] = (Fraction(height, rows), Fraction(width, columns))
    if arguments.get("crop_to_aspect_ratio"):
        strides = (min(*strides), min(*strides))
    elif arguments.get("pad_to_aspect_ratio"):
        strides = (max(*strides), max(*strides))
    reach = _INTERPOLATIONS[choice(arguments, "interpolation", "bilinear", _INTERPOLATIONS)]
    kernel = (reach, reach)
    if arguments.get("antialias"):
        rows_seen, columns_seen = (
            math.ceil(reach * max(stride, Fraction(1))) for stride in strides
        )
        kernel = (rows_seen, columns_seen)
    return Facts((rows, columns, channels), kernel=kernel, strides=strides)


def crop(arguments: Arguments, shape: Shape) -> Facts:
    """Crop the image; an image that is too small is enlarged, as in Keras."""
    height, width, channels = image(shape)
    rows, columns = number(arguments, "height"), number(arguments, "width")
    if rows > height or columns > width:
        return resizing({"height": rows, "width": columns, "crop_to_aspect_ratio": True}, shape)
    return Facts((rows, columns, channels))


def flatten(arguments: Arguments, shape: Shape) -> Facts:
    """Flatten the input to one axis."""
    return Facts((math.prod(shape),), kernel=None)


def reshape(arguments: Arguments, shape: Shape) -> Facts:
    """Change the shape of the same values; one size may be -1."""
    target = tuple(arguments["target_shape"])
    if target.count(-1) > 1 or min(target, default=0) < -1:
        raise DoesNotFit(
            f"needs a target_shape of positive sizes and at most one -1, but it is {list(target)}"
        )
    size, known = math.prod(shape), math.prod(axis for axis in target if axis != -1)
    if known == 0 or size % known or (-1 not in target and size != known):
        raise DoesNotFit(
            f"to {shape_text(target)} needs {'a multiple of ' if -1 in target else ''}"
            f"{known} values, but its {shape_text(shape)} input has {size}",
            "-1 means the size that fits",
        )
    return Facts(tuple(size // known if axis == -1 else axis for axis in target), kernel=None)


def permute(arguments: Arguments, shape: Shape) -> Facts:
    """Reorder the axes."""
    dims = arguments["dims"]
    if sorted(dims) != list(range(1, len(shape) + 1)):
        raise DoesNotFit(
            f"needs dims to be an order of the axes 1 to {len(shape)} "
            f"of its input of {shape_text(shape)}, but it is {list(dims)}"
        )
    return Facts(tuple(shape[axis - 1] for axis in dims), kernel=None)


def repeat_vector(arguments: Arguments, shape: Shape) -> Facts:
    """Repeat a flat input n times."""
    if len(shape) != 1:
        raise DoesNotFit(
            f"needs a flat input, but its input is {shape_text(shape)}", "put Flatten before it"
        )
    return Facts((number(arguments, "n"), *shape), kernel=None)
