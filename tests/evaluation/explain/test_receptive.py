from __future__ import annotations

import keras
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnzoo.evaluation.explain.gradients import score_gradient
from cnnzoo.evaluation.explain.graph import trace
from cnnzoo.evaluation.explain.receptive import region, views
from cnnzoo.models.backend import load_keras

SIDE = 40
ENOUGH = 6  # pixels: the smallest map that every layer below leaves something of

sizes = st.tuples(st.integers(1, 4), st.integers(1, 4))
padding = st.sampled_from(["same", "valid"])
convolution = st.builds(
    lambda kernel, strides, padding: ("conv", kernel, strides, padding),
    sizes,
    st.sampled_from([(1, 1), (2, 2), (1, 2)]),
    padding,
)
dilated = st.builds(lambda padding: ("dilated", padding), padding)
pooling = st.builds(lambda size, padding: ("pool", size, padding), sizes, padding)
borders = st.tuples(st.tuples(*[st.integers(0, 2)] * 2), st.tuples(*[st.integers(0, 2)] * 2))
padded = st.builds(lambda borders: ("pad", borders), borders)
cropped = st.builds(lambda borders: ("crop", borders), borders)
branches = st.builds(lambda kernels: ("branches", kernels), st.lists(sizes, min_size=1, max_size=3))
stacks = st.lists(
    st.one_of(convolution, dilated, pooling, padded, cropped, branches), min_size=1, max_size=5
)


def layer(tensor, description):
    """A layer that adds up what it sees, so that every pixel that it sees has a gradient."""
    layers = load_keras().layers
    match description:
        case "conv", kernel, strides, padding:
            made = layers.Conv2D(2, kernel, strides, padding, kernel_initializer="ones")
        case "dilated", padding:
            made = layers.Conv2D(1, 3, padding=padding, dilation_rate=2, kernel_initializer="ones")
        case "pool", size, padding:
            made = layers.AveragePooling2D(size, padding=padding)
        case "pad", borders:
            made = layers.ZeroPadding2D(borders)
        case "crop", borders:
            made = layers.Cropping2D(borders)
        case "branches", kernels:
            inputs = keras.Input(tensor.shape[1:])
            paths = [
                layers.Conv2D(1, kernel, padding="same", kernel_initializer="ones")(inputs)
                for kernel in kernels
            ]
            made = keras.Model(inputs, layers.Concatenate()([inputs, *paths]))
    return made(tensor)


@settings(max_examples=15)
@given(stacks, st.floats(0, 1), st.floats(0, 1))
def test_a_region_is_where_gradients_come_from(stack, down, right):
    image = tensor = load_keras().Input((SIDE, SIDE, 1))
    for description in stack:
        if min(tensor.shape[1:3]) >= ENOUGH:
            tensor = layer(tensor, description)
    height, width, channels = tensor.shape[1:]
    row, column = int(down * (height - 1)), int(right * (width - 1))
    graph = trace(keras.Model(image, tensor))
    found = region(views(graph)[id(graph.steps[-1].output)], row, column, SIDE, SIDE)

    listed = keras.layers.Reshape((height * width * channels,))(tensor)
    weights = np.zeros((height, width, channels), np.float32)
    weights[row, column] = 1
    ones = np.ones((1, SIDE, SIDE, 1), np.float32)
    _, gradients = score_gradient(keras.Model(image, listed))(ones, weights.ravel())
    rows, columns = gradients[0, ..., 0].nonzero()
    top, left, bottom, right = found
    if not rows.size:  # it sees padding only
        return
    seen = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    assert top <= seen[0] <= seen[2] <= bottom
    assert left <= seen[1] <= seen[3] <= right
    # At the edges padding stands in the place of pixels, and behind a crop of what was cut off.
    cropped = any(description[0] == "crop" for description in stack)
    if not cropped and min(top, left) > 0 and max(bottom, right) < SIDE:
        assert seen == found


def test_what_no_rule_covers_sees_the_whole_picture():
    layers = load_keras().layers
    image = keras.Input((8, 8, 1))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(image)
    graph = trace(keras.Model(image, layers.Multiply()([image, gate])))
    assert region(views(graph)[id(graph.steps[-1].output)], 3, 3, 8, 8) == (0, 0, 8, 8)
