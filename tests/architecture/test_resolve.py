"""Writing a model's blocks and repeats out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnzoo.architecture.facts import Facts
from cnnzoo.architecture.layers import Architecture, walk
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import MERGES
from cnnzoo.config.loader import load_config, make_config
from cnnzoo.config.reader import read_yaml
from cnnzoo.config.schema import ModelConfig
from cnnzoo.errors import ConfigError

REPEATED = """\
name: repeated
model:
  input_shape: [8, 8, 1]
  params: {widths: [4, 8], base: 2}
  layers:
    - repeat: {filters: $widths, kernel: [3, 1]}
      layers: [Conv2D: {filters: $filters, kernel_size: $kernel}]
"""


def convolutions(path: Path, *overrides: str) -> list[tuple[int, int]]:
    model = load_config(path, overrides).model
    layers = resolve(model, None).layers
    return [(layer.arguments["filters"], layer.arguments["kernel_size"]) for layer in layers]


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    path = tmp_path / "repeated.yaml"
    path.write_text(REPEATED)
    return path


def test_a_parameter_may_be_the_list_of_a_repeat(repeated):
    assert convolutions(repeated) == [(4, 3), (8, 1)]
    assert convolutions(repeated, "model.params.widths=[5, 6]") == [(5, 3), (6, 1)]


def test_its_length_must_be_that_of_the_other_lists(repeated):
    with pytest.raises(ConfigError) as raised:
        convolutions(repeated, "model.params.widths=[5, 6, 7]")
    mistake = raised.value.mistakes[0]
    assert "lists of equal length" in mistake.message
    assert "filters 3, kernel 2" in mistake.message
    assert mistake.place is not None
    assert mistake.place.line == 6


def test_it_must_be_a_list(repeated):
    with pytest.raises(ConfigError, match="received filters not a list, kernel 2"):
        convolutions(repeated, "model.layers.0.repeat.filters=$base")


def test_a_list_of_lists_is_no_parameter(repeated):
    with pytest.raises(ConfigError, match="'widths' must be"):
        convolutions(repeated, "model.params.widths=[[4], [8]]")


# ── blocks, repeats, variables ─────────────────────────────────────────────────────────────────


def resolved(layers: list[Any], shape: Sequence[int] = (16, 16, 3), **model: Any) -> Architecture:
    return resolve(ModelConfig(input_shape=tuple(shape), layers=layers, **model), 10)


def listed(architecture: Architecture) -> list[tuple[Any, ...]]:
    """The layers as (name, *arguments), those of composites behind them."""
    return [(layer.name, *layer.arguments.values()) for layer in walk(architecture.layers)]


def refusal(layers: list[Any], **model: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        resolved(layers, **model)
    return str(caught.value)


CONV = {
    "conv": {"parameters": ["filters", {"size": 3}], "layers": [{"Conv2D": ["$filters", "$size"]}]}
}


def test_blocks_take_values_and_have_defaults():
    layers = [{"conv": 4}, {"conv": [5, 1]}, {"conv": {"size": 2, "filters": 6}}]
    assert listed(resolved(layers, blocks=CONV)) == [
        ("Conv2D", 4, 3),
        ("Conv2D", 5, 1),
        ("Conv2D", 6, 2),
    ]


def test_a_default_may_use_the_parameters_before_it_and_where_it_is_used():
    blocks = {
        "b": {
            "parameters": ["n", {"twice": "${n * 2}"}, {"here": "$channels"}],
            "layers": [{"Conv2D": ["$twice", 1]}, {"Conv2D": ["$here", 1]}],
        }
    }
    assert listed(resolved([{"b": 4}], blocks=blocks)) == [("Conv2D", 8, 1), ("Conv2D", 3, 1)]


def test_blocks_use_blocks_whatever_their_order():
    blocks = {
        "outer": {"parameters": ["n"], "layers": [{"conv": "$n"}, {"conv": "${n + 1}"}]},
        **CONV,
    }
    assert listed(resolved([{"outer": 4}], blocks=blocks)) == [("Conv2D", 4, 3), ("Conv2D", 5, 3)]


def test_a_block_sees_its_own_parameters_only():
    blocks = {"b": {"layers": [{"Conv2D": ["$n", 1]}]}}
    assert "there is no variable $n here" in refusal(
        [{"repeat": {"n": [1, 2]}, "layers": ["b"]}], blocks=blocks
    )
    assert listed(resolved(["b"], blocks=blocks, params={"n": 7})) == [("Conv2D", 7, 1)]


def test_a_parameter_hides_one_of_the_file():
    assert listed(resolved([{"conv": 4}], blocks=CONV, params={"filters": 9})) == [("Conv2D", 4, 3)]


def test_parameters_may_hold_lists_names_and_objects():
    blocks = {
        "b": {
            "parameters": ["size", "act", "start", {"rule": {"L2": "$decay"}}],
            "layers": [
                {
                    "Conv2D": {
                        "filters": 4,
                        "kernel_size": "$size",
                        "activation": "$act",
                        "kernel_initializer": "$start",
                        "kernel_regularizer": "$rule",
                    }
                }
            ],
        }
    }
    use = {"size": [1, "${height // 4}"], "act": {"LeakyReLU": 0.1}, "start": "he_normal"}
    (layer,) = resolved([{"b": use}], blocks=blocks, params={"decay": 0.5}).layers
    assert layer.arguments == {
        "filters": 4,
        "kernel_size": (1, 4),
        "activation": Call("layers", "LeakyReLU", {"negative_slope": 0.1}),
        "kernel_initializer": Call("initializers", "HeNormal"),
        "kernel_regularizer": Call("regularizers", "L2", {"l2": 0.5}),
    }


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ({"act": "relou"}, "Keras has no activation 'relou'; did you mean 'relu'?"),
        ({"act": {"Lambda": "x"}}, "Keras has no activation 'Lambda'"),
        ({"n": 2.5}, "Conv2D's 'filters' must be a positive integer, not 2.5"),
        ({"n": "4"}, "Conv2D's 'filters' must be a positive integer, not '4'"),
        ({"n": 0}, "Conv2D's 'filters' must be a positive integer, not 0"),
        ({"n": [1, 2]}, "Conv2D's 'filters' must be a positive integer, not [1, 2]"),
        ({"n": {"a": 1}}, "Conv2D's 'filters' must be a positive integer, not a mapping (a)"),
        ({"n": None}, "Conv2D's 'filters' must be a positive integer, not nothing"),
    ],
)
def test_what_a_parameter_brings_is_checked_as_if_it_were_written_there(use, said):
    blocks = {
        "b": {
            "parameters": [{"n": 3}, {"act": "relu"}],
            "layers": [{"Conv2D": {"filters": "$n", "kernel_size": 1, "activation": "$act"}}],
        }
    }
    assert said in refusal([{"b": use}], blocks=blocks)


def test_repeat_counts_and_indices():
    layers = [{"repeat": 3, "layers": [{"Conv2D": ["${index + 1}", 1]}]}]
    assert listed(resolved(layers)) == [("Conv2D", 1, 1), ("Conv2D", 2, 1), ("Conv2D", 3, 1)]
    assert listed(resolved([{"repeat": 0, "layers": ["ReLU"]}, "ELU"])) == [("ELU",)]


def test_repeat_by_lists_and_in_repeats():
    inner = {"repeat": "$n", "layers": [{"Conv2D": ["${filters + index}", 1]}]}
    layers = [{"repeat": {"n": [1, 2], "filters": [10, "${channels * 2}"]}, "layers": [inner]}]
    # The lists are evaluated where the repeat begins, with 3 channels.
    assert listed(resolved(layers)) == [("Conv2D", 10, 1), ("Conv2D", 6, 1), ("Conv2D", 7, 1)]


@pytest.mark.parametrize("times", [-1, 2.5, "a", 10**9, True, [1]])
def test_a_count_that_is_none_is_refused(times):
    assert "'repeat' must be a count" in refusal(
        [{"repeat": "$n", "layers": ["ReLU"]}], params={"n": times}
    )


def test_the_running_shape():
    layers = [
        {"Conv2D": {"filters": "${channels * 2}", "kernel_size": 3, "strides": 2}},
        {"Resizing": ["${height * 2}", "${width + 1}"]},
        {"Conv2D": ["${channels // 3}", 1]},
        "GlobalAveragePooling2D",
        {"Dense": "${channels * 5}"},
        {"Dense": "$classes"},
    ]
    assert [layer.output_shape for layer in resolved(layers, (17, 9, 3)).layers] == [
        (8, 4, 6),
        (16, 5, 6),
        (16, 5, 2),
        (2,),
        (10,),
        (10,),
    ]


def test_the_running_shape_inside_composites():
    layers = [
        {
            "Branches": {
                "branches": [
                    [{"MaxPooling2D": 2}, {"Conv2D": ["$height", 1]}],
                    [{"Conv2D": ["${channels * 5}", 2, 2]}, {"Residual": {"layers": ["ReLU"]}}],
                ]
            }
        },
        {"Conv2D": ["$channels", 1]},
    ]
    assert [layer.output_shape for layer in resolved(layers).layers] == [(8, 8, 23), (8, 8, 23)]


def test_defaults_are_behind_the_layers_of_blocks_and_composites():
    architecture = resolved(
        [{"conv": 4}, {"Residual": {"layers": [{"Conv2D": [4, 3]}]}}],
        blocks=CONV,
        defaults={"Conv2D": {"padding": "same"}},
    )
    assert [layer.output_shape for layer in walk(architecture.layers)] == [(16, 16, 4)] * 3


def test_a_model_without_layers_is_refused():
    assert "the model has no layers" in refusal([{"repeat": 0, "layers": ["ReLU"]}])


# ── mistakes ───────────────────────────────────────────────────────────────────────────────────

USED = """\
name: used
model:
  input_shape: [8, 8, 1]
  blocks:
    pool:
      layers:
        - Residual:
            layers:
              - MaxPooling2D: 1
    stage:
      parameters: [size]
      layers:
        - pool
        - Residual: {layers: [reduce: $size]}
    reduce:
      parameters: [size]
      layers:
        - Conv2D: {filters: 1, kernel_size: $size}
  layers:
    - stage: 9
