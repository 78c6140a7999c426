from __future__ import annotations

import pytest

from cnnzoo.training.engine import peak
from cnnzoo.training.hardware import Hardware


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_peak_is_that_of_the_fastest_product(policy, monkeypatch):
    """The clock is ours: a product of 64 x 64 takes 1 s at first, then 0.5, 0.25 and 0.5 s."""
    readings = iter([0, 1, 0, 0.5, 0, 0.25, 0, 0.5])
    monkeypatch.setattr(peak.time, "perf_counter", lambda: next(readings))
    monkeypatch.setitem(peak._SIZES, "cpu", (64,))
    assert peak.matrix_peak(policy, Hardware("tensorflow")) == 2 * 64**3 / 0.25


def test_memory_once_used_stays_in_the_peak():
    before = peak.peak_memory(Hardware("tensorflow"))
    assert before is not None
    block = bytearray(300_000_000)
    block[::4096] = b"\1" * len(block[::4096])
    del block
    after = peak.peak_memory(Hardware("tensorflow"))
    assert after is not None
    assert after >= max(before, 300_000_000)
