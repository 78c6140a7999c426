from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnzoo
from cnnzoo.training.checks import check_config
from cnnzoo.training.hardware import UNKNOWN, Hardware
from cnnzoo.training.settings import (
    Settings,
    choose_batch_size,
    choose_precision,
    choose_settings,
    choose_steps,
)

CPU = Hardware("tensorflow", None, frozenset({"avx512_bf16"}), 8 * 2**30)
LENET = check_config(cnnzoo.load_config("lenet"))


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
    assert choose_steps(32 * check_config(cnnzoo.load_config("vgg16")).architecture.macs, CPU) == 1


def choose(
    words: list[str], hardware: Hardware = CPU, name: str = "lenet"
) -> tuple[Settings, tuple[str, ...]]:
    checked = check_config(cnnzoo.load_config(name, words))
    return choose_settings(checked.config.training, checked.architecture, 60_000, hardware)


def test_what_is_left_open_is_settled_and_said():
    words = [f"training.{key}=auto" for key in ("batch_size", "precision", "steps_per_execution")]
    settings, notes = choose(words)
    assert settings == Settings(256, 16, "mixed_bfloat16")
    assert notes == (
        "batch size: 256, for 60,000 examples",
        "precision: mixed_bfloat16, which this CPU computes natively (avx512_bf16)",
    )
    assert Settings(**settings.record()) == settings


def test_what_is_written_is_taken():
    words = ["training.batch_size=7", "training.steps_per_execution=3"]
    settings, notes = choose(words, Hardware("tensorflow"))
    assert settings == Settings(7, 3, "float32")
    assert notes == ()


def test_float32_is_noted_where_bfloat16_is_usually_faster(tiny):
    hint = (
        "precision: float32; training.precision=auto is usually faster: mixed_bfloat16, which "
        "this CPU computes natively (avx512_bf16)"
    )
    assert choose([])[1] == (hint,)
    assert choose(["training.precision=mixed_bfloat16"])[1] == ()
    assert choose([], Hardware("jax", None, CPU.cpu_flags))[1] == ()
    assert choose([], Hardware("tensorflow", (7, 5)))[1] == ()
    assert choose([], name=str(tiny))[1] == ()  # whose gain was not measured


FAST_CPU = frozenset({"avx2", "avx512_bf16"})


@pytest.mark.parametrize(
    ("hardware", "said"),
    [
        (
            Hardware("tensorflow", None, FAST_CPU),
            "precision: mixed_bfloat16, which this CPU computes natively (avx512_bf16)",
        ),
        (
            Hardware("tensorflow", None, FAST_CPU | {"amx_bf16"}),
            "precision: mixed_bfloat16, which this CPU computes natively (amx_bf16)",
        ),
        (
            Hardware("tensorflow", None, frozenset({"avx2"})),
            "precision: float32, because this CPU has no bfloat16 arithmetic",
        ),
        (
            Hardware("jax", None, FAST_CPU),
            "precision: float32, because jax uses bfloat16 on GPUs only",
        ),
        (
            Hardware("jax", (9, 0)),
            "precision: mixed_bfloat16, which this GPU computes natively (compute capability 9.0)",
        ),
        (
            Hardware("torch", (8, 0)),
            "precision: mixed_bfloat16, which this GPU computes natively (compute capability 8.0)",
        ),
        (
            Hardware("jax", UNKNOWN),
            "precision: float32, because the compute capability of this GPU is unknown",
        ),
        (
            Hardware("tensorflow", (7, 5), FAST_CPU),
            "precision: float32, because this GPU has no bfloat16 arithmetic "
            "(compute capability 7.5)",
        ),
    ],
)
def test_auto_takes_bfloat16_where_the_hardware_computes_it(hardware, said):
    assert str(choose_precision("auto", hardware)) == said


@pytest.mark.parametrize("wanted", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_what_is_named_is_taken_on_any_hardware(wanted):
    for hardware in (Hardware("jax"), Hardware("tensorflow", (9, 0)), Hardware("torch")):
        assert choose_precision(wanted, hardware).policy == wanted
