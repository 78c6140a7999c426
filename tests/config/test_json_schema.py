from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.config import catalogue, zoo
from cnnzoo.config.argument_types import TYPES
from cnnzoo.config.catalogue import Argument
from cnnzoo.config.composites import COMPOSITES
from cnnzoo.config.data_names import NAMES
from cnnzoo.config.json_schema import json_schema, schema_text
from cnnzoo.config.layer_lists import parse_call
from cnnzoo.config.reader import read_yaml, read_yaml_file
from cnnzoo.errors import ConfigError

SCHEMA = json_schema(NAMES)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FIXTURES = Path(__file__).parents[1] / "fixtures"
FILES = sorted([*zoo.directory().glob("*.yaml"), *FIXTURES.glob("*.yaml")])

NETWORK = """\
name: net
model:
  input_shape: [28, 28, 1]
  params: {base: 8, widths: [8, 16]}
  defaults: {Conv2D: {padding: same}}
  blocks:
    unit:
      parameters: [filters, strides: 1]
      layers:
        - Conv2D: {filters: $filters, kernel_size: 3, strides: $strides}
  layers:
    - Rescaling: 1/255
    - Conv2D: [8, 3]
    - unit: $base
    - repeat: 2
      layers: [ReLU]
    - repeat: {width: $widths}
      layers: [unit: $width]
    - Residual: {layers: [unit: [16, 1]], shortcut: [Conv2D: {filters: 16, kernel_size: 1}]}
    - Branches: {merge: multiply, branches: [[], [Residual: [[ReLU]]]]}
    - Flatten
    - Dense: {units: $classes, activation: softmax}
data: mnist5k
training:
  optimizer:
    Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 2e-3, decay_steps: $steps}}}
  metrics: [Precision]
  callbacks: [EarlyStopping: {patience: 3}]
"""


def first_mistake(text: str) -> str:
    error = jsonschema.exceptions.best_match(VALIDATOR.iter_errors(read_yaml(text)))
    return error.json_path if error else ""


def accepts(definition: str, value: Any) -> bool:
    return VALIDATOR.evolve(
        schema={**SCHEMA["$defs"][definition], "$defs": SCHEMA["$defs"]}
    ).is_valid(value)


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_its_text_is_the_schema_and_reasonably_small() -> None:
    text = schema_text(NAMES)
    assert json.loads(text) == SCHEMA
    assert len(text) < 600_000


def test_every_reference_leads_somewhere() -> None:
    def references(schema: Any) -> list[str]:
        if isinstance(schema, list):
            return [name for item in schema for name in references(item)]
        if not isinstance(schema, dict):
            return []
        inner = [name for key, item in schema.items() for name in references(item)]
        return [schema["$ref"], *inner] if isinstance(schema.get("$ref"), str) else inner

    found = set(references(SCHEMA))
    assert len(found) > 300
    for reference in found:
        target: Any = SCHEMA
        for step in reference.removeprefix("#/").split("/"):
            target = target[int(step)] if isinstance(target, list) else target[step]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    VALIDATOR.validate(read_yaml_file(path))


def test_every_form_is_valid() -> None:
    assert first_mistake(NETWORK) == ""


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("- Flatten", "- Flaten", "$.model.layers[7]"),
        ("- Flatten", "- Flaten: {}", "$.model.layers[7]"),
        ("- Flatten", "- Lambda", "$.model.layers[7]"),
        ("- Flatten", "- {Flatten: {}, ReLU: {}}", "$.model.layers[7]"),
        ("- Flatten", "- 3", "$.model.layers[7]"),
        ("units: $classes", "unit: $classes", "$.model.layers[8]"),
        ("units: $classes", "units: 3.5", "$.model.layers[8]"),
        ("units: $classes", "units: '32'", "$.model.layers[8]"),
        ("units: $classes", "units: 0", "$.model.layers[8]"),
        ("activation: softmax", "activation: softmx", "$.model.layers[8]"),
        ("{Conv2D: {padding: same}}", "{Conv2D: {padding: smae}}", "$.model.defaults"),
        ("{Conv2D: {padding: same}}", "{Conv2D: same}", "$.model.defaults"),
        ("Conv2D: [8, 3]", "Conv2D: [8, three]", "$.model.layers[1]"),
        ("Conv2D: [8, 3]", "Conv2D: [[8, 3]]", "$.model.layers[1]"),
        ("[ReLU]]]]", "[Relu]]]]", "$.model.layers[6]"),
        ("merge: multiply", "merge: times", "$.model.layers[6]"),
        ("branches: [[],", "branches: [", "$.model.layers[6]"),
        ("repeat: 2", "repeat: -1", "$.model.layers[3]"),
        ("repeat: 2", "repeat: many", "$.model.layers[3]"),
        ("layers: [ReLU]\n", "layer: [ReLU]\n", "$.model.layers[3]"),
        ("strides: 1]", "classes: 1]", "$.model.blocks"),
        ("parameters:", "arguments:", "$.model.blocks"),
        ("base: 8", "classes: 8", "$.model.params"),
        ("base: 8", "Base: 8", "$.model.params"),
        ("[28, 28, 1]", "[28, 28]", "$.model.input_shape"),
        ("[28, 28, 1]", "[28, 28, 0]", "$.model.input_shape"),
        ("Adam:", "Adan:", "$.training.optimizer"),
        ("decay_steps:", "steps:", "$.training.optimizer"),
        ("2e-3", "fast", "$.training.optimizer"),
        ("[Precision]", "Precision", "$.training.metrics"),
        ("[Precision]", "[Precison]", "$.training.metrics"),
        ("EarlyStopping", "LambdaCallback", "$.training.callbacks"),
        ("patience: 3", "patience: soon", "$.training.callbacks"),
        ("data: mnist5k", "data: mnist5", "$.data"),
        ("data: mnist5k", "data: {name: mnist5k, split: {test: 0.5}}", "$.data"),
        ("data: mnist5k", "data: {name: mnist5k, splits: {test: 1.5}}", "$.data"),
        ("training:", "train:", "$"),
        ("  optimizer:", "  epochs: 1.5\n  optimizer:", "$.training.epochs"),
        ("  optimizer:", "  epochs: 0\n  optimizer:", "$.training.epochs"),
        ("  optimizer:", "  epoch: 3\n  optimizer:", "$.training"),
        ("  input_shape: [28, 28, 1]\n", "", "$.model"),
    ],
)
def test_a_typical_mistake_is_found_at_its_place(old: str, new: str, path: str) -> None:
    assert NETWORK.count(old) == 1
    assert first_mistake(NETWORK.replace(old, new)).startswith(path)
    assert first_mistake(NETWORK.replace(old, new))


