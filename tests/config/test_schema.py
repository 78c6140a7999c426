"""The sections of a configuration."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import cnnzoo.config.schema as schema
from cnnzoo.config.calls import Call
from cnnzoo.config.data import DataConfig, Splits
from cnnzoo.config.loader import make_config
from cnnzoo.config.reader import read_yaml
from cnnzoo.config.schema import Config, ModelConfig, TrainingConfig
from cnnzoo.config.section import Section
from cnnzoo.errors import ConfigError

LAYERS = ["Flatten", {"Dense": {"units": "$classes", "activation": "softmax"}}]
SECTIONS = [kind for kind in vars(schema).values() if isinstance(kind, type)]
SECTIONS = [kind for kind in SECTIONS if issubclass(kind, Section) and kind is not Section]


def model(**values: Any) -> ModelConfig:
    return ModelConfig(**{"input_shape": (28, 28, 1), "layers": LAYERS, **values})


def refusal(kind: Any = None, /, **values: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        (kind or model)(**values)
    return str(caught.value)


# ── built in Python ────────────────────────────────────────────────────────────────────────────


def test_a_model_is_built_in_python():
    built = model()
    assert built.input_shape == (28, 28, 1)
    assert built.layers[0] == Call("layers", "Flatten")
    assert built.layers[1].place is None
    assert built.place("layers") is None
    assert built == model(input_shape=[28, 28, 1], layers=tuple(LAYERS))
    assert built == model(layers=built.layers)


def test_a_whole_configuration_is_built_in_python():
    built = Config(name="x", model=model(), data=DataConfig(name="digits"))
    assert built.training == TrainingConfig()
    assert built == make_config(
        {"name": "x", "model": {"input_shape": [28, 28, 1], "layers": LAYERS}, "data": "digits"}
    )


def test_a_mistake_in_python_is_explained_without_a_place():
    assert refusal(input_shape=(28, 28)) == (
        "error: input_shape must be [height, width, channels], not [28, 28]"
    )
    assert refusal(layers=[{"Dense": {"unit": 3}}]) == (
        "error: Dense has no argument 'unit'; did you mean 'units'?"
    )
    assert refusal(TrainingConfig, epochs="3").startswith(
        "error: epochs must be an integer, not '3'"
    )
    assert "has no key 'epoch'; did you mean 'epochs'?" in refusal(TrainingConfig, epoch=3)
    assert "needs 'layers'" in refusal(ModelConfig, input_shape=(1, 1, 1))
    assert "model.layers must hold at least one layer" in refusal(
        Config, name="x", model={"input_shape": [1, 1, 1], "layers": []}
    )


# ── frozen, equal by value, strict ─────────────────────────────────────────────────────────────


def test_sections_are_frozen():
    built = Config(name="x", model=model())
    for section, key in [(built, "name"), (built.model, "layers"), (built.training, "epochs")]:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, key, 3)


def test_sections_are_equal_by_value_wherever_they_were_written():
    text = "name: x\nmodel: {input_shape: [28, 28, 1], layers: [Flatten]}\n"
    first = make_config(read_yaml(text, "a.yaml"))
    second = make_config(read_yaml(f"\n\n{text}", "b.yaml"))
    assert first == second
    assert first.place("name") != second.place("name")
    assert first != make_config(read_yaml(text.replace("Flatten", "ReLU")))
    assert first.training != first.model
    assert first != "x"


STRICT: dict[str, list[Any]] = {
    "epochs": ["3", 3.0, True, 0, -1, 2**31, None, [3], {}],
    "batch_size": ["3", 3.5, 0],
    "monitor": [3, None, True, ["a"]],
    "metrics": ["AUC", None, {"AUC": {}}, [3], ["Acuracy"]],
    "callbacks": ["TerminateOnNaN", [None], ["ModelCheckpoint"]],
    "optimizer": [3, None, ["Adam"], "Adem", {}],
    "loss": [3, [], "cross_entropy"],
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in STRICT.items() for value in values]
)
def test_training_is_strict(key, value):
    assert refusal(TrainingConfig, **{key: value})


@pytest.mark.parametrize(
    "values",
    [
        {"validation": 1.0},
        {"test": -0.1},
        {"validation": "0.1"},
        {"validation": True},
        {"test": float("nan")},
        {"validation": 0.5, "test": 0.5},
    ],
)
def test_splits_leave_examples_to_train(values):
    assert refusal(Splits, **values)


def test_an_integer_is_a_number():
    assert Splits(validation=0, test=0).test == 0


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", True])
def test_seeds(seed):
    assert refusal(Config, name="x", model=model(), seed=seed)


@pytest.mark.parametrize(
    "shape",
    [
        *([28, 28], [28, 28, 1, 1], 28, "28", None, {}),
        *([28, 28, 0], [28, 28, 1.0], [True, 1, 1], [10_000, 10_001, 1]),
    ],
)
def test_input_shapes_that_are_refused(shape):
    assert "input_shape" in refusal(input_shape=shape)


@pytest.mark.parametrize("name", ["", "a b", "a/b", ".a", "..", "-a", "ü", "a" * 101, 3, None])
def test_names_that_are_refused(name):
    assert "name must be" in refusal(Config, name=name, model=model())


@pytest.mark.parametrize("classes", [1, 0, "10", 2.0, True])
def test_classes_that_are_refused(classes):
    assert refusal(classes=classes)


@pytest.mark.parametrize("kind", SECTIONS)
def test_unknown_keys_are_refused_everywhere(kind):
    assert "has no key 'xyz'" in refusal(kind, xyz=1)


@pytest.mark.parametrize("kind", SECTIONS)
@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_any_value_of_a_key_is_taken_or_refused(kind, value):
    for key in kind.model_fields:
        with contextlib.suppress(ConfigError):
            kind(**{key: value})


# ── what is known across sections ──────────────────────────────────────────────────────────────


def test_params_are_evaluated():
    built = model(params={"base": 8, "wide": "${base * 2}"})
    assert built.params == {"base": 8, "wide": 16}


def test_a_training_knows_its_variables():
    def configured(steps: str) -> Config:
        training = {"optimizer": {"SGD": {"learning_rate": {"CosineDecay": [0.1, steps]}}}}
        values = {"name": "x", "model": model(params={"warm": 3}), "training": training}
        return Config(**values)

    for known in ("$steps", "${steps_per_epoch * epochs}", "${batch_size * classes + warm}"):
        assert configured(known)
    with pytest.raises(ConfigError, match=r"no variable \$step here; did you mean \$steps"):
        configured("$step")
    with pytest.raises(ConfigError, match=r"no variable \$height here"):
        configured("$height")


def test_layers_know_theirs():
    for known in ("$classes", "$height", "$width", "$channels", "$n"):
        assert model(params={"n": 3}, layers=[{"Dense": known}])
    for unknown in ("$steps", "$index", "$m"):
        assert "there is no variable" in refusal(params={"n": 3}, layers=[{"Dense": unknown}])


def test_what_could_not_be_read_is_not_missed_elsewhere():
    said = refusal(
        params={"Base": 3},
        defaults={"Conv2D": {"kernel_sise": 3}},
        blocks={"conv": {"layer": []}},
        layers=[{"Conv2D": "$base"}, {"conv": 3}, "Flaten"],
    )
    assert [line.split("error: ")[1] for line in said.splitlines() if "error: " in line] == [
        "the parameter 'Base' must be a word in lower case",
        "Conv2D has no argument 'kernel_sise'; did you mean 'kernel_size'?",
        "the block 'conv' has no key 'layer'; did you mean 'layers'?",
        "the block 'conv' needs 'layers'",
        "Keras has no layer 'Flaten'; did you mean 'Flatten'?",
    ]


def test_a_bare_name_of_data_knows_its_place():
    text = "name: x\nmodel: {input_shape: [1, 1, 1], layers: [Flatten]}\ndata: digits\n"
    data = make_config(read_yaml(text, "it.yaml")).data
    assert data == DataConfig(name="digits")
    assert str(data.place("name")) == "it.yaml:3:7"


def test_accuracy_is_always_measured_so_its_word_adds_nothing():
    """`accuracy` is no class of Keras; its class Accuracy compares labels with probabilities."""
    metrics = TrainingConfig(metrics=["accuracy", "AUC", "acc"]).metrics
    assert [metric.name for metric in metrics] == ["AUC"]
    with pytest.raises(ConfigError, match="Keras has no metric 'acuracy'"):
        TrainingConfig(metrics=["acuracy"])
