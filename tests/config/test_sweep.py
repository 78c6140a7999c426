from __future__ import annotations

import pytest
from conftest import TINY
from jsonschema import Draft202012Validator

from cnnzoo.config.json_schema import json_schema
from cnnzoo.config.loader import load_config, load_raw
from cnnzoo.config.reader import read_yaml
from cnnzoo.config.sweep import Choice, Range
from cnnzoo.config.trial import trial_config
from cnnzoo.config.writer import dump_config
from cnnzoo.errors import ConfigError

SWEEP = """
sweep:
  parameters:
    training.optimizer.Adam.learning_rate: {log: [1e-4, 1e-1]}
    training.batch_size: [32, 64]
    data.augment: [[], [RandomFlip: horizontal]]
  trials: 3
"""


@pytest.fixture
def searched(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY + SWEEP)
    return path


def refusal(path, line: str) -> list[str]:
    """The message for the section with one more line, without the path of the file."""
    path.write_text(TINY + SWEEP + line + "\n")
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    return str(raised.value).replace(f"{path}:", "").splitlines()


def test_the_section_is_read_and_written(searched, tmp_path):
    config = load_config(searched)
    assert config.sweep is not None
    assert config.sweep.parameters == {
        "training.optimizer.Adam.learning_rate": Range("log", 1e-4, 1e-1),
        "training.batch_size": Choice((32, 64)),
        "data.augment": Choice(([], [{"RandomFlip": "horizontal"}])),
    }
    again = tmp_path / "again.yaml"
    again.write_text(dump_config(config))
    assert load_config(again) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("[]", "20:14: error: model.x has no values to choose from"),
        ("3", "20:14: error: model.x needs the values to search, not 3"),
        ("{log: [0, 1]}", "20:20: error: model.x: a logarithmic range begins above 0, not at 0"),
        ("{float: [3, 1]}", "20:22: error: model.x: the range from 3 to 1 is empty"),
        ("{int: [1, 1]}", "20:20: error: model.x: the range from 1 to 1 is empty"),
        ("{int: [1, 2.5]}", "20:20: error: model.x: int must be [LOWEST, HIGHEST], two integers,"),
        ("{lgo: [1, 2]}", "20:15: error: model.x: a range has no key 'lgo'; did you mean 'log'?"),
        ("{int: [1, 5], step: 9}", "20:34: error: model.x: step must be an integer above 0 and at"),
        ("[4, 4]", "20:18: error: model.x has 4 twice"),
    ],
)
def test_each_mistake_in_the_values_has_its_place(searched, values, message):
    text = (TINY + SWEEP).replace("training.batch_size: [32, 64]", f"model.x: {values}")
    searched.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(searched)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  sampler: tep", "'nsga2', not 'tep'"),
        ("  tials: 3", "sweep has no key 'tials'; did you mean 'trials'?"),
        ("  sampler: grid", "sweep.sampler: grid cannot list all values of training.optimizer"),
        ("  objective: [accuracy, -accuracy]", "sweep.objective names a value twice"),
        ("  objective: [val_accuracy, -macs]\n  pruner: median", "median compares one value"),
        (
            "  objective: [val_accuracy, -macs]\n  sampler: cmaes",
            "cmaes searches for one objective",
        ),
        ("  seeds: 0", "sweep.seeds must be at least 1, not 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_a_place(searched, line, message):
    first = refusal(searched, line)[0]
    assert message in first
    assert first.split(":")[0].isdecimal()


@pytest.mark.parametrize("key", ["seed", "name", "sweep.trials"])
def test_keys_that_make_no_sense_are_refused(searched, key):
    searched.write_text((TINY + SWEEP).replace("training.batch_size", key))
    with pytest.raises(ConfigError, match=f"{key} cannot be searched"):
        load_config(searched)


def test_overrides_and_extends_replace_the_values_of_a_key(searched, tmp_path):
    top = tmp_path / "top.yaml"
    top.write_text(
        "extends: tiny.yaml\nsweep:\n  parameters:\n"
        "    training.optimizer.Adam.learning_rate: {float: [0, 1]}\n"
    )
    sweep = load_config(top, ["sweep.parameters.training.batch_size=[8]", "sweep.trials=9"]).sweep
    assert sweep is not None
    assert sweep.parameters["training.optimizer.Adam.learning_rate"] == Range("float", 0, 1)
    assert sweep.parameters["training.batch_size"] == Choice((8,))
    assert sweep.trials == 9


def test_a_trial_has_the_values_and_leaves_the_base_alone(searched):
    raw = load_raw(searched)
    sweep = load_config(searched).sweep
    assert sweep is not None
    values = {"training.batch_size": 64, "data.augment": [{"RandomFlip": "horizontal"}]}
    trial = trial_config(raw, sweep.parameters, values)
    assert (trial.training.batch_size, trial.sweep) == (64, None)
    assert trial.data is not None
    assert [call.name for call in trial.data.augment] == ["RandomFlip"]
    plain = trial_config(raw, sweep.parameters, {})
    assert plain.data is not None
    assert not plain.data.augment


def test_a_grid_has_all_values_of_a_range():
    assert Range("int", 8, 30, 8).grid() == [8, 16, 24]
    assert Range("float", 0, 1, 0.25).grid() == [0, 0.25, 0.5, 0.75, 1]
    assert Range("log", 1, 2).grid() is None


def test_the_schema_knows_the_section(searched):
    validator = Draft202012Validator(json_schema())
    written = read_yaml(searched.read_text())
    assert validator.is_valid(written)
    for key, value in (("sampler", "tep"), ("tials", 3), ("parameters", {"seed": {"lgo": [1, 2]}})):
        wrong = {**written, "sweep": {**written["sweep"], key: value}}
        assert not validator.is_valid(wrong), key
