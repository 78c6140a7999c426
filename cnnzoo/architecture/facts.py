"""Types of the shape rules: the facts of a layer, and the rule that computes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from cnnzoo.architecture.arguments import Arguments
from cnnzoo.architecture.arithmetic import Pair, Shape

Stride = int | Fraction


@dataclass(frozen=True, slots=True)
class Facts:
    """The output shape and the costs of one layer on one input.

    Parameters are counted as `layer.weights` and `model.count_params()` count them: moving
    statistics are non-trainable, the states of random generators are not parameters.

    MACs are the multiply-accumulates of convolutions and dense layers for one example. Products
    with padded zeros count; biases, activations, pooling and normalisation do not.

    `kernel` is the input window that one output value depends on, with dilation. It is None if an
    output depends on the whole input or has no position in the image: global pooling, Flatten,
    Dense on a flat input, Reshape, Permute. Statistics that a normalisation computes over an image
    are not included.

    `strides` is the distance between the windows of neighbouring outputs, a fraction if the layer
    enlarges. The receptive field r, and the distance j between neighbouring outputs in pixels of
    the network's input, become r + (kernel - 1) * j and j * strides (Araujo et al., Distill 2019).
    """

    output_shape: Shape
    trainable: int = 0
    non_trainable: int = 0
    macs: int = 0
    kernel: Pair | None = (1, 1)
    strides: tuple[Stride, Stride] = (1, 1)


# The facts of a layer with these arguments on an input of this shape. Raises DoesNotFit with a
# message that continues the layer's name.
Rule = Callable[[Arguments, Shape], Facts]
