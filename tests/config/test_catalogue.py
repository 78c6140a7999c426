"""The catalogue, held against the installed Keras."""

from __future__ import annotations

import importlib
import json
import runpy
import subprocess
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.config import catalogue
from cnnzoo.config.argument_types import TYPES
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import APPLICATIONS

GENERATOR = Path(__file__).parents[2] / "scripts" / "generate-catalogue"
ENTRIES = [
    catalogue.entry(namespace, name)
    for namespace in catalogue.namespaces()
    for name in catalogue.names(namespace)
]
ARGUMENTS = [(entry, argument) for entry in ENTRIES for argument in entry.arguments.values()]

# A value for each required argument: by class and argument, else by type.
EXAMPLES = {
    "Bidirectional.layer": {"LSTM": {"units": 2}},
    "EinsumDense.equation": "abc,cd->abd",
    "EinsumDense.output_shape": [None, 3],
    "Permute.dims": [2, 1],
    "PiecewiseConstantDecay.boundaries": [10],
    "PiecewiseConstantDecay.values": [0.1, 0.01],
    "activations": "relu",
    "fraction": 0.5,
    "fraction_or_pair": [0.1, 0.2],
    "ints": [1, 0],
    "layers": {"Dense": {"units": 2}},
    "non_negative_number": 0.5,
    "number": 0.5,
    "number_or_numbers": 0.5,
    "number_or_pair": [-0.1, 0.2],
    "optimizers": {"SGD": {}},
    "positive_int": 2,
    "positive_number": 2,
    "rate": 0.5,
    "size_1d": 2,
    "size_2d": [2, 2],
    "size_3d": [2, 2, 2],
    "target_shape": [2, -1],
}


def label(entry: Entry) -> str:
    return f"{entry.namespace}.{entry.name}"


@cache
def keras_module(namespace: str) -> Any:
    return importlib.import_module(
        "keras.optimizers.schedules" if namespace == "schedules" else f"keras.{namespace}"
    )


def construct(entry: Entry, **arguments: object) -> Any:
    """Give Keras the arguments, and examples for the required ones."""
    needed = [argument for argument in entry.arguments.values() if argument.required]
    given = {argument.name: example(entry, argument) for argument in needed} | arguments
    thing = getattr(keras_module(entry.namespace), entry.name)
    if entry.namespace == "activations":
        return thing(importlib.import_module("numpy").ones((1, 4), "float32"), **given)
    return thing(**given)


def example(entry: Entry, argument: Argument) -> object:
    value = EXAMPLES.get(f"{entry.name}.{argument.name}", EXAMPLES.get(argument.type))
    assert value is not None, f"{entry.name}.{argument.name} needs a line in EXAMPLES"
    assert catalogue.mismatch(argument, value) is None
    if isinstance(value, dict):
        ((name, arguments),) = value.items()
        return construct(catalogue.entry(argument.namespace, name), **arguments)
    return value


def as_yaml(value: object) -> object:
    return [as_yaml(item) for item in value] if isinstance(value, tuple) else value


def argument_of(kind: str, **fields: Any) -> Argument:
    return Argument("x", kind, False, None, **{"nullable": False, "values": (), "doc": ""} | fields)


# ── against Keras ──────────────────────────────────────────────────────────────────────────────


def test_the_catalogue_is_what_the_generator_writes():
    version = importlib.import_module("keras").__version__
    if version != catalogue.keras_version():
        pytest.skip(f"the catalogue is of Keras {catalogue.keras_version()}, this is {version}")
    generator = runpy.run_path(str(GENERATOR))
    written = files("cnnzoo.config").joinpath("catalogue.json").read_text(encoding="utf-8")
    assert generator["as_text"](generator["catalogue"]()) + "\n" == written


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_keras_takes_the_required_arguments_alone(entry):
    construct(entry)


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_keras_takes_every_argument(entry):
    arguments = entry.arguments.values()
    construct(entry, **{a.name: as_yaml(a.default) for a in arguments if not a.required})


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_keras_takes_every_value_of_an_enum(entry):
    for argument in entry.arguments.values():
        for value in argument.values:
            construct(entry, **{argument.name: value})


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_keras_takes_null_where_it_is_allowed(entry):
    for argument in entry.arguments.values():
        if argument.nullable:
            construct(entry, **{argument.name: None})