"""


def test_a_mistake_in_a_block_names_both_places():
    model = make_config(read_yaml(USED, "it.yaml")).model
    with pytest.raises(ConfigError) as caught:
        resolve(model, 10)
    assert str(caught.value).splitlines()[:4] == [
        "it.yaml:18:11: error: Conv2D 9x9 does not fit its 8x8 input",
        "   used at it.yaml:14:31",
        "   used at it.yaml:20:7",
        "     layer        output",
    ]


@pytest.mark.parametrize(
    "layers", [["a"], [{"Residual": {"layers": ["a"]}}], [{"repeat": 2, "layers": ["a"]}]]
)
def test_blocks_that_use_themselves_are_refused(layers):
    said = refusal(["a"], blocks={"a": {"layers": layers}})
    assert "the block 'a' uses itself" in said
    said = refusal(["b"], blocks={"a": {"layers": ["b"]}, "b": {"layers": layers}})
    assert "uses: b → a → " in said


def test_a_misfit_shows_the_way_to_it():
    said = refusal([{"Conv2D": [4, 3]}, *["ReLU"] * 4, {"MaxPooling2D": 15}])
    assert said.splitlines() == [
        "error: MaxPooling2D 15x15 does not fit its 14x14 input",
        "     layer                output",
        "     … 1 more",
        *["     ReLU                 14x14x4"] * 4,
        "   > MaxPooling2D 15x15   -",
        "   hint: remove this pooling, or use padding: same before it",
    ]


@pytest.mark.parametrize(
    ("layers", "hint"),
    [
        ([{"Conv2D": {"filters": 8, "kernel_size": 3, "padding": "same"}}], "kernel_size: 1}]"),
        ([{"Conv2D": [8, 2, 2]}], "filters: 8, kernel_size: 1, strides: 2}]"),
        (["Flatten"], "the same output"),
        ([{"UpSampling2D": 2}], "the same output"),
    ],
)
def test_a_residual_whose_shapes_differ_proposes_a_projection(layers, hint):
    said = refusal([{"Residual": {"layers": layers}}])
    assert "Residual adds " in said
    assert hint in said


def test_channels_first_is_recognised():
    with pytest.raises(ConfigError, match="channels first"):
        resolved([{"Conv2D": [8, 5]}], (3, 32, 32))
    with pytest.raises(ConfigError) as caught:
        resolved([{"Conv2D": [8, 5]}], (3, 3, 3))
    assert "channels first" not in str(caught.value)


def test_layers_without_a_rule_are_measured_or_refused():
    call = {"TimeDistributed": {"layer": {"Dense": 3}}}
    assert "only Keras can compute" in refusal([call])
    model = ModelConfig(input_shape=(4, 4, 1), layers=[call])
    facts = Facts((4, 4, 3), trainable=6, non_trainable=1)
    architecture = resolve(model, None, lambda *_: facts)
    assert architecture.output_shape == (4, 4, 3)
    assert architecture.parameters == 7


# ── what is counted ────────────────────────────────────────────────────────────────────────────


TALL = {"Conv2D": [1, [5, 1], 1, "same"]}


@pytest.mark.parametrize(
    ("layers", "size", "stride"),
    [
        # LeNet's convolutions by hand: 5; 5 + 1 = 6; 6 + 4 * 2 = 14; 14 + 2 = 16.
        ([{"Conv2D": [6, 5]}], (5, 5), (1, 1)),
        ([{"Conv2D": [6, 5]}, {"MaxPooling2D": 2}], (6, 6), (2, 2)),
        ([{"Conv2D": [6, 5]}, {"MaxPooling2D": 2}, {"Conv2D": [16, 5]}], (14, 14), (2, 2)),
        (
            [{"Conv2D": [6, 5]}, {"MaxPooling2D": 2}, {"Conv2D": [16, 5]}, {"MaxPooling2D": 2}],
            (16, 16),
            (4, 4),
        ),
        # A stem of ResNet: 7, then 7 + 2 * 2 = 11.
        ([{"Conv2D": [8, 7, 2]}, {"MaxPooling2D": [3, 2]}], (11, 11), (4, 4)),
        ([{"Conv2D": {"filters": 1, "kernel_size": 3, "dilation_rate": 4}}], (9, 9), (1, 1)),
        ([{"Conv2D": [1, [1, 7]]}, {"Conv2D": [1, [3, 1], [2, 1]]}], (3, 7), (2, 1)),
        ([{"MaxPooling2D": 2}, {"UpSampling2D": 2}, {"Conv2D": [1, 3]}], (4, 4), (1, 1)),
        (["BatchNormalization", "ReLU", {"Dense": 3}], (1, 1), (1, 1)),
        (["GlobalAveragePooling2D"], (32, 32), (1, 1)),
        (["Flatten", {"Dense": 3}], (32, 32), (1, 1)),
        # The widest branch counts.
        ([{"Residual": {"layers": [{"Conv2D": [3, 3, 1, "same"]}] * 2}}], (5, 5), (1, 1)),
        (
            [{"Branches": {"branches": [[{"Conv2D": [1, [1, 9], 1, "same"]}], [TALL]]}}],
            (5, 9),
            (1, 1),
        ),
    ],
)  # fmt: skip
def test_receptive_fields_by_hand(layers, size, stride):
    field = resolved(layers, (32, 32, 3)).layers[-1].receptive_field
    assert (field.size, field.stride) == (size, stride)


def test_composites_count_their_branches():
    inner = [{"Conv2D": [3, 1]}, "BatchNormalization"]
    plain = resolved(inner)
    for layers in (
        [{"Residual": {"layers": inner}}],
        [{"Residual": {"layers": ["ReLU"], "shortcut": inner}}],
        [{"Branches": {"branches": [inner, []]}}],
        [{"Residual": {"layers": [{"Residual": {"layers": inner}}]}}],
    ):
        architecture = resolved(layers)
        assert architecture.parameters == plain.parameters == 12 + 12
        assert architecture.trainable == plain.trainable == 12 + 6
        assert architecture.macs == plain.macs == 16 * 16 * 9


@pytest.mark.parametrize(
    ("merge", "shape"),
    [("concatenate", (16, 16, 6)), ("add", (16, 16, 3)), ("maximum", (16, 16, 3))],
)
def test_branches_merge(merge, shape):
    architecture = resolved([{"Branches": {"branches": [[], ["ReLU"]], "merge": merge}}])
    assert architecture.output_shape == shape
    assert [len(branch) for branch in architecture.layers[0].branches] == [0, 1]


def test_a_gate_multiplies_by_what_it_broadcasts():
    gate = [{"GlobalAveragePooling2D": {"keepdims": True}}, {"Conv2D": [3, 1]}]
    architecture = resolved([{"Branches": {"branches": [[], gate], "merge": "multiply"}}])
    assert architecture.output_shape == (16, 16, 3)
    assert architecture.layers[0].receptive_field.size == (16, 16)


# ── Keras itself ───────────────────────────────────────────────────────────────────────────────

SIZES = st.integers(1, 4)
STRIDES = st.integers(1, 3)
PADDINGS = st.sampled_from(["same", "valid"])


def with_arguments(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({name: st.fixed_dictionaries(arguments)})


PLAIN_LAYERS = st.one_of(
    with_arguments(
        "Conv2D",
        filters=SIZES,
        kernel_size=SIZES | st.tuples(SIZES, SIZES).map(list),
        strides=STRIDES,
        padding=PADDINGS,
        use_bias=st.booleans(),
    ),
    with_arguments("DepthwiseConv2D", kernel_size=SIZES, padding=PADDINGS),
    with_arguments("SeparableConv2D", filters=SIZES, kernel_size=SIZES),
    with_arguments("Conv2DTranspose", filters=SIZES, kernel_size=SIZES, strides=STRIDES),
    with_arguments("MaxPooling2D", pool_size=SIZES, strides=STRIDES),
    with_arguments("AveragePooling2D", pool_size=SIZES, padding=PADDINGS),
    st.sampled_from(
        [
            *("BatchNormalization", "LayerNormalization", "PReLU", "ReLU"),
            *(
                {"Dense": 3},
                {"UpSampling2D": 2},
                {"Cropping2D": 1},
                {"ZeroPadding2D": {"padding": [1, 2]}},
            ),
        ]
    ),
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    stacks = st.lists(inner, max_size=2)
    return st.one_of(
        st.fixed_dictionaries({"repeat": st.integers(0, 2), "layers": stacks}),
        stacks.map(lambda layers: {"Residual": {"layers": layers, "shortcut": layers[:1]}}),
        with_arguments(
            "Branches", merge=st.sampled_from(MERGES), branches=st.tuples(stacks, stacks)
        ),
    )


LAYERS = st.recursive(PLAIN_LAYERS, nested, max_leaves=5)
ENDS = st.sampled_from(
    [[], ["Flatten", {"Dense": 3}], ["GlobalMaxPooling2D"], [{"Reshape": {"target_shape": [-1]}}]]
)


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 4)),
    st.lists(LAYERS, min_size=1, max_size=4),
    ENDS,
)
def test_stacks_have_the_shape_and_the_parameters_that_keras_gives_them(shape, layers, end):
    from cnnzoo.models.build import build_model, check_memory

    model = ModelConfig(input_shape=shape, layers=[*layers, *end])
    try:
        architecture = resolve(model, None)
        check_memory(architecture)
    except ConfigError:
        # A stack that does not fit, or is too large; test_rules compares refusals with Keras.
        assume(False)
    built = build_model(model)
    assert built.output_shape[1:] == architecture.output_shape
    assert built.count_params() == architecture.parameters
    assert sum(math.prod(w.shape) for w in built.trainable_weights) == architecture.trainable


# ── conditions, counters, channels, attention ──────────────────────────────────────────────────


def named(layers, shape=(8, 8, 4), **params):
    model = ModelConfig(input_shape=shape, params=params, layers=layers)
    return [(layer.name, dict(layer.arguments)) for layer in resolve(model, 10).layers]


def test_when_chooses_layers():
    branch = {"when": "${deep and channels > 3}", "layers": ["ReLU"], "else": ["Identity"]}
    assert named([branch], deep=True) == [("ReLU", {})]
    assert named([branch], deep=False) == [("Identity", {})]
    assert named([branch], (8, 8, 3), deep=True) == [("Identity", {})]
    assert named([{"when": "$deep", "layers": ["ReLU"]}, "Identity"], deep=0) == [("Identity", {})]
    assert named([{"when": False, "layers": [], "else": ["ReLU"]}]) == [("ReLU", {})]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"when": "$kind", "layers": ["ReLU"]}, "'when' must be true, false or a number, not 'a'"),
        ({"when": "yes", "layers": ["ReLU"]}, "'when' must be a condition, true or false"),
        ({"when": "$kind"}, "when needs 'layers'"),
        ({"else": ["ReLU"]}, "else needs 'when'"),
        ({"when": True, "layer": []}, "when has no key 'layer'; did you mean 'layers'?"),
        ({"when": "${knd}", "layers": []}, "no variable $knd here; did you mean $kind?"),
    ],
    ids=range(6),
)
def test_a_condition_that_is_refused(item, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        named([item], kind="a")


def test_count_runs_through_nested_repeats_and_total_is_their_number():
    drop = {"Dropout": "${count / (2 * total)}"}
    inner = {"repeat": "$depth", "layers": [{"Residual": {"layers": [drop]}}]}
    nested = {"repeat": {"depth": [1, 0, 3]}, "layers": [inner]}
    model = ModelConfig(input_shape=(8, 8, 4), layers=[nested])
    rates = [layer.branches[0][0].arguments["rate"] for layer in resolve(model, 10).layers]
    assert rates == [0, 0.125, 0.25, 0.375]


def test_count_of_the_outer_repeat_is_its_own_and_a_block_counts_afresh():
    outer = {"repeat": 2, "layers": [{"repeat": 2, "layers": ["ReLU"]}, {"Rescaling": "$count"}]}
    assert [a["scale"] for name, a in named([outer]) if name == "Rescaling"] == [0, 1]
    stage = {"layers": [{"repeat": 2, "layers": [{"Rescaling": "${count / total}"}]}]}
    model = ModelConfig(
        input_shape=(8, 8, 4), blocks={"stage": stage}, layers=[{"repeat": 2, "layers": ["stage"]}]
    )
    scales = [layer.arguments["scale"] for layer in resolve(model, 10).layers]
    assert scales == [0, 0.5, 0, 0.5]


def test_total_takes_conditions_into_account():
    item = {"when": "${index > 0}", "layers": [{"repeat": 2, "layers": [{"Rescaling": "$total"}]}]}
    assert [a["scale"] for _, a in named([{"repeat": 3, "layers": [item]}])] == [4] * 4


def test_a_total_that_depends_on_shapes_is_refused():
    item = {"repeat": "$channels", "layers": [{"Dropout": "${index / total}"}]}
    with pytest.raises(ConfigError, match=r"depends on \$channels"):
        named([item])


def test_shape_variables_follow_the_rank():
    four = [{"Reshape": [[8, 8, 2, 2]]}, {"Reshape": [["$height", "$width", "${channels * 2}"]]}]
    assert resolve(ModelConfig(input_shape=(8, 8, 4), layers=four), 1).output_shape == (8, 8, 4)
    sequence = [{"Reshape": [[-1, "$channels"]]}, {"Reshape": [["$features", "$length"]]}]
    assert resolve(ModelConfig(input_shape=(8, 8, 4), layers=sequence), 1).output_shape == (4, 64)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"SplitChannels": [[[], [], []]]}, "cannot divide 4 channels by 3 branches"),
        (
            {"SplitChannels": {"branches": [[], []], "sizes": [1, 2]}},
            "needs 2 sizes that add up to the 4 channels of its input, but they are [1, 2]",
        ),
        ({"ShuffleChannels": 3}, "needs groups that divide the 4 channels of its input, not 3"),
        ({"SliceChannels": [3, 1]}, "removes 0 columns and 4 channels, which leaves nothing"),
    ],
    ids=range(4),
)
def test_channels_that_cannot_be_divided(item, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        named([item])
