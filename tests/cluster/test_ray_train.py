from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from ray_processes import a_worker_of
from same_bits import assert_same_bits

from cnnzoo.cluster.ray_train import _cause, _continued_by, _first
from cnnzoo.errors import DataError, DeviceError, Interrupted, TrainingError
from cnnzoo.runs.run import Run

RECIPE = ["training.epochs=12", "data.limit=40", "training.batch_size=16"]


def test_the_first_error_is_shown_unless_the_training_was_stopped():
    own, other, stop = DataError("gone"), DeviceError("missing"), Interrupted("stopped")
    assert _first([(1, own), (0, other)]) is own
    assert _first([(1, own), (0, stop)]) is stop


def test_the_hint_continues_on_the_cluster():
    error = TrainingError("it", hint="continue: cnnzoo train --resume runs/a/1")
    plain, again = "cnnzoo train --resume runs/a/1", "cnnzoo train --resume runs/a/1 --cluster ray"
    assert _continued_by(error, plain, again).mistakes[0].hint == f"continue: {again}"


def test_the_worker_that_failed_is_named():
    class GroupError(Exception):
        worker_failures = {1: RuntimeError("lost\nits trace")}

    assert _cause(GroupError()) == "worker 1: lost"
    assert _cause(RuntimeError("it")) == "it"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_a_training_that_loses_a_worker_gives_the_bits_of_an_undisturbed_one(tmp_path, tiny):
    """The undisturbed one is trained by two processes without Ray."""

    def start(name: str, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "cnnzoo", "train", str(tiny), *RECIPE, "--name", name, *words],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    with socket.create_server(("localhost", 0)) as server:
        shared = {"KERAS_DISTRIBUTION_JOB_ADDRESSES": f"localhost:{server.getsockname()[1]}"}
    shared |= {"KERAS_DISTRIBUTION_NUM_PROCESSES": "2", "KERAS_BACKEND": "jax"}
    processes = [
        start(
            "undisturbed",
            "training.devices=all",
            **shared,
            KERAS_DISTRIBUTION_PROCESS_ID=str(number),
        )
        for number in range(2)
    ]
    for process in processes:
        printed, _ = process.communicate(timeout=600)
        assert process.returncode == 0, printed
    disturbed = start("disturbed", "--cluster", "ray", "--workers", "2")
    run = Run(tmp_path / "runs/disturbed/1")
    deadline = time.monotonic() + 600
    while len(run.history()) < 2:
        assert time.monotonic() < deadline
        assert disturbed.poll() is None, disturbed.communicate()[0]
        time.sleep(0.05)
    os.kill(a_worker_of(disturbed.pid, "RayTrainWorker"), signal.SIGKILL)
    printed, _ = disturbed.communicate(timeout=600)
    assert disturbed.returncode == 0, printed
    assert "resumes in epoch" in printed
    assert "test: accuracy" in printed
    assert_same_bits(run, Run(tmp_path / "runs/undisturbed/1"))
