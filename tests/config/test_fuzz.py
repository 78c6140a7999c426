"""Whatever is fed to the loader and the resolver, they read it or refuse it: see scripts/fuzz."""

from __future__ import annotations

import random
import runpy
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnzoo.errors import ConfigError

FUZZ = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "fuzz"))
KNOWN = {"valid", "ConfigError", "DataError"}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "mutant.yaml"


@settings(max_examples=400)
@given(seed=st.integers(0, 2**64))
def test_mutants_load_or_are_refused(path, seed):
    dice = random.Random(seed)
    assert FUZZ["try_one"](FUZZ["mutant"](dice), FUZZ["overrides"](dice), path) in KNOWN


@given(content=st.binary(max_size=400))
def test_noise_is_refused(path, content):
    assert FUZZ["try_one"](content, [], path) == "ConfigError"


def test_some_mutants_are_valid_and_some_are_not(path):
    """The fuzzer would find nothing if all that it made were refused at once."""
    dice = random.Random(0)
    outcomes = {FUZZ["try_one"](FUZZ["mutant"](dice), [], path) for _ in range(100)}
    assert outcomes == {"valid", "ConfigError"}


def test_what_a_mutant_may_not_do_is_noticed(path, monkeypatch):
    def broken(*_):
        raise KeyError("layers")

    monkeypatch.setitem(FUZZ["try_one"].__globals__, "load_config", broken)
    with pytest.raises(KeyError):
        FUZZ["try_one"](b"", [], path)


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


@pytest.fixture(scope="module")
def patience(path):
    """Far more CPU time than a configuration takes on this machine, in seconds."""
    text = FUZZ["texts_in"]("tests/fixtures")[0].encode()
    began = time.process_time()
    assert FUZZ["try_one"](text, [], path) == "valid"
    return 200 * (time.process_time() - began)


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_within_bounds(path, patience, name):
    with FUZZ["bounds"](patience):
        assert FUZZ["try_one"](BOMBS[name].encode(), [], path) == "ConfigError"


def forever():
    while True:
        pass


def test_the_bounds_are_noticed():
    with pytest.raises(FUZZ["TooLong"]), FUZZ["bounds"](0.01):
        forever()
    with pytest.raises(MemoryError), FUZZ["bounds"]():
        bytearray(FUZZ["MAX_BYTES"] * 2)


def test_an_error_that_says_nothing_is_noticed(path, monkeypatch):
    def silent(*_):
        raise ConfigError("")

    monkeypatch.setitem(FUZZ["try_one"].__globals__, "load_config", silent)
    with pytest.raises(AssertionError, match="says nothing"):
        FUZZ["try_one"](b"", [], path)
