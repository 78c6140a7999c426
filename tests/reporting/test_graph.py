from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from legible import assert_legible, texts_of

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.architecture.layers import Architecture, Layer, title, walk
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config
from cnnzoo.errors import UserError
from cnnzoo.reporting.blocks import Block, Box, Fork, Repeated, blocks_of
from cnnzoo.reporting.graph import MAX_BOXES, boxes_of, draw_graph
from cnnzoo.reporting.graph_layout import Layout, boxes_in


def titles(blocks: Iterable[Block]) -> Counter[str]:
    """The layers that blocks stand for, repeats counted as often as they are."""
    found: Counter[str] = Counter()
    for block in blocks:
        if isinstance(block, Box):
            found.update([block.name, *block.followers])
        elif isinstance(block, Repeated):
            once = titles(block.blocks)
            found.update({name: count * block.times for name, count in once.items()})
        else:
            for branch in block.branches:
                found.update(titles(branch))
    return found


@pytest.mark.parametrize("name", zoo.names())
def test_every_layer_of_the_zoo_is_shown_and_few_boxes_show_it(name):
    layers = resolve(load_config(name).model, 10).layers
    blocks = blocks_of(layers)
    leaves = [layer for layer in walk(layers) if not layer.branches]
    assert titles(blocks) == Counter(title(layer.name, layer.arguments) for layer in leaves)
    assert blocks[-1].shape == shape_text(layers[-1].output_shape)
    # Stages of EfficientNet and ConvNeXt repeat blocks whose rates of dropout differ.
    most = 140 if name.startswith(("efficientnet", "convnext")) else 80
    assert len(list(boxes_in(blocks))) <= (350 if name == "nasnet_mobile" else most)
    columns = Layout.of(boxes_in(blocks)).columns(blocks)
    assert [block for column in columns for block in column] == list(blocks)


def test_what_repeats_is_drawn_once():
    blocks = blocks_of(resolve(load_config("densenet121").model, 1000).layers)
    repeats = [block for block in blocks if isinstance(block, Repeated)]
    assert [block.times for block in repeats] == [6, 12, 24, 16]
    (fork,) = repeats[0].blocks
    assert isinstance(fork, Fork)
    assert fork.merge == "concatenate"
    assert fork.branches[0] == ()
    assert (fork.shape, repeats[0].shape) == ("56x56x96", "56x56x256")


def test_blocks_of_other_windows_or_sizes_are_no_repeat():
    def convolution(size: int, kernel: int) -> Layer:
        shape = (size, size, 4)
        return Layer("Conv2D", {"kernel_size": kernel}, shape, shape)

    other_size = (convolution(8, 3), convolution(4, 3))
    other_window = (convolution(8, 3), convolution(8, 5))
    for layers in (other_size, other_window):
        assert not any(isinstance(block, Repeated) for block in blocks_of(layers))
    (alike,) = blocks_of((convolution(8, 3), convolution(8, 5)) * 3)
    assert isinstance(alike, Repeated)
    assert alike.times == 3


@pytest.mark.parametrize(
    "name", ["lenet", "squeezenet", "resnet152", "resnet50_v2", "densenet201", "mobilenet_v2"]
)
def test_graphs_can_be_read(name):
    figure = draw_graph(resolve(load_config(name).model, 1000), name)
    assert_legible(figure)
    merges = [text for text in texts_of(figure) if text.startswith(("add", "concatenate"))]
    assert bool(merges) == (name != "lenet")
    width, height = figure.get_size_inches()
    assert width < 27
    assert height < 21


def test_an_activation_stays_in_the_box_of_what_it_follows():
    shape = (8, 8, 4)
    convolution = Layer("Conv2D", {"kernel_size": 3}, shape, shape)
    relu = Layer("ReLU", {}, shape, shape)
    blocks = blocks_of((convolution, convolution, convolution, relu))
    assert [type(block).__name__ for block in blocks] == ["Repeated", "Box"]
    assert blocks[0].times == 2
    assert blocks[1].followers == ("ReLU",)
    assert [block.followers for block in blocks_of((relu, relu, convolution))] == [("ReLU",), ()]


def test_a_graph_of_too_many_boxes_is_refused_with_a_way_out():
    layers = tuple(
        Layer("Dense", {"units": units}, (units - 1,), (units,))
        for units in range(2, MAX_BOXES + 3)
    )
    deep = Architecture((1,), layers)
    assert boxes_of(deep) == MAX_BOXES + 2
    with pytest.raises(UserError, match="--plot-style volumes"):
        draw_graph(deep, "deep")
