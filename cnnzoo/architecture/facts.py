"""What is known of a layer, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from cnnzoo.architecture.arguments import Arguments
from cnnzoo.architecture.arithmetic import Pair, Shape

Stride = int | Fraction


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one layer on one input.

    Parameters are counted as `layer.weights` and `model.count_params()` count them: moving
    statistics are non-trainable, the states of random generators are not parameters.

    MACs are the multiply-accumulates of convolutions and dense layers for one example. Products
    with padded zeros count; biases, activations, poolings and normalisations do not.

    `kernel` is the input window that one output value sees, dilation included. It is None where an
    output sees the whole input or has no place in the image any more: global pooling, Flatten,
    Dense on a flat input, Reshape, Permute. The statistics that a normalisation takes over an image
    are left out of it.

    `strides` is how far that window moves between neighbouring outputs, a fraction where the layer
    enlarges. The receptive field r, and the distance j between neighbouring outputs in pixels of
    the network's input, become r + (kernel - 1) * j and j * strides (Araujo et al., Distill 2019).
    """

    output_shape: Shape
    trainable: int = 0
    non_trainable: int = 0
    macs: int = 0
    kernel: Pair | None = (1, 1)
    strides: tuple[Stride, Stride] = (1, 1)


# What a layer of these arguments makes of an input of this shape; raises DoesNotFit with the words
# that follow the layer's name.
Rule = Callable[[Arguments, Shape], Facts]
