from __future__ import annotations

import pytest

from cnnzoo.architecture.names import is_automatic, layer_names, namer, snake_case
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.schema import ModelConfig
from cnnzoo.errors import ConfigError


def paths(layers):
    model = ModelConfig(input_shape=(8, 8, 4), layers=layers)
    return [path for path, _ in layer_names(resolve(model, None).layers)]


def test_names_count_from_the_start_and_skip_given_ones():
    assert paths(["ReLU", {"ReLU": {"name": "re_lu_1"}}, "ReLU"]) == ["re_lu", "re_lu_1", "re_lu_2"]
    name_of = namer({"conv2d_1"})
    assert [name_of("Conv2D") for _ in range(3)] == ["conv2d", "conv2d_2", "conv2d_3"]


def test_a_layer_inside_has_the_names_of_those_around_it():
    inner = {"Residual": {"layers": ["ReLU"]}}
    assert paths([{"Residual": {"layers": [inner, {"MultiHeadAttention": [1, 2]}]}}]) == [
        "residual",
        "residual/residual_1",
        "residual/residual_1/re_lu",
        "residual/self_multi_head_attention/multi_head_attention",
    ]


def test_a_name_that_two_layers_have_is_refused():
    stem = {"ReLU": {"name": "stem"}}
    with pytest.raises(ConfigError, match="two layers have the name 'stem'"):
        paths([stem, {"Residual": {"layers": [stem]}}])
    with pytest.raises(ConfigError, match="two layers have the name 'stem'") as caught:
        paths([{"repeat": 2, "layers": [stem]}])
    assert "omit the name" in str(caught.value)
    named = {"repeat": {"label": ["a", "b"]}, "layers": [{"ReLU": {"name": "$label"}}]}
    assert paths([named]) == ["a", "b"]


def test_snake_case():
    assert snake_case("MaxPooling2D") == "max_pooling2d"
    assert snake_case("SelfMultiHeadAttention") == "self_multi_head_attention"
    assert is_automatic("conv2d_12", "Conv2D")
    assert not is_automatic("stem", "Conv2D")
