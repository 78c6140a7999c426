"""The loader and the resolver read or refuse every input of scripts/fuzz, within bounds."""

from __future__ import annotations

import random
import runpy
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnzoo.errors import ConfigError

FUZZ = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "fuzz"))
CONFIGURATIONS = import_module("configurations")  # scripts/fuzz adds its folder to the path
KNOWN = {"valid", "ConfigError", "DataError"}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "mutant.yaml"


def outcome_of(content, words, path):
    path.write_bytes(content)
    return CONFIGURATIONS.try_one(path, words, random.Random(0))


@settings(max_examples=400)
@given(seed=st.integers(0, 2**64))
def test_mutants_load_or_are_refused(path, seed):
    mutant = CONFIGURATIONS.mutant(random.Random(seed))
    assert outcome_of(mutant.content, mutant.words, path) in KNOWN


@given(content=st.binary(max_size=400))
def test_noise_is_refused(path, content):
    assert outcome_of(content, [], path) == "ConfigError"


def test_some_mutants_are_valid_and_some_are_not(path):
    """The fuzzer would find nothing if all that it made were refused at once."""
    dice = random.Random(0)
    outcomes = {outcome_of(CONFIGURATIONS.content_of(dice), [], path) for _ in range(100)}
    assert outcomes == {"valid", "ConfigError"}


def test_what_a_mutant_may_not_do_is_noticed(path, monkeypatch):
    def broken(*_):
        raise KeyError("layers")

    monkeypatch.setattr(CONFIGURATIONS, "load_config", broken)
    with pytest.raises(KeyError):
        outcome_of(b"", [], path)


# Small texts that would cost much if nothing bounded it: each must be refused.
MODEL = "model:\n  input_shape: [8, 8, 1]\n"
BOMBS = {
    "empty repeats": MODEL + "  layers:\n    - repeat: 1000\n      layers: [{repeat: 1000, layers: "
    "[{repeat: 1000, layers: []}]}]\n",
    "doubling blocks": MODEL
    + "  blocks:\n    b0: {layers: []}\n"
    + "".join(f"    b{i}: {{layers: [b{i - 1}, b{i - 1}]}}\n" for i in range(1, 60))
    + "  layers: [b59]\n",
    "doubling blocks of layers": MODEL
    + "  blocks:\n    b0: {layers: [ReLU]}\n"
    + "".join(f"    b{i}: {{layers: [b{i - 1}, b{i - 1}]}}\n" for i in range(1, 30))
    + "  layers: [b29]\n",
    "a chain of blocks": MODEL
    + "  blocks:\n    b0: {layers: [ReLU]}\n"
    + "".join(f"    b{i}: {{layers: [b{i - 1}]}}\n" for i in range(1, 3000))
    + "  layers: [b2999]\n",
    "a chain of residual blocks": MODEL
    + "  blocks:\n    b0: {layers: [ReLU]}\n"
    + "".join(f"    b{i}: {{layers: [Residual: {{layers: [b{i - 1}]}}]}}\n" for i in range(1, 900))
    + "  layers: [b899]\n",
    "a block within itself": MODEL
    + "  blocks: {b: {layers: [Residual: {layers: [b]}]}}\n  layers: [b]\n",
    "many params": MODEL
    + "  params: {"
    + ", ".join(f"p{i}: {i}" for i in range(12_000))
    + "}\n  layers:\n    - repeat: 1000\n      layers: [{repeat: 1000, layers: [Dropout: $p]}]\n",
    "many parameters": MODEL
    + "  blocks: {b: {parameters: ["
    + ", ".join(f"p{i}: 1" for i in range(9000))
    + "], layers: [ReLU]}}\n  layers:\n    - repeat: 1000\n      layers: [b, b]\n",
    "long arithmetic": MODEL
    + "  layers:\n    - repeat: 1000\n      layers:\n"
    + f'        - Dropout: "${{({"+".join("1" * 90)}) / 900}}"\n' * 60,
    "unknown layers": MODEL + "  layers: [" + ", ".join(f"Conv{i}E" for i in range(20_000)) + "]\n",
    "unknown keys": MODEL + "  layers: [ReLU]\n" + "".join(f"k{i}: 1\n" for i in range(12_000)),
    "a long word": MODEL + "  layers: [" + "x" * 200_000 + "]\n",
    "huge sizes": MODEL
    + "  layers: [Flatten, Dense: 999999999999999999999999999999, Dense: 99999999999999999999]\n"
    + "trainig: 1\n",
}


def limits(seconds):
    return SimpleNamespace(MAX_SECONDS=seconds, MAX_BYTES=CONFIGURATIONS.MAX_BYTES)


@pytest.fixture(scope="module")
def patience(path):
    """Return far more CPU time than a configuration takes on this machine, in seconds."""
    text = CONFIGURATIONS.texts_in("tests/fixtures")[0].encode()
    began = time.process_time()
    assert outcome_of(text, [], path) == "valid"
    return 600 * (time.process_time() - began)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_bounds(path, patience, name):
    with FUZZ["bounds"](limits(patience)):
        assert outcome_of(BOMBS[name].encode(), [], path) == "ConfigError"


def forever():
    while True:
        pass


def test_the_bounds_are_noticed():
    with pytest.raises(FUZZ["TooLong"]), FUZZ["bounds"](limits(0.01)):
        forever()
    with pytest.raises(MemoryError), FUZZ["bounds"](limits(60)):
        bytearray(CONFIGURATIONS.MAX_BYTES * 2)


def test_an_error_that_says_nothing_is_noticed(path, monkeypatch):
    def silent(*_):
        raise ConfigError("")

    monkeypatch.setattr(CONFIGURATIONS, "load_config", silent)
    with pytest.raises(AssertionError, match="without a message"):
        outcome_of(b"", [], path)
