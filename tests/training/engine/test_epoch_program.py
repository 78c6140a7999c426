from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cnnzoo.training.hardware import Hardware
from cnnzoo.training.settings import MOST_STEPS_IN_A_PROGRAM, choose_steps


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_on_jax(tmp_path):
    """All tests in on_jax.py."""
    tests = Path(__file__).with_name("on_jax.py")
    words = ["-m", "pytest", str(tests), "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path}/t"]
    two_devices = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tests.parents[3],
        env={**os.environ, "KERAS_BACKEND": "jax", **two_devices},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@pytest.mark.parametrize("gpu", [(7, 5), (8, 0)])
def test_a_gpu_runs_an_epoch_of_a_small_network_in_one_program(gpu):
    hardware = Hardware("jax", gpu)
    lenet, resnet50 = 128 * 416_520, 64 * 4_089_184_256
    assert choose_steps(lenet, hardware) >= 60_000 / 128
    assert choose_steps(resnet50, hardware) <= 32
    assert choose_steps(1, hardware) == MOST_STEPS_IN_A_PROGRAM
