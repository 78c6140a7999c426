from __future__ import annotations

import pytest

from cnnzoo.training.hardware import UNKNOWN, Hardware
from cnnzoo.training.precision import choose_precision

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
            "precision: float32, because jax takes bfloat16 on GPUs only",
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
            "precision: float32, because nothing says what this GPU computes natively",
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