@pytest.mark.parametrize("namespace", catalogue.namespaces())
def test_keras_understands_every_alias(namespace):
    module = keras_module(namespace)
    for alias, name in catalogue.aliases(namespace).items():
        thing = getattr(module, name)
        if getattr(module, alias, None) is not thing:
            found = module.get(alias)
            assert isinstance(found, thing) or thing().fn is found


def test_a_whole_number_reaches_keras_as_a_float_where_it_must():
    for namespace, name, argument in (
        ("optimizers", "Adam", "learning_rate"),
        ("metrics", "FBetaScore", "beta"),
        ("metrics", "F1Score", "threshold"),
    ):
        entry = catalogue.entry(namespace, name)
        value = catalogue.as_keras_takes_it(entry.arguments[argument], 1)
        assert isinstance(value, float)
        construct(entry, **{argument: value})


# ── what the catalogue says ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_each_argument_is_described_and_its_default_is_of_its_type(entry):
    for argument in entry.arguments.values():
        assert argument.type in TYPES
        assert 0 < len(argument.doc) <= 120
        assert (argument.type == "enum") == bool(argument.values)
        if not argument.required:
            assert catalogue.mismatch(argument, argument.default) is None
        if argument.namespace and isinstance(argument.default, str):
            assert catalogue.entry(argument.namespace, argument.default)


@pytest.mark.parametrize("entry", ENTRIES, ids=label)
def test_an_entry_is_described_and_found_by_its_names(entry):
    assert 0 < len(entry.doc) <= 120
    assert catalogue.entry(entry.namespace, entry.name) is entry
    assert catalogue.refusal(entry.namespace, entry.name) is None
    aliases = catalogue.aliases(entry.namespace)
    for alias in (alias for alias, name in aliases.items() if name == entry.name):
        assert catalogue.entry(entry.namespace, alias) is entry


def test_arguments_are_in_positional_order():
    arguments = list(catalogue.entry("layers", "Conv2D").arguments)
    assert arguments[:4] == ["filters", "kernel_size", "strides", "padding"]
    assert arguments[-3:] == ["name", "trainable", "dtype"]


def test_an_entry_of_each_kind():
    filters = catalogue.entry("layers", "Conv2D").arguments["filters"]
    assert filters == Argument(
        "filters", "positive_int", True, None, False, (), "Number of output channels."
    )
    padding = catalogue.entry("layers", "MaxPool2D").arguments["padding"]
    assert (padding.default, padding.values) == ("valid", ("valid", "same"))
    initializer = catalogue.entry("layers", "Dense").arguments["kernel_initializer"]
    assert (initializer.namespace, initializer.default) == ("initializers", "glorot_uniform")
    assert catalogue.entry("optimizers", "Adam").arguments["learning_rate"].namespace == "schedules"
    assert catalogue.entry("activations", "leaky_relu").arguments["negative_slope"].default == 0.2


def test_an_unknown_name_is_neither_entry_nor_refused():
    assert catalogue.entry("layers", "Conv7D") is None
    assert catalogue.refusal("layers", "Conv7D") is None


def test_the_file_stays_small_and_has_one_class_a_line():
    text = files("cnnzoo.config").joinpath("catalogue.json").read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert sum(line.startswith('"Conv2D": {') for line in text.splitlines()) == 1


def test_reading_loads_no_framework():
    code = (
        "import sys; from cnnzoo.config import catalogue; catalogue.entry('layers', 'Conv2D'); "
        "print({'keras', 'tensorflow', 'jax', 'numpy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True).strip() == "set()"


# ── what is refused ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        *(("layers", name) for name in ("Lambda", "TFSMLayer", "TorchModuleWrapper")),
        *(("layers", name) for name in ("JaxLayer", "FlaxLayer", "StringLookup", "Concatenate")),
        *(("callbacks", name) for name in ("ModelCheckpoint", "BackupAndRestore", "CSVLogger")),
        *(("callbacks", name) for name in ("TensorBoard", "RemoteMonitor", "LambdaCallback")),
        *(("callbacks", name) for name in ("LearningRateScheduler", "OrbaxCheckpoint")),
        ("metrics", "MeanMetricWrapper"),
        ("optimizers", "MultiOptimizer"),
    ],
)
def test_what_carries_code_or_touches_files_is_refused_with_a_reason(namespace, name):
    assert catalogue.entry(namespace, name) is None
    assert catalogue.refusal(namespace, name).startswith("it ")


