"""What pydantic found, in the words of a configuration."""

from __future__ import annotations

from typing import Any

import pytest

from cnnzoo.config.loader import make_config
from cnnzoo.config.notation import MAX_MISTAKES
from cnnzoo.config.reader import read_yaml
from cnnzoo.errors import ConfigError

MODEL = "model: {input_shape: [8, 8, 1], layers: [Flatten]}\n"


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        make_config(read_yaml(text, "it.yaml"))
    return caught.value


# What stands below `name: x` and the model → what is said of it.
SAID: dict[str, list[str]] = {
    "epochs: 3": [
        "it.yaml:3:1: error: a configuration has no key 'epochs'",
        "   hint: epochs belongs in training",
    ],
    "learning_rate: 3": [
        "it.yaml:3:1: error: a configuration has no key 'learning_rate'",
        "   hint: it belongs to the optimizer: optimizer: {Adam: {learning_rate: …}}",
    ],
    "xyz: 3": [
        "it.yaml:3:1: error: a configuration has no key 'xyz'",
        "   hint: its keys: name, description, purpose, reference, model, data, seed, init_from, "
        "training, sweep",
    ],
    "training:": [
        "it.yaml:3:10: error: training must be a mapping, not nothing",
        "   hint: write its keys below it, indented, or remove it",
    ],
    "training:\n  epochs:": [
        "it.yaml:4:10: error: training.epochs must be an integer, not nothing",
        "   hint: write a value, or remove the key",
    ],
    "training: [epochs]": [
        "it.yaml:3:11: error: training must be a mapping, not ['epochs']",
        "   hint: write its keys without '- '",
    ],
    "training: {monitor: 3}": [
        "it.yaml:3:21: error: training.monitor must be a string, not 3",
        "   hint: write it in quotes",
    ],
    "training: {epochs: '1e1'}": [
        "it.yaml:3:20: error: training.epochs must be an integer, not '1e1'",
    ],
    "data: {name: x, splits: {test: '0.1', validation: 2}}": [
        "it.yaml:3:32: error: data.splits.test must be a number, not '0.1'; "
        "write 0.1 without quotes",
        "it.yaml:3:51: error: data.splits.validation must be less than 1, not 2",
    ],
    "data: {splits: {}}": [
        "it.yaml:3:7: error: data needs one source, name, folder, csv, arrays or tfds; "
        "for example name: mnist5k",
    ],
    "data: {nam: x}": ["it.yaml:3:8: error: data has no key 'nam'; did you mean 'name'?"],
    "training: {loss: Hing, metrics: [AUK]}": [
        "it.yaml:3:18: error: Keras has no loss 'Hing'; did you mean 'Hinge'?",
        "it.yaml:3:34: error: Keras has no metric 'AUK'; did you mean 'AUC'?",
    ],
}


@pytest.mark.parametrize("text", SAID, ids=range(len(SAID)))
def test_what_is_said(text):
    assert str(refusal(f"name: x\n{MODEL}{text}\n")).splitlines() == SAID[text]


def test_a_value_of_several_types_is_told_once():
    error = refusal("name: x\nmodel: {input_shape: [8, 8, 1], classes: many, layers: [ReLU]}")
    assert [mistake.message for mistake in error.mistakes] == [
        "model.classes must be an integer, not 'many'"
    ]


def test_mistakes_are_in_the_order_of_the_file():
    error = refusal("seed: a\nname: 3\ntraining: {epochs: b}\nmodel: {layers: [Flaten]}\nx: 1\n")
    assert [mistake.place.line for mistake in error.mistakes] == [1, 2, 3, 4, 4, 5]


def test_more_keys_than_a_person_mends_are_cut_short():
    error = refusal(f"name: x\n{MODEL}" + "".join(f"key{i}: 1\n" for i in range(5000)))
    assert len(error.mistakes) == MAX_MISTAKES


@pytest.mark.parametrize(
    "raw", [{"name": 3}, {"model": []}, {"training": {"epochs": "3"}}, {1: 2}, {}]
)
def test_plain_dictionaries_are_explained_without_places(raw: dict[Any, Any]):
    with pytest.raises(ConfigError) as caught:
        make_config(raw)
    assert all(mistake.place is None for mistake in caught.value.mistakes)
    assert "needs 'model'" in str(caught.value) or "model must be" in str(caught.value)
