"""`KEY=VALUE` words of the command line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.config.loader import load_config
from cnnzoo.config.located import Map
from cnnzoo.config.overrides import apply_override
from cnnzoo.config.reader import read_yaml
from cnnzoo.errors import ConfigError, Place

CONFIG = """
model:
  defaults: {Conv2D: {padding: same}}
  layers:
    - Conv2D: {filters: 6, kernel_size: 5}
    - Conv2D: [16, 5]
    - MaxPooling2D: 2
    - Flatten
    - Residual: {layers: [ReLU, Flatten]}
data: mnist5k
training:
  epochs: 12
  optimizer: {Adam: {learning_rate: 0.1}}
  loss: SparseCategoricalCrossentropy
  callbacks: []
"""

# An override → the path of what it changes, and what then stands there.
SET = {
    "training.epochs=3": ("training.epochs", 3),
    "training.epochs=${2 * 3}": ("training.epochs", "${2 * 3}"),
    "training.batch_size=64": ("training.batch_size", 64),
    "seed=7": ("seed", 7),
    "name=no": ("name", "no"),
    "description=a: b": ("description", {"a": "b"}),
    "description='a: b'": ("description", "a: b"),
    "description=a=b": ("description", "a=b"),
    "reference=": ("reference", None),
    "data=digits": ("data", "digits"),
    "data.name=digits": ("data", {"name": "digits"}),
    "data.splits.test=0.3": ("data", {"name": "mnist5k", "splits": {"test": 0.3}}),
    "training.optimizer=SGD": ("training.optimizer", "SGD"),
    "training.optimizer={SGD: {momentum: 0.9}}": ("training.optimizer", {"SGD": {"momentum": 0.9}}),
    "training.optimizer.Adam.learning_rate=1e-3": (
        "training.optimizer",
        {"Adam": {"learning_rate": 0.001}},
    ),
    "training.optimizer.Adam.learning_rate.one_cycle=0.2": (
        "training.optimizer",
        {"Adam": {"learning_rate": {"one_cycle": 0.2}}},
    ),
    "training.optimizer.Adam.beta_1=0.8": (
        "training.optimizer",
        {"Adam": {"learning_rate": 0.1, "beta_1": 0.8}},
    ),
    "training.optimizer.SGD.learning_rate=0.5": (
        "training.optimizer",
        {"SGD": {"learning_rate": 0.5}},
    ),
    "training.optimizer.SGD=0.5": ("training.optimizer", {"SGD": 0.5}),
    "training.loss.SparseCategoricalCrossentropy.ignore_class=1": (
        "training.loss",
        {"SparseCategoricalCrossentropy": {"ignore_class": 1}},
    ),
    "training.loss.Hinge.name=x": ("training.loss", {"Hinge": {"name": "x"}}),
    "training.callbacks=[TerminateOnNaN]": ("training.callbacks", ["TerminateOnNaN"]),
    "model.layers.0.Conv2D.filters=32": (
        "model.layers.0",
        {"Conv2D": {"filters": 32, "kernel_size": 5}},
    ),
    "model.layers.0.Conv2D.padding=same": (
        "model.layers.0",
        {"Conv2D": {"filters": 6, "kernel_size": 5, "padding": "same"}},
    ),
    "model.layers.1.Conv2D.filters=32": (
        "model.layers.1",
        {"Conv2D": {"filters": 32, "kernel_size": 5}},
    ),
    "model.layers.1.Conv2D.0=32": ("model.layers.1", {"Conv2D": [32, 5]}),
    "model.layers.2.MaxPooling2D.strides=1": (
        "model.layers.2",
        {"MaxPooling2D": {"pool_size": 2, "strides": 1}},
    ),
    "model.layers.2.AveragePooling2D.strides=1": (
        "model.layers.2",
        {"AveragePooling2D": {"strides": 1}},
    ),
    "model.layers.3.Flatten.name=flat": ("model.layers.3", {"Flatten": {"name": "flat"}}),
    "model.layers.-2=Dropout: 0.5": ("model.layers.3", {"Dropout": 0.5}),
    "model.layers.4.Residual.layers.0=ELU": (
        "model.layers.4",
        {"Residual": {"layers": ["ELU", "Flatten"]}},
    ),
    "model.defaults.Dense.use_bias=false": (
        "model.defaults",
        {"Conv2D": {"padding": "same"}, "Dense": {"use_bias": False}},
    ),
    "model.params.width=2": ("model.params", {"width": 2}),
}


def overridden(override: str) -> Map:
    raw = read_yaml(CONFIG, "it.yaml")
    apply_override(raw, override)
    return raw


def value_at(raw: Map, path: str) -> object:
    value = raw
    for step in path.split("."):
        value = value[int(step) if isinstance(value, list) else step]
    return value


@pytest.mark.parametrize("override", SET)
def test_what_is_set(override):
    path, value = SET[override]
    assert value_at(overridden(override), path) == value


@pytest.mark.parametrize("override", SET)
def test_nothing_else_changes(override):
    before, after = read_yaml(CONFIG), overridden(override)
    path = SET[override][0].split(".")
    for raw in (before, after):
        container = raw
        for step in path[:-1]:
            container = container.get(step) if isinstance(container, dict) else container[int(step)]
            if container is None:
                break
        if isinstance(container, dict):
            container.pop(path[-1], None)
        elif container:
            container[int(path[-1])] = None
    assert before == after


def test_the_place_of_a_value_is_its_override():
    raw = overridden("training.optimizer={SGD: {momentum: [1]}}")
    place = Place("training.optimizer={SGD: {momentum: [1]}}", 0, 0)
    optimizer = raw["training"]["optimizer"]
    assert raw["training"].value_places["optimizer"] == place
    assert optimizer.key_places["SGD"] == place
    assert optimizer["SGD"]["momentum"].item_places == [place]
    assert raw["training"].key_places["epochs"] == Place("it.yaml", 12, 3)
    assert str(place) == "training.optimizer={SGD: {momentum: [1]}}"


def test_an_alias_is_changed_in_one_place_only():
    raw = read_yaml("a: &a {b: {c: 1}, l: [1]}\nd: *a\n")
    apply_override(raw, "d.b.c=2")
    apply_override(raw, "d.l.0=2")
    assert raw == {"a": {"b": {"c": 1}, "l": [1]}, "d": {"b": {"c": 2}, "l": [2]}}


REFUSED = {
    "training": "is not KEY=VALUE",
    "=3": "is not KEY=VALUE",
    "training..epochs=3": "is not KEY=VALUE",
    ".=3": "is not KEY=VALUE",
    "": "is not KEY=VALUE",
    ".".join("a" * 3000) + "=1": "is not KEY=VALUE",
    "model.layers.5=Flatten": "'5' is not an index of a list of 5",
    "model.layers.-6=Flatten": "'-6' is not an index of a list of 5",
    "model.layers.first=Flatten": "'first' is not an index of a list of 5",
    "model.layers.9.Conv2D.filters=3": "'9' is not an index of a list of 5",
    "training.callbacks.0=x": "'0' is not an index of a list of 0",
    "training.epochs.x=3": "epochs holds one value, so 'x' is not in it",
    "training.epochs=[1": "the bracket that opens here",
    "training.epochs=!!int 3": "the tag !!int is refused",
}


@pytest.mark.parametrize("override", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(override):
    with pytest.raises(ConfigError) as caught:
        overridden(override)
    assert REFUSED[override] in caught.value.mistakes[0].message


def test_a_bad_value_keeps_its_way_out():
    with pytest.raises(ConfigError) as caught:
        overridden("training.epochs=[1")
    mistake = caught.value.mistakes[0]
    assert mistake.hint
    assert mistake.place == Place("training.epochs=[1", 0, 0)


@given(
    st.lists(
        st.sampled_from(["model", "layers", "0", "-1", "Conv2D", "training", "data", "x", ""]),
        max_size=6,
    ),
    st.text(alphabet="ab1[]{}:, ", max_size=8),
)
def test_any_override_is_applied_or_refused(path, text):
    with contextlib.suppress(ConfigError):
        overridden(f"{'.'.join(path)}={text}")


def test_data_may_be_a_folder_but_a_known_name_is_the_sample(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "digits"):
        (tmp_path / name).mkdir()

    def data_of(*overrides):
        return load_config("lenet", overrides).data

    assert data_of("data=photos").folder == str(tmp_path / "photos")
    assert data_of("data=photos", "data.limit=3").limit == 3
    assert data_of("data=digits").name == "digits"
    assert data_of("data=missing").name == "missing"  # refused when it is opened
