"""From a file or a name, what it extends, and overrides to a Config, and back to text."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cnnzoo.config import zoo
from cnnzoo.config.calls import Call
from cnnzoo.config.loader import load_config, make_config
from cnnzoo.config.writer import dump_config
from cnnzoo.errors import ConfigError

FIXTURES = Path(__file__).parents[1] / "fixtures"
BASE = """\
name: base
description: what it is for
reference: 99 %
model:
  input_shape: [28, 28, 1]
  layers:
    - Flatten
    - Dense: {units: $classes, activation: softmax}
data: mnist5k
training:
  epochs: 3
  optimizer: {Adam: {learning_rate: 0.1}}
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(files))}.yaml"


def refusal(path: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value)


# ── round trips ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("source", [*zoo.names(), *map(str, sorted(FIXTURES.glob("*.yaml")))])
def test_what_is_dumped_loads_as_it_was(source, tmp_path):
    config = load_config(source)
    path = tmp_path / "again.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    again = load_config(path)
    assert again == config
    assert dump_config(again) == dump_config(config)


PLAIN_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
LAYERS = st.recursive(
    st.sampled_from(
        [
            "Flatten",
            "ReLU",
            {"Dense": {"units": "$classes", "activation": "softmax"}},
            {"Conv2D": {"filters": "${wide * 2}", "kernel_size": [3, 5], "activation": None}},
            {"Conv2D": {"filters": 3, "kernel_size": 3, "activation": {"LeakyReLU": 0.001}}},
            {"block": 3},
            {"block": {"filters": "$channels", "act": "tanh"}},
            {"Rescaling": 1 / 255},
            {"BatchNormalization": {"momentum": 1e-30}},
        ]
    ),
    lambda inner: (
        st.builds(
            lambda n, layers: {"repeat": n, "layers": [*layers, {"Dropout": "${index / 9}"}]},
            st.integers(0, 3) | st.just("$wide") | st.just({"n": [1, 2.5, "$wide"]}),
            st.lists(inner, max_size=2),
        )
        | st.builds(lambda layers: {"Residual": {"layers": layers}}, st.lists(inner, max_size=2))
        | st.builds(
            lambda first, second: {"Branches": {"merge": "add", "branches": [first, second]}},
            st.lists(inner, max_size=2),
            st.lists(inner, max_size=2),
        )
    ),
    max_leaves=6,
)
CONFIGS = st.fixed_dictionaries(
    {
        "name": st.text(string.ascii_letters + string.digits, min_size=1, max_size=9),
        "model": st.fixed_dictionaries(
            {
                "input_shape": st.tuples(*[st.integers(1, 64)] * 3).map(list),
                "params": st.just({"wide": 2}) | st.just({"wide": 1.5, "x": [True, "${wide * 2}"]}),
                "blocks": st.just(
                    {
                        "block": {
                            "parameters": ["filters", {"act": "relu"}],
                            "layers": [{"Dense": ["$filters", "$act"]}, "ReLU"],
                        }
                    }
                ),
                "layers": st.lists(LAYERS, min_size=1, max_size=4),
            },
            optional={
                "classes": st.integers(2, 9),
                "defaults": st.just({"Conv2D": {"padding": "same", "use_bias": False}}),
            },
        ),
    },
    optional={
        "description": PLAIN_TEXT,
        "reference": PLAIN_TEXT,
        "seed": st.integers(0, 2**32 - 1),
        "data": st.just("digits") | st.just({"name": "x y: z", "splits": {"test": 0.5}}),
        "training": st.fixed_dictionaries(
            {},
            optional={
                "epochs": st.integers(1, 10**9),
                "batch_size": st.integers(1, 10**9),
                "optimizer": st.just("SGD")
                | st.floats(0, 1).map(lambda rate: {"Adam": {"learning_rate": rate}})
                | st.just({"SGD": {"learning_rate": {"CosineDecay": [0.1, "${steps // 2}"]}}}),
                "loss": st.just({"SparseCategoricalCrossentropy": {"ignore_class": -1}}),
                "metrics": st.just(["AUC", {"TopKCategoricalAccuracy": 3}]),
                "callbacks": st.just([{"EarlyStopping": {"patience": 3}}]),
                "monitor": PLAIN_TEXT,
            },
        ),
    },
)


def described(text):
    return {
        "name": "any",
        "description": text,
        "model": {"input_shape": [1, 1, 1], "layers": ["Flatten"]},
    }


@given(CONFIGS)
@example(described("\x85"))  # a line break of YAML 1.1, as is the next
@example(described("a \u2028 b"))
def test_any_configuration_is_dumped_and_loaded_as_it_was(tmp_path_factory, value):
    config = make_config(value)
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(path) == config


# ── names ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("file", "name"),
    [("it", "it"), ("my net", "my-net"), ("größe", "gr-e"), ("...", "model"), ("a.b", "a.b")],
)
def test_without_a_name_it_has_that_of_its_file(tmp_path, file, name):
    path = written(tmp_path, **{file: BASE.replace("name: base\n", "")})
    assert load_config(path).name == name


# ── extends ────────────────────────────────────────────────────────────────────────────────────


