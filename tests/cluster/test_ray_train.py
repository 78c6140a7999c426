from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import TINY
from ray_processes import a_worker_of, ray_cluster
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


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Start `cnnzoo train` in a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "cnnzoo", "train", *words],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the end of a command, and return what it printed."""
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 0, printed
    return printed


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait while a command runs."""
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Run:
    """The run of two processes, without Ray."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "tiny.yaml").write_text(TINY)
    with socket.create_server(("localhost", 0)) as server:
        shared = {"KERAS_DISTRIBUTION_JOB_ADDRESSES": f"localhost:{server.getsockname()[1]}"}
    shared |= {"KERAS_DISTRIBUTION_NUM_PROCESSES": "2", "KERAS_BACKEND": "jax"}
    words = ["tiny.yaml", *RECIPE, "training.devices=all"]
    processes = [
        start(folder, *words, **shared, KERAS_DISTRIBUTION_PROCESS_ID=str(number))
        for number in range(2)
    ]
    for process in processes:
        finish(process)
    return Run(folder / "runs/tiny/1")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_a_training_that_loses_a_worker_gives_the_bits_of_an_undisturbed_one(
    tmp_path, tiny, undisturbed
):
    driver = start(tmp_path, "tiny.yaml", *RECIPE, "--cluster", "ray", "--workers", "2")
    run = Run(tmp_path / "runs/tiny/1")
    wait_until(lambda: len(run.history()) > 1, driver)
    os.kill(a_worker_of(driver.pid, "RayTrainWorker"), signal.SIGKILL)
    printed = finish(driver)
    assert "resumes in epoch" in printed
    assert "test: accuracy" in printed
    assert_same_bits(run, undisturbed)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_machines_without_a_shared_disk_that_lose_the_driver_give_the_same_bits(
    tmp_path, tiny, undisturbed
):
    """Two machines of a running cluster, each with a temporary directory and a cache of its own."""
    store, run = tmp_path / "store", Run(tmp_path / "runs/tiny/1")
    with ray_cluster(tmp_path / "one", tmp_path / "two") as access:
        options = ["--cluster", "ray", "--workers", "2", "--address", access["RAY_ADDRESS"]]
        words = ["tiny.yaml", *RECIPE, *options, "--storage-path", f"file://{store}"]
        first = start(tmp_path, *words, **access)
        wait_until(lambda: list(store.glob("*/files/*-history.csv")), first)
        first.kill()
        first.communicate()
        assert run.history() == []
        second = start(tmp_path, "--resume", "runs/tiny/1", *options, **access)
        printed = finish(second)
    assert printed.count("resumes in epoch") == 1
    assert "test: accuracy" in printed
    assert_same_bits(run, undisturbed)
    assert [path.name for path in store.iterdir()] == ["cache"]
    caches = [list((tmp_path / node / "cache").glob("*/images.npy")) for node in ("one", "two")]
    assert [len(each) for each in caches] == [1, 1]
    assert not list(tmp_path.glob("*/tmp/cnnzoo-run-*"))
