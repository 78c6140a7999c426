from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnzoo
from cnnzoo.training.execution import Settings, choose_batch_size, choose_steps, settled
from cnnzoo.training.hardware import Hardware
from cnnzoo.training.plan import plan

CPU = Hardware("tensorflow", None, frozenset({"avx512_bf16"}), 8 * 2**30)
LENET = plan(cnnzoo.load_config("lenet"))


@given(st.integers(1, 10**8), st.none() | st.integers(2**20, 2**40))
def test_a_batch_is_a_power_of_two_that_memory_holds(examples, memory):
    size = choose_batch_size(LENET.architecture, examples, memory)
    assert math.log2(size).is_integer()
    assert size <= 256
    if memory and size > 1:
        assert 3 * size * 4 * LENET.architecture.activations <= memory / 2
    if size > 16:
        assert examples / size >= 100


@pytest.mark.parametrize(
    ("examples", "size"), [(1, 16), (3_150, 16), (3_200, 32), (12_799, 64), (60_000, 256)]
)
def test_more_examples_make_larger_batches(examples, size):
    assert choose_batch_size(LENET.architecture, examples, None) == size


@given(st.integers(0, 10**13), st.booleans())
def test_the_larger_a_step_the_fewer_at_once(macs, on_gpu):
    hardware = Hardware("tensorflow", (8, 0) if on_gpu else None)
    steps = choose_steps(macs, hardware)
    assert steps in (1, 2, 4, 8, 16)
    assert steps >= choose_steps(2 * macs, hardware)
    assert choose_steps(macs, Hardware("jax")) == 1
    assert choose_steps(macs, Hardware("tensorflow", None)) <= choose_steps(macs, hardware)


def test_small_networks_run_many_steps_at_once_and_large_ones_a_single_one():
    assert choose_steps(128 * LENET.architecture.macs, CPU) == 16
    assert choose_steps(32 * plan(cnnzoo.load_config("vgg16")).architecture.macs, CPU) == 1


def test_what_is_left_open_is_settled_and_said():
    words = [f"training.{key}=auto" for key in ("batch_size", "precision", "steps_per_execution")]
    settings, said = settled(plan(cnnzoo.load_config("lenet", words)), 60_000, CPU)
    assert settings == Settings(256, 16, "mixed_bfloat16")
    assert said == (
        "batch size: 256, for 60,000 examples",
        "precision: mixed_bfloat16, which this CPU computes natively (avx512_bf16)",
    )
    assert Settings(**settings.record()) == settings


def test_what_is_written_is_taken():
    words = ["training.batch_size=7", "training.steps_per_execution=3"]
    settings, said = settled(plan(cnnzoo.load_config("lenet", words)), 60_000, CPU)
    assert settings == Settings(7, 3, "float32")
    assert said == ()
