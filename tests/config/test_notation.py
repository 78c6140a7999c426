"""One notation for every Keras class."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.config import catalogue
from cnnzoo.config.calls import (
    Block,
    BlockUse,
    Call,
    Repeat,
    check_variables,
    has_expression,
    shown,
    written,
)
from cnnzoo.config.composites import COMPOSITES
from cnnzoo.config.expressions import Expression
from cnnzoo.config.layer_lists import LayerParser, parse_call
from cnnzoo.config.notation import ACTIVATION_LAYERS, MAX_MISTAKES
from cnnzoo.config.params import evaluate_params
from cnnzoo.config.reader import read_yaml
from cnnzoo.config.variables import variable_problem
from cnnzoo.errors import ConfigError, Place


def layer(value: Any) -> Call:
    return parse_call("layers", value)


def mistakes(value: Any, namespace: str = "layers") -> str:
    with pytest.raises(ConfigError) as caught:
        parse_call(namespace, value)
    return str(caught.value)


def items(value: Any, **known: Any) -> tuple[Any, ...]:
    parser = LayerParser(**known)
    parsed = parser.layers(value, None)
    if parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    return parsed


# ── the four forms ─────────────────────────────────────────────────────────────────────────────


def test_the_four_forms_are_equal():
    wanted = Call("layers", "MaxPooling2D", {"pool_size": 2})
    assert layer({"MaxPooling2D": 2}) == wanted
    assert layer({"MaxPooling2D": [2]}) == wanted
    assert layer({"MaxPooling2D": {"pool_size": 2}}) == wanted
    assert layer({"MaxPool2D": 2}) == wanted  # Keras' other name
    bare = Call("layers", "Flatten")
    assert layer("Flatten") == layer({"Flatten": None}) == layer({"Flatten": {}}) == bare
    assert layer({"Flatten": []}) == bare
    assert layer(wanted) is wanted


def test_a_list_is_positional():
    assert layer({"Conv2D": [6, [5, 3], 2, "same"]}) == Call(
        "layers", "Conv2D", {"filters": 6, "kernel_size": (5, 3), "strides": 2, "padding": "same"}
    )
    assert layer({"Conv2D": [6, 5]}) == layer({"Conv2D": {"filters": 6, "kernel_size": 5}})


@pytest.mark.parametrize("namespace", catalogue.namespaces())
def test_every_class_without_required_arguments_is_its_bare_name(namespace):
    for name in catalogue.names(namespace):
        entry = catalogue.entry(namespace, name)
        if not any(argument.required for argument in entry.arguments.values()):
            assert parse_call(namespace, name) == Call(namespace, name)
            assert parse_call(namespace, {name: {}}) == Call(namespace, name)


@pytest.mark.parametrize("namespace", catalogue.namespaces())
def test_every_alias_is_its_class(namespace):
    for alias, name in catalogue.aliases(namespace).items():
        entry = catalogue.entry(namespace, name)
        if not any(argument.required for argument in entry.arguments.values()):
            assert parse_call(namespace, alias) == Call(namespace, name)


@pytest.mark.parametrize("namespace", catalogue.namespaces())
def test_every_refused_class_says_why(namespace):
    document = catalogue._document()["namespaces"][namespace]
    for name, reason in document["refused"].items():
        assert f"{name} is refused: {reason}" in mistakes(name, namespace)
        assert "is refused" in mistakes({name: {"x": 1}}, namespace)


def test_unsafe_classes_are_refused():
    for name in ("Lambda", "TFSMLayer", "TorchModuleWrapper", "StringLookup"):
        assert "is refused" in mistakes({name: "x"})
    assert "is refused" in mistakes("LambdaCallback", "callbacks")


def test_refused_arguments_say_why():
    assert "Dense's 'lora_rank' is refused: " in mistakes({"Dense": {"units": 3, "lora_rank": 2}})


# ── what nests ─────────────────────────────────────────────────────────────────────────────────

NESTED = {
    "kernel_initializer": [
        ("he_normal", Call("initializers", "HeNormal")),
        ("HeNormal", Call("initializers", "HeNormal")),
        (
            {"RandomUniform": {"minval": -1, "maxval": 1}},
            Call("initializers", "RandomUniform", {"minval": -1.0, "maxval": 1.0}),
        ),
        ({"Constant": 0.1}, Call("initializers", "Constant", {"value": 0.1})),
        ({"Constant": [[[1, 2]]]}, Call("initializers", "Constant", {"value": ((1, 2),)})),
    ],
    "kernel_regularizer": [
        ("l2", Call("regularizers", "L2")),
        ({"L2": 1e-4}, Call("regularizers", "L2", {"l2": 1e-4})),
        ({"L1L2": [0.1, 0.2]}, Call("regularizers", "L1L2", {"l1": 0.1, "l2": 0.2})),
        (None, None),
    ],
    "kernel_constraint": [({"MaxNorm": 2}, Call("constraints", "MaxNorm", {"max_value": 2.0}))],
    "activation": [
        ("relu", "relu"),
        ("swish", "silu"),
        ("LeakyReLU", Call("layers", "LeakyReLU")),
        ({"LeakyReLU": 0.001}, Call("layers", "LeakyReLU", {"negative_slope": 0.001})),
        (
            {"ReLU": {"max_value": 6}},
            Call("layers", "ReLU", {"max_value": 6.0}),
        ),
        (None, None),
        ("$activation", Expression("$activation")),
    ],
}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [(name, value, wanted) for name, pairs in NESTED.items() for value, wanted in pairs],
)
def test_objects_nest(name, value, wanted):
    call = layer({"Conv2D": {"filters": 6, "kernel_size": 3, name: value}})
    assert call.arguments[name] == wanted
    assert layer(written(call)) == call


def test_schedules_nest_where_a_number_stands():
    call = parse_call(
        "optimizers",
        {"SGD": {"learning_rate": {"CosineDecay": [0.1, "$steps"]}, "momentum": 0.9}},
    )
    schedule = call.arguments["learning_rate"]
    assert schedule == Call(
        "schedules",
        "CosineDecay",
        {"initial_learning_rate": 0.1, "decay_steps": Expression("$steps")},
    )
    assert parse_call("optimizers", {"SGD": 1}).arguments == {"learning_rate": 1.0}


def test_layers_nest_in_wrappers():
    call = layer({"TimeDistributed": {"layer": {"Dense": 3}}})
    assert call.arguments["layer"] == Call("layers", "Dense", {"units": 3})
    assert "Keras has no layer 'Dens'; did you mean 'Dense'?" in mistakes(
        {"TimeDistributed": {"layer": {"Dens": 3}}}
    )


def test_composites_nest():
    call = layer(
        {
            "Residual": {
                "layers": [{"Branches": {"branches": [[], ["ReLU"]], "merge": "add"}}],
                "shortcut": [{"Residual": {"layers": ["Flatten"]}}],
            }
        }
    )
    assert call.arguments["layers"][0] == Call(
        "layers", "Branches", {"branches": ((), (Call("layers", "ReLU"),)), "merge": "add"}
    )
    assert layer(written(call)) == call


def test_activations_with_weights_of_their_own_are_layers():
    for value in ("PReLU", {"PReLU": {}}):
        said = mistakes({"Dense": {"units": 3, "activation": value}})
        assert "PReLU has weights, so it cannot be" in said
        assert "- PReLU" in said
    assert layer("PReLU") == Call("layers", "PReLU")


@pytest.mark.parametrize("name", ACTIVATION_LAYERS)
def test_activation_layers_are_activations_and_layers(name):
    assert layer({"Dense": {"units": 3, "activation": name}}).arguments["activation"] == layer(name)


@pytest.mark.parametrize("argument", ["layers", "shortcut"])
def test_no_variable_stands_for_layers(argument):
    said = mistakes({"Residual": {"layers": ["ReLU"], argument: "$layers"}})
    assert "expected a list of layers, got '$layers'" in said
    assert "at least two lists of layers" in mistakes({"Branches": {"branches": "$branches"}})
    assert "expected a list of layers" in mistakes({"Branches": {"branches": ["$a", []]}})
    assert "expected a layer" in mistakes("$layer")


# ── mistakes ───────────────────────────────────────────────────────────────────────────────────

# What a person writes → what they are told.
SAID = [
    ("Conv2d", "Keras has no layer 'Conv2d'; did you mean 'Conv2D'?"),
    ({"Conv": 3}, "did you mean 'Conv2D'?"),
    ({"Conv1d": 3}, "did you mean 'Conv1D'?"),
    ({"MaxPool": 2}, "did you mean 'MaxPooling2D'?"),
    ({"BatchNorm": {}}, "did you mean 'BatchNormalization'?"),
    ({"Linear": 3}, "did you mean 'Dense'?"),
    ({"Residul": {}}, "did you mean 'Residual'?"),
    ({"conv2d": 3}, "did you mean 'Conv2D'?"),
    ("relu", "relu is an activation; write Activation: relu"),
    ("SGD", "SGD is an optimizer"),
    ("Conv2D(3, 3)", "write Conv2D, or Conv2D: {ARGUMENT: VALUE, …}"),
    ("", "Keras has no layer ''"),
    ({"": 3}, "Keras has no layer ''"),
    ({"Dense": {"unit": 3}}, "Dense has no argument 'unit'; did you mean 'units'?"),
    ({"Dense": {"neurons": 3}}, "did you mean 'units'?"),
    ({"Dense": {"xyz": 3}}, "its arguments: units, "),
    ({"Dense": {"units:3": None}}, "write a space after the colon: units: 3"),
    ({"Dense": "3"}, "write 3 without quotes"),
    ({"Dense": 3.5}, "it must be whole"),
    ({"Dense": float("inf")}, "Dense's 'units' must be a positive integer, not inf"),
    ({"Dense": float("nan")}, "not nan"),
    ({"Dense": True}, "must be a positive integer, not True"),
    ({"Dense": None}, "Dense needs 'units'"),
    ({"Dense": {"units": None}}, "must be a positive integer, not nothing"),
    ({"Dense": {"units": {"a": 1}}}, "not a mapping (a)"),
    ({"Dense": [3, "relu", True, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]}, "arguments at most"),
    ({"Flatten": 3}, "Flatten's 'data_format' must be"),
    ({"Reshape": [7, 7, 64]}, "write Reshape: {target_shape: [7, 7, 64]}"),
    ({"Reshape": ["$height", 7, 64]}, "write Reshape: {target_shape: [$height, 7, 64]}"),
    ({"Residual": ["ReLU", {"Dense": 3}]}, "write Residual: {layers: [ReLU, …]}"),
    ({"Conv2D": {"filters": 3, "kernel_size": 3, "padding": "smae"}}, "did you mean 'same'?"),
    ({"Conv2D": {"filters": 3, "kernel_size": 3, "use_bias": "no"}}, "write false"),
    ({"Conv2D": {"filters": 3, "kernel_size": "(3"}}, "a list has square brackets"),
    ({"Conv2D": {"filters": 3, "kernel_size": [3, "3"]}}, "not [3, '3']"),
    ({"Dense": {"units": 3, "activation": "None"}}, "write null"),
    ({"Dense": {"units": 3, "activation": "relo"}}, "Keras has no activation 'relo'; did you"),
    ({"Dense": {"units": 3, "activation": 7}}, "Keras has no activation 7"),
    ({"Dense": {"units": 3, "activation": ["relu"]}}, "Keras has no activation ['relu']"),
    ({"Dense": {"units": 3, "activation": {"tanh": 2}}}, "'tanh' takes no arguments"),
    ({"Dense": {"units": 3, "kernel_initializer": 3}}, "expected an initializer"),
    ({"Dense": {"units": 3, "kernel_regularizer": "L3"}}, "Keras has no regularizer 'L3'"),
    ({"Dense": {"units": 3, "kernel_initializer": "Dense"}}, "Dense is a layer"),
    ({"Conv2D": None, "filters": 3}, "indent the arguments deeper than Conv2D"),
    ({"Conv2D": 3, "Flatten": None}, "begin the next layer with '- Flatten'"),
    ({}, "expected a layer"),
    (3, "got 3"),
    (None, "got nothing"),
    ([], "got []"),
    ({1: 2}, "expected a layer"),
    ({"Dense": {1: 2}}, "Dense has no argument 1"),
    ({"Dense": "$"}, "'$' is not an expression"),
    ({"Branches": {"branches": [[], []], "merge": "concat"}}, "did you mean 'concatenate'?"),
]


@pytest.mark.parametrize(("value", "said"), SAID, ids=range(len(SAID)))
def test_what_is_said(value, said):
    assert said in mistakes(value)


def test_a_misspelled_argument_is_not_missing_as_well():
    with pytest.raises(ConfigError) as caught:
        layer({"Conv2D": {"filtres": 3, "kernel_sise": 3}})
    assert len(caught.value.mistakes) == 2


def test_all_mistakes_are_told_each_with_its_place():
    text = "- Conv2D: {filtres: 6, kernel_size: 5,\n    padding: smae}\n- Flaten\n- Dense\n"
    parser = LayerParser()
    parser.layers(read_yaml(text, "it.yaml"), None)
    assert [str(mistake.place) for mistake in parser.mistakes] == [
        "it.yaml:1:12",
        "it.yaml:2:14",
        "it.yaml:3:3",
        "it.yaml:4:3",
    ]


def test_more_mistakes_than_a_person_mends_are_cut_short():
    with pytest.raises(ConfigError) as caught:
        items([f"Layer{i}" for i in range(5000)])
    assert len(caught.value.mistakes) == MAX_MISTAKES


def test_long_values_are_shortened():
    assert len(shown("x" * 1000)) == 60
    assert len(shown({"x" * 1000: 1})) < 80
    assert len(mistakes({"Dense": {"y" * 10_000: 3}})) < 1000
    assert len(mistakes({"y" * 10_000: 3, "z" * 10_000: 3})) < 1000
    assert len(mistakes("z" * 10_000)) < 1000


# ── expressions ────────────────────────────────────────────────────────────────────────────────


def test_expressions_are_kept_with_their_place():
    read = read_yaml("Dense: {units: $classes}", "it.yaml")
    assert layer(read).arguments["units"].place == Place("it.yaml", 1, 16)
    kernel = layer({"Conv2D": ["$filters", ["$k", "${k * 2}"]]}).arguments["kernel_size"]
    assert kernel == (Expression("$k"), Expression("${k * 2}"))
    assert has_expression(kernel)
    assert not has_expression((1, "a"))


def test_unknown_variables_are_mistakes_where_the_known_ones_are_known():
    parser = LayerParser(variables=["classes"])
    parser.layers([{"Dense": "$classes"}, {"Dense": "$clases"}, {"Dense": "${a + b}"}], None)
    assert [mistake.message for mistake in parser.mistakes] == [
        "there is no variable $clases here; did you mean $classes?",
        "there is no variable $a here",
        "there is no variable $b here",
    ]


def test_check_variables_finds_them_in_calls_within_calls():
    call = parse_call("optimizers", {"SGD": {"learning_rate": {"CosineDecay": [0.1, "$step"]}}})
    assert [m.message for m in check_variables((call, 3), ["steps"])] == [
        "there is no variable $step here; did you mean $steps?"
    ]
    assert check_variables(call, ["step"]) == []


def test_variable_names():
    assert variable_problem("width_multiplier") is None
    for name in ("Width", "1a", "", "a-b", "größe", 3, None):
        assert variable_problem(name) == "must be a word in lower case"
    for name in ("channels", "steps", "index", "classes"):
        assert "would hide" in (variable_problem(name) or "")
    for name in ("count", "total", "length", "features"):
        assert "would hide" in (variable_problem(name) or "")
    for name in ("lambda", "if", "class", "true"):
        assert "has a meaning in expressions" in (variable_problem(name) or "")


def test_params_may_use_those_above_them():
    params = evaluate_params(
        {"wide": 2, "base": "${8 * wide}", "sizes": ["$base", "${base * 2}"], "act": "relu"}
    )
    assert params == {"wide": 2, "base": 16, "sizes": (16, 32), "act": "relu"}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"a": "$b", "b": 1}, "there is no variable $b here"),
        ({"a": "$a"}, "there is no variable $a here"),
        ({"a": {"b": 1}}, "'a' must be a number"),
        ({"a": [[1]]}, "'a' must be a number"),
        ({"a": None}, "'a' must be a number"),
        ({"steps": 1}, "'steps' would hide"),
    ],
)
def test_params_that_are_refused(params, said):
    with pytest.raises(ConfigError, match=said.replace("$", r"\$")):
        evaluate_params(params)


# ── layer lists ────────────────────────────────────────────────────────────────────────────────


def test_repeat():
    assert items([{"repeat": 3, "layers": ["ReLU"]}]) == (Repeat((layer("ReLU"),), 3),)
    assert items([{"repeat": "$n", "layers": []}]) == (Repeat((), Expression("$n")),)
    assert items([{"repeat": {"filters": [1, "$n"]}, "layers": []}]) == (
        Repeat((), values={"filters": (1, Expression("$n"))}),
    )


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"repeat": 3}, "repeat needs 'layers'"),
        ({"repeat": 3, "layer": []}, "repeat has no key 'layer'; did you mean 'layers'?"),
        ({"repeat": -1, "layers": []}, "a count from 0 to 1000"),
        ({"repeat": 1001, "layers": []}, "a count from 0 to 1000"),
        ({"repeat": True, "layers": []}, "a count from 0 to 1000"),
        ({"repeat": "3", "layers": []}, "write 3 without quotes"),
        ({"repeat": [1, 2], "layers": []}, "lists of values, not [1, 2]"),
        ({"repeat": {}, "layers": []}, "lists of equal length"),
        ({"repeat": {"a": [1], "b": [1, 2]}, "layers": []}, "received a 1, b 2"),
        ({"repeat": {"a": 1}, "layers": []}, "received a not a list"),
        ({"repeat": {"channels": [1]}, "layers": []}, "would hide the variable $channels"),
        ({"repeat": {"Filters": [1]}, "layers": []}, "must be a word in lower case"),
        ({"repeat": 3, "layers": "ReLU"}, "expected a list of layers, got 'ReLU'"),
    ],
    ids=range(13),
)
def test_repeat_that_is_refused(item, said):
    with pytest.raises(ConfigError) as caught:
        items([item])
    assert said in str(caught.value)


def test_the_variables_of_a_repeat_are_known_in_it_only():
    repeat = {"repeat": {"n": [1, 2]}, "layers": [{"Dense": "${n + index}"}]}
    assert items([repeat], variables=[])
    with pytest.raises(ConfigError, match=r"no variable \$n here"):
        items([repeat, {"Dense": "$n"}], variables=[])


def block(**given: Any) -> Block:
    blocks = LayerParser().block_definitions({"conv": {"layers": [], **given}})
    return blocks["conv"]


def test_blocks():
    conv = block(parameters=["filters", {"size": 3}, {"wide": "${filters * 2}"}])
    assert conv.parameters == ("filters", "size", "wide")
    assert conv.defaults == {"size": 3, "wide": Expression("${filters * 2}")}
    assert written(conv) == {
        "parameters": ["filters", {"size": 3}, {"wide": "${filters * 2}"}],
        "layers": [],
    }


def test_uses_of_a_block():
    known = {"blocks": {"conv": block(parameters=["filters", {"size": 3}]).header}}
    assert items([{"conv": 8}], **known) == (BlockUse("conv", {"filters": 8}),)
    assert items([{"conv": [8, 5]}], **known) == (BlockUse("conv", {"filters": 8, "size": 5}),)
    assert items([{"conv": {"filters": [1, "$n"]}}], **known) == (
        BlockUse("conv", {"filters": (1, Expression("$n"))}),
    )
    for use, said in [
        ("conv", "conv needs 'filters'"),
        ({"conv": [1, 2, 3]}, "conv takes 2 parameters, got 3"),
        ({"conv": {"filters": 1, "sise": 2}}, "did you mean 'size'?"),
        ({"conv": {"filters": 1, "xyz": 2}}, "its parameters: filters, size"),
        ({"covn": 8}, "block 'covn' does not exist; did you mean 'conv'?"),
    ]:
        with pytest.raises(ConfigError) as caught:
            items([use], **known)
        assert said in str(caught.value)


def test_blocks_that_could_not_be_read_are_not_missed():
    assert items([{"conv": 8}, "other", "ReLU"], blocks=None) == (layer("ReLU"),)
    with pytest.raises(ConfigError, match="no layer 'Relu'"):
        items(["conv", "Relu"], blocks=None)


def test_defaults_stand_behind_what_a_layer_says():
    defaults = LayerParser().layer_defaults({"Conv2D": {"padding": "same", "kernel_size": 3}})
    first, second = items(
        [{"Conv2D": 8}, {"Convolution2D": {"filters": 8, "padding": "valid"}}], defaults=defaults
    )
    assert first.arguments == {"filters": 8, "padding": "same", "kernel_size": 3}
    assert second.arguments == {"filters": 8, "padding": "valid", "kernel_size": 3}


# ── any value ──────────────────────────────────────────────────────────────────────────────────

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats()
    | st.sampled_from(["relu", "same", "Flatten", "$x", "${x + 1}", "$", "he_normal", "L2", ""])
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*COMPOSITES, "Conv2D", "Dense", "repeat", "layers", "filters", "branches", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(st.lists(PLAIN, max_size=4))
def test_any_value_parses_or_is_refused(values):
    known = {"blocks": {"x": {"filters": 3}}, "variables": ["x"]}
    with contextlib.suppress(ConfigError):
        parsed = items(values, **known)
        assert items(written(parsed), **known) == parsed


EXAMPLES: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "positive_int": st.integers(1, 99),
    "int": st.integers(-9, 9),
    "non_negative_int": st.integers(0, 9),
    "number": st.floats(-9, 9) | st.integers(-9, 9),
    "non_negative_number": st.floats(0, 9) | st.integers(0, 9),
    "positive_number": st.floats(0.5, 9),
    "fraction": st.floats(0, 1),
    "rate": st.floats(0, 0.9),
    "size_2d": st.integers(1, 9) | st.lists(st.integers(1, 9), min_size=2, max_size=2),
    "initializers": st.sampled_from(["zeros", "HeNormal", {"Constant": 0.5}]),
    "regularizers": st.sampled_from(["L2", {"L1L2": [0.1, 0.2]}]),
    "constraints": st.sampled_from(["NonNeg", {"MaxNorm": 2}]),
    "activations": st.sampled_from(["relu", "swish", {"LeakyReLU": 0.1}]),
}


@st.composite
def calls(draw: st.DrawFn, namespace: str) -> dict[str, Any]:
    """A class of a namespace as a mapping, with values for arguments of the usual types."""
    entry = catalogue.entry(namespace, draw(st.sampled_from(catalogue.names(namespace))))
    given_arguments = {}
    for argument in entry.arguments.values():
        values = EXAMPLES.get(argument.type)
        if argument.type == "enum":
            values = st.sampled_from(argument.values)
        if values is not None and (argument.required or draw(st.booleans())):
            choice = draw(values | st.just("$x") | (st.none() if argument.nullable else st.just(0)))
            given_arguments[argument.name] = choice
    return {entry.name: given_arguments}


@pytest.mark.parametrize("namespace", ["layers", "optimizers", "losses", "metrics", "initializers"])
@given(data=st.data())
def test_what_is_parsed_is_written_as_it_parses(namespace, data):
    value = data.draw(calls(namespace))
    try:
        call = parse_call(namespace, value)
    except ConfigError:
        return
    again = written(call)
    assert parse_call(namespace, again) == call
    assert written(parse_call(namespace, again)) == again