@pytest.mark.parametrize("names", ["[3, 5, cat]", "{3: 0, cat: 5}"])
@pytest.mark.parametrize("key", ["classes", "labels"])
def test_numbers_name_classes_too(key: str, names: str) -> None:
    text = NETWORK.replace("data: mnist5k", f"data: {{name: mnist5k, {key}: {names}}}")
    assert first_mistake(text) == ""
    assert first_mistake(text.replace("5", "5.5")).startswith("$.data")


def test_a_file_that_extends_another_may_leave_out_anything() -> None:
    assert first_mistake("extends: lenet\nmodel: {params: {base: 4}}\n") == ""
    assert first_mistake("model: {params: {base: 4}}\n") == "$.model"
    assert first_mistake("name: net\n") == "$"


def test_a_ratio_is_a_number_for_editors_that_read_it_as_text() -> None:
    assert accepts("layers", {"Rescaling": "1/255"})
    assert accepts("layers", {"Dropout": "$rate"})
    assert not accepts("layers", {"Rescaling": "1/0"})
    assert not accepts("layers", {"Dense": "1/2"})


@pytest.mark.parametrize("namespace", catalogue.namespaces())
def test_every_name_and_every_argument_is_known(namespace: str) -> None:
    names = {name: name for name in catalogue.names(namespace)} | catalogue.aliases(namespace)
    if namespace == "layers":
        names |= {name: name for name in COMPOSITES}
    for alias, name in names.items():
        if namespace == "activations":
            if alias == name:  # Keras' other names of activations are not read
                assert accepts("activations", alias)
            continue
        entry = COMPOSITES.get(name) or catalogue.entry(namespace, name)
        assert accepts(namespace, alias)
        assert not accepts(namespace, {alias: {"no_such_argument": 1}})
        keywords = SCHEMA["$defs"][f"{namespace}.{name}"]["anyOf"][0]["properties"]
        assert list(keywords) == list(entry.arguments)
        assert SCHEMA["$defs"][f"{namespace}.{name}"]["description"] == entry.doc
    for refused in catalogue._namespace(namespace)["refused"]:
        assert not accepts(namespace, refused)


numbers = st.integers(-3, 300) | st.floats(-2, 2).filter(lambda value: not value.is_integer())
scalars = st.none() | st.booleans() | numbers | st.sampled_from(["same", "a b", "../x", ""])
values = scalars | st.lists(scalars | st.lists(numbers, max_size=3), max_size=4)


@pytest.mark.parametrize("type", [name for name, kind in TYPES.items() if not kind.namespace])
@given(value=values)
def test_types_are_those_of_the_catalogue(type: str, value: Any) -> None:
    if type == "enum":
        argument = Argument("padding", type, values=("valid", "same"))
        definition = "one_of.valid.same"
    else:
        argument, definition = Argument("argument", type), type
    fits = catalogue.mismatch(argument, value) is None
    if type == "target_shape" and isinstance(value, list) and value.count(-1) > 1:
        return  # two sizes left open are found by check, not by the schema
    assert accepts(definition, value) == fits


optimizers = st.one_of(
    st.sampled_from(["Adam", "adam", "Adan", "SGD", 3, None]),
    st.dictionaries(
        st.sampled_from(["SGD", "AdamW", "Sgd"]),
        st.none()
        | numbers
        | st.lists(numbers, max_size=3)
        | st.dictionaries(st.sampled_from(["learning_rate", "rate", "weight_decay"]), numbers),
        max_size=2,
    ),
)


@given(value=optimizers)
def test_what_the_loader_takes_the_schema_takes(value: Any) -> None:
    try:
        parse_call("optimizers", value)
        loads = True
    except ConfigError:
        loads = False
    assert accepts("optimizers", value) == loads


def test_every_key_of_every_section_has_a_line_of_documentation() -> None:
    sections = {"Config": SCHEMA}
    for name, definition in SCHEMA["$defs"].items():
        if name[0].isupper():
            section = definition if "properties" in definition else definition["anyOf"][0]
            sections[name] = section
    assert {"Config", "ModelConfig", "DataConfig", "TrainingConfig"} <= set(sections)
    for name, section in sections.items():
        for key, schema in section["properties"].items():
            assert schema.get("description"), f"write a docstring below {name}.{key}"


def test_writing_it_loads_no_framework() -> None:
    code = (
        "import sys; from cnnzoo.config.json_schema import schema_text; schema_text();"
        "print(*{'keras', 'tensorflow', 'numpy', 'jsonschema'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
