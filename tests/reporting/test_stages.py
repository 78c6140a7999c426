from __future__ import annotations

from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.architecture.layers import Architecture, Layer
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config
from cnnzoo.reporting.stages import MAX_STAGES, kind_of, stages


@pytest.mark.parametrize("name", zoo.names())
def test_every_layer_of_the_zoo_is_in_one_of_few_stages(name):
    architecture = resolve(load_config(name).model, 10)
    found = stages(architecture)
    assert len(found) <= MAX_STAGES
    assert tuple(chain.from_iterable(stage.layers for stage in found)) == architecture.layers
    assert sum(stage.parameters for stage in found) == architecture.parameters


@given(st.lists(st.integers(1, 30), min_size=1, max_size=300))
def test_any_stack_becomes_few_stages(units):
    shapes = [(3,), *((count,) for count in units)]
    layers = tuple(
        Layer("Dense", {"units": after[0]}, before, after) for before, after in pairwise(shapes)
    )
    found = stages(Architecture((3,), layers))
    assert 1 <= len(found) <= MAX_STAGES
    assert tuple(chain.from_iterable(stage.layers for stage in found)) == layers


def test_a_stage_is_called_after_the_layer_that_computes_most():
    architecture = resolve(load_config("squeezenet").model, 1000)
    middle = next(stage for stage in stages(architecture) if stage.shape == (55, 55, 256))
    assert middle.layers[0].name == "MaxPooling2D"
    assert kind_of(middle.leading)[0] == "branches"
    assert middle.contents() == [
        "MaxPooling2D 3x3",
        "3 \N{MULTIPLICATION SIGN} Conv2D 1x1",
        "3 \N{MULTIPLICATION SIGN} Branches",
        "10 layers in all",
    ]