def test_nothing_is_both_an_entry_and_refused():
    document = json.loads(files("cnnzoo.config").joinpath("catalogue.json").read_text("utf-8"))
    for namespace in document["namespaces"].values():
        assert not namespace["refused"].keys() & namespace["entries"].keys()
        assert not namespace["refused"].keys() & namespace["aliases"].keys()
        assert not namespace["entries"].keys() & namespace["aliases"].keys()
        assert set(namespace["aliases"].values()) <= namespace["entries"].keys()


def test_no_argument_names_a_file_a_place_or_code():
    words = {word for _, argument in ARGUMENTS for word in argument.name.split("_")}
    assert not words & {"path", "file", "filename", "filepath", "dir", "directory", "url", "root"}
    assert not words & {"fn", "function", "module", "vocabulary", "code", "object", "headers"}


def test_free_text_is_taken_only_where_it_is_known_to_be_harmless():
    free = {(e.name, a.name) for e, a in ARGUMENTS if a.type == "string"}
    assert free == {
        ("EarlyStopping", "monitor"),
        ("ReduceLROnPlateau", "monitor"),
        ("EinsumDense", "equation"),
        ("EinsumDense", "bias_axes"),
    }


def test_every_network_of_keras_is_a_layer_that_begins_at_random_without_its_head():
    applications = importlib.import_module("keras").applications
    assert {*APPLICATIONS} == {name for name in vars(applications) if name[0].isupper()}
    for entry in APPLICATIONS.values():
        assert entry.namespace == "layers"
        assert next(iter(entry.arguments)) == "weights"
        assert entry.arguments["weights"].default is None
        assert entry.arguments["include_top"].default is False
        assert entry.arguments["trainable"].default is True
        assert entry.refused.keys() >= {"classes", "input_shape", "input_tensor"}


def test_an_argument_that_is_left_out_has_a_reason():
    gru = catalogue.entry("layers", "GRU")
    assert "return_state" not in gru.arguments
    assert gru.refused["return_state"].startswith("it gives the layer several outputs")
    assert not any(entry.refused.keys() & entry.arguments.keys() for entry in ENTRIES)


# ── mismatch ───────────────────────────────────────────────────────────────────────────────────