def test_extends(tmp_path):
    path = written(tmp_path, top="extends: base\ntraining: {epochs: 5}\n", base=BASE)
    # The zoo has no "base", and "base" without its ending is no file.
    assert "there is no configuration 'base'" in refusal(path)
    path.write_text("extends: base.yaml\ntraining: {epochs: 5, optimizer: {SGD: 0.2}}\n")
    config = load_config(path)
    assert config.training.epochs == 5
    assert config.training.optimizer == Call("optimizers", "SGD", {"learning_rate": 0.2})
    assert config.model == load_config(tmp_path / "base.yaml").model
    # What speaks of the base itself is not inherited.
    assert (config.name, config.description, config.reference) == ("top", None, None)


def test_extends_a_folder_below_and_the_zoo(tmp_path):
    (tmp_path / "below").mkdir()
    written(tmp_path / "below", base="extends: lenet\ntraining: {epochs: 2}\n")
    path = written(tmp_path, top="extends: below/base.yaml\nseed: 7\n")
    config = load_config(path)
    assert config.model == load_config("lenet").model
    assert (config.training.epochs, config.seed) == (2, 7)


def test_values_keep_the_file_that_they_come_from(tmp_path):
    path = written(tmp_path, top="extends: base.yaml\ntraining: {epochs: 5}\n", base=BASE)
    config = load_config(path, ["seed=7"])
    assert config.training.place("epochs").file == str(path)
    assert config.training.place("optimizer").file == str(tmp_path / "base.yaml")
    assert config.training.place("optimizer").line == 12
    assert config.model.layers[1].place.line == 8
    assert config.place("seed").file == "seed=7"
    assert config.training.place("batch_size") is None
    assert config.data.place("name").line == 9


@pytest.mark.parametrize(
    ("extends", "said"),
    [
        ("nowhere", "top.yaml:1:10: error: there is no configuration 'nowhere'"),
        ("top.yaml", "circle: top.yaml → top.yaml"),
        ("[a, b]", "must be the name of one file"),
        ("3", "must be the name of one file"),
        ("../base.yaml", "must name a file in the folder of this one or below it"),
        ("below/../../base.yaml", "must name a file in the folder of this one or below it"),
        ("/etc/hostname", "must name a file in the folder of this one or below it"),
        ('"a\\0b"', "there is no configuration"),
        ("x" * 5000, "cannot be read"),
        ("below", "is a directory"),
        ("list.yaml", "a configuration is a mapping"),
    ],
    ids=range(11),
)
def test_extends_that_is_refused(tmp_path, extends, said):
    (tmp_path / "below").mkdir()
    path = written(tmp_path, top=f"extends: {extends}\n", list="- a\n")
    assert said in refusal(path)


def test_a_circle_of_three_is_found(tmp_path):
    path = written(tmp_path, a="extends: b.yaml", b="extends: c.yaml", c="extends: a.yaml")
    assert "a.yaml extends itself in a circle: a.yaml → b.yaml → c.yaml → a.yaml" in refusal(path)


def test_a_long_chain_is_refused(tmp_path):
    files = {f"f{i}": f"extends: f{i + 1}.yaml" for i in range(30)} | {"f30": BASE}
    assert "more than 10 files extend each other" in refusal(written(tmp_path, **files))


def test_a_mistake_in_what_is_extended_is_shown_there(tmp_path):
    path = written(
        tmp_path, top="extends: base.yaml\nsed: 3\n", base=BASE.replace("Flatten", "Flaten")
    )
    said = refusal(path)
    assert f"{tmp_path / 'base.yaml'}:7:7: error: Keras has no layer 'Flaten'" in said
    assert f"{path}:2:1: error: a configuration has no key 'sed'" in said


# ── overrides ──────────────────────────────────────────────────────────────────────────────────


def test_overrides_come_last_and_in_order(tmp_path):
    path = written(tmp_path, top="extends: base.yaml\ntraining: {epochs: 5}\n", base=BASE)
    config = load_config(
        path, ["training.epochs=7", "training.epochs=9", "data=digits", "model.layers.0=ReLU"]
    )
    assert config.training.epochs == 9
    assert config.data.name == "digits"
    assert config.model.layers[0] == Call("layers", "ReLU")


def test_a_mistake_in_an_override_is_shown_as_it_was_written(tmp_path):
    path = written(tmp_path, base=BASE)
    assert sorted(refusal(path, "training.epochs=many", "trainig.epochs=3").splitlines()) == [
        "trainig.epochs=3: error: a configuration has no key 'trainig'; did you mean 'training'?",
        "training.epochs=many: error: training.epochs must be an integer, not 'many'",
    ]
    assert refusal(path, "model.layers.1.Dense.unit=3").startswith(
        "model.layers.1.Dense.unit=3: error: Dense has no argument 'unit'; did you mean 'units'?"
    )


@pytest.mark.parametrize("text", ["", "# nothing", "- a", "a", "3", "null"])
def test_what_is_no_mapping_is_refused(tmp_path, text):
    path = written(tmp_path, it=text)
    assert f"{path}:1:1: error: a configuration is a mapping" in refusal(path)
