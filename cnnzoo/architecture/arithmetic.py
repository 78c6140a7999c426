"""The arithmetic of sliding windows and of merging shapes, as Keras does it, without Keras.

Shapes have no batch axis; an image is (height, width, channels). Dumoulin and Visin, "A guide to
convolution arithmetic for deep learning", arXiv:1603.07285, derives the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnnzoo.text import counted, joined

Shape = tuple[int, ...]
Pair = tuple[int, int]


class DoesNotFit(ValueError):  # noqa: N818 - the name completes a sentence: the layer does not fit
    """A layer that does not accept its input, or an output without values.

    `hint` is a fix, if one is known.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def shape_text(shape: Sequence[int]) -> str:
    """Write a shape: `24x24x32` for an image, `120 values` if flat, `1 value` for a scalar."""
    if len(shape) > 1:
        return "x".join(map(str, shape))
    count = math.prod(shape)
    return counted(count, "value")


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Return the number of windows: (I + 2P - K) / S + 1, rounded down (arXiv:1603.07285).

    `padding` counts the zeros on each side; a result of zero or less means that no window fits.
    """
    return (size + 2 * padding - kernel) // stride + 1


def same_size(size: int, stride: int) -> int:
    """Return the output size of `padding: same`: I / S, rounded up, for any kernel."""
    return -(-size // stride)


def transposed_size(
    size: int, kernel: int, stride: int, padding: str, output_padding: int | None
) -> int:
    """Return the output size of a transposed convolution, as Keras computes it.

    Without `output_padding`, `same` gives I * S, and `valid` (I - 1) * S + max(K, S).
    """
    if output_padding is None:
        return size * stride if padding == "same" else (size - 1) * stride + max(kernel, stride)
    return (size - 1) * stride + (kernel % 2 if padding == "same" else kernel) + output_padding


def adaptive_window(size: int, outputs: int) -> int:
    """Return the size of the largest of `outputs` windows that adaptive pooling uses for `size`.

    Window i goes from floor(i I / O) to ceil((i + 1) I / O).
    """
    return max(-(-(i + 1) * size // outputs) - i * size // outputs for i in range(outputs))


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding kernel; each pair is (height, width)."""

    kernel: Pair
    strides: Pair
    padding: str = "valid"
    dilation: Pair = (1, 1)

    @property
    def extent(self) -> Pair:
        """The height and width of the dilated kernel: (K - 1) D + 1."""
        (height, width), (rows, columns) = self.kernel, self.dilation
        return (height - 1) * rows + 1, (width - 1) * columns + 1

    def over(self, height: int, width: int) -> Pair:
        """Return the number of outputs along height and width; zero or less if no window fits."""
        if self.padding == "same":
            return same_size(height, self.strides[0]), same_size(width, self.strides[1])
        rows, columns = self.extent
        return (
            output_size(height, rows, self.strides[0]),
            output_size(width, columns, self.strides[1]),
        )

    def __str__(self) -> str:
        text = shape_text(self.kernel)
        return text if self.dilation == (1, 1) else f"{text} (dilated to {shape_text(self.extent)})"


def merge_shapes(merge: str, shapes: Sequence[Shape]) -> Shape:
    """Return the shape of branches merged into one, as Keras' merging layers do it.

    `add`, `multiply`, `average` and `maximum` broadcast: shapes are aligned at the channels, and an
    axis of size 1 (or a missing one) is repeated. `concatenate` joins the channels of shapes that
    are otherwise equal.

    Raises:
        DoesNotFit: the shapes cannot be merged; the message shows them.
        ValueError: `merge` is not one of the five.

    """
    if merge not in {"add", "multiply", "average", "maximum", "concatenate"}:
        raise ValueError(f"unknown merge {merge!r}")
    if not shapes:
        raise DoesNotFit(f"{merge} needs at least one branch")
    return _concatenated(shapes) if merge == "concatenate" else _broadcast(merge, shapes)


def _concatenated(shapes: Sequence[Shape]) -> Shape:
    if len({shape[:-1] for shape in shapes}) > 1 or () in shapes:
        raise DoesNotFit(
            "concatenate needs branches of equal height and width, "
            f"but they give {joined([*map(shape_text, shapes)])}",
            "use the same strides and padding in every branch",
        )
    return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


def _broadcast(merge: str, shapes: Sequence[Shape]) -> Shape:
    rank = max(map(len, shapes))
    aligned = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    sizes = [set(axis) - {1} for axis in zip(*aligned, strict=True)]
    if any(len(size) > 1 for size in sizes):
        raise DoesNotFit(
            f"{merge} needs branches of equal shape, but they give "
            f"{joined([*map(shape_text, shapes)])}",
            "give every branch the same strides, padding and channels; "
            "a Conv2D with kernel_size: 1 projects one branch to the channels of another",
        )
    return tuple(size.pop() if size else 1 for size in sizes)