NAN, INF = float("nan"), float("inf")
# For each type, values that are of it and values that are not.
TRUTH: dict[str, tuple[list[object], list[object]]] = {
    "bool": ([True, False], [0, 1, "true", None]),
    "int": ([0, -1, 7], [True, 3.0, 3.5, "32", None, [1]]),
    "non_negative_int": ([0, 7], [-1, True, 0.0, "1"]),
    "positive_int": ([1, 32], [0, -1, True, 3.0, "32", [3], None]),
    "number": ([0, -1, 0.5], [True, "0.5", NAN, INF, -INF, 10**400, None]),
    "non_negative_number": ([0, 2, 0.5], [-0.1, NAN, INF, True]),
    "positive_number": ([1, 1e-30], [0, 0.0, -1, NAN, INF, False]),
    "fraction": ([0, 1, 0.5], [-0.1, 1.1, NAN, True, "1"]),
    "rate": ([0, 0.99], [1, 1.0, -0.1, NAN, False]),
    "string": (["", "val_loss"], [1, None, ["a"]]),
    "name": (
        ["conv_1", "block_2.conv-a"],
        ["", "block 2", "a/b", "..", "../a", "é", "a\n", 1, None],
    ),
    "names": ([[], ["conv", "dense"]], ["conv", ["a/b"], [1]]),
    "ints": ([[], [1, -1], (1, 2)], [1, [1.0], [True], "12"]),
    "int_or_ints": ([1, [1, 2]], [1.0, ["1"], None, True]),
    "numbers": ([[1, 0.5]], [0.5, [NAN], ["1"]]),
    "number_or_numbers": ([0.5, [1, 0.5]], [NAN, [INF], "1", [[1]]]),
    "number_or_nested": (
        [0.5, [1, 0.5], [[1, 2], [3, 4]]],
        [NAN, [[INF]], "1", ["1"], [[1], 2], [[[[[[1]]]]]]],
    ),
    "number_pair": ([[0, 255], (0.0, 1.0)], [255, [0], [0, 1, 2], [0, "1"]]),
    "number_or_pair": ([0.2, [-0.2, 0.2]], [[0.2], [1, 2, 3], "0.2", NAN]),
    "fraction_or_pair": ([0.2, [0, 1]], [[0.2], -0.1, [0, 2], True]),
    "int_pair": ([[8, 8]], [8, [8], [0, 8], [8.0, 8]]),
    "shape": ([[None, 3], []], [3, [0], [-1], ["3"]]),
    "target_shape": ([[7, -1], [3, 3], []], [7, [-1, -1], [0], [None], "7"]),
    "size_1d": ([2, [2]], [0, [2, 2], 2.0, True]),
    "size_2d": ([2, [2, 3], (2, 3)], [0, [2], [2, 0], [2, 2, 2], 2.0, "2", None, True]),
    "size_3d": ([2, [2, 2, 2]], [0, [2, 2], 2.5]),
    "offset_1d": ([0, [1]], [-1, [0, 0], 0.0]),
    "offset_2d": ([0, [0, 1]], [-1, [0], [-1, 0]]),
    "offset_3d": ([0, [0, 1, 2]], [-1, [0, 1]]),
    "margin_1d": ([0, [1, 2]], [-1, [1], [[1, 2]]]),
    "margin_2d": ([0, [1, 2], [[0, 1], [2, 3]]], [-1, [1], [1, [2, 3]], [[0, 1]], 1.0]),
    "margin_3d": ([0, [1, 2, 3], [[0, 1], [2, 3], [4, 5]]], [-1, [1, 2], [[0, 1], [2, 3]]]),
    "no": ([False], [True, None, 0, "false"]),
    "weights": (["imagenet", "a/b.weights.h5", "m.keras"], ["", "x.pt", "http://a/b.h5", 1, None]),
    "enum": (["valid", "same"], ["SAME", "full", 1, None, ["valid"]]),
    "layers": (["Flatten", {"Dense": 2}], [2, None, {}, {"A": 1, "B": 2}, {1: 2}, ["Dense"]]),
    "optimizers": (["Adam", {"Adam": {}}], [0.1, None]),
    "schedules_or_number": ([0, 1e-3, {"CosineDecay": {}}], [-1, NAN, True, None, []]),
    "initializers": (["he_normal", {"HeNormal": {"seed": 1}}], [0, None, [1]]),
    "regularizers": (["l2", {"L2": 1e-4}], [1e-4, True]),
    "constraints": (["NonNeg", {"MaxNorm": 2}], [2]),
    "activations": (["relu"], [1, None, []]),
}


def test_the_truth_table_has_every_type():
    assert TRUTH.keys() == TYPES.keys()
    networks = {argument.type for it in APPLICATIONS.values() for argument in it.arguments.values()}
    assert {argument.type for _, argument in ARGUMENTS} | networks == TRUTH.keys()


@pytest.mark.parametrize("kind", TRUTH)
def test_mismatch_tells_a_value_of_the_type_from_another(kind):
    argument = argument_of(kind, values=("valid", "same") if kind == "enum" else ())
    of_type, not_of_type = TRUTH[kind]
    for value in of_type:
        assert catalogue.mismatch(argument, value) is None, value
    for value in not_of_type:
        assert catalogue.mismatch(argument, value), value


def test_mismatch_says_what_was_expected():
    assert catalogue.mismatch(argument_of("positive_int"), "32") == "a positive integer"
    padding = argument_of("enum", values=("valid", "same"))
    assert catalogue.mismatch(padding, "full") == "one of valid, same"
    nullable = argument_of("size_2d", nullable=True)
    assert catalogue.mismatch(nullable, 0) == "a positive integer or a list of 2, or null"
    assert catalogue.mismatch(nullable, None) is None


def test_a_value_that_is_not_of_an_enum_is_refused():
    for argument in (argument for _, argument in ARGUMENTS if argument.type == "enum"):
        assert catalogue.mismatch(argument, "bogus").startswith("one of ")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=2),
    max_leaves=5,
)


@given(VALUES)
def test_mismatch_judges_any_value_of_a_yaml_file(value):
    for kind in TRUTH:
        expected = catalogue.mismatch(argument_of(kind, values=("valid",)), value)
        assert expected is None or expected
        if isinstance(value, bool):
            assert (expected is None) == (kind == "bool" or (kind == "no" and not value))
