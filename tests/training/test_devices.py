from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from conftest import TINY

from cnnzoo.config.loader import load_config
from cnnzoo.config.schema import TrainingConfig
from cnnzoo.errors import ConfigError
from cnnzoo.runs.run import open_run
from cnnzoo.training.devices import (
    all_processes,
    check_devices,
    is_first_process,
    process_count,
)
from cnnzoo.training.hardware import Hardware

ALL = TrainingConfig(devices="all")


@pytest.mark.parametrize(("batch", "fitting"), [(3, 4), (30, 28), (63, 60)])
def test_a_batch_is_shared_equally_or_a_size_is_proposed(batch, fitting):
    hardware = Hardware("jax", (8, 0), devices=4)
    check_devices(ALL, fitting, hardware)
    check_devices(TrainingConfig(), batch, hardware)
    with pytest.raises(ConfigError, match=f"4 devices cannot share {batch}") as caught:
        check_devices(ALL, batch, hardware)
    assert f"batch_size={fitting}" in str(caught.value)


def test_other_backends_take_one_device():
    with pytest.raises(ConfigError, match="needs the backend jax, not tensorflow"):
        check_devices(ALL, 32, Hardware("tensorflow"))


def test_several_processes_need_all_devices(monkeypatch):
    config = load_config("lenet")
    assert is_first_process()
    assert process_count() == 1
    with all_processes(config) as scratch:
        assert scratch is None
    monkeypatch.setenv("KERAS_DISTRIBUTION_JOB_ADDRESSES", "localhost:1")
    with pytest.raises(ConfigError, match="each process would train alone"), all_processes(config):
        pass


def test_processes_of_one_step_that_train_alone_are_noted(monkeypatch):
    notes: list[str] = []
    display = SimpleNamespace(note=notes.append)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    with all_processes(load_config("lenet"), display=display) as scratch:
        assert scratch is None
    assert notes == [
        "SLURM started 4 processes, and each trains a run of its own; training.devices=all makes "
        "them train one run together"
    ]


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("localhost", 0))
        return opened.getsockname()[1]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_two_processes_lose_what_one_loses(tmp_path, cnnzoo):
    """One of them writes the run, and the run goes on in two processes too.

    The saved model has other layers than the trained one, and averaged weights: process 0 assigns
    them.
    """

    def train(words, **environment) -> str:
        done = cnnzoo("train", *words, KERAS_BACKEND="jax", **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def in_two(words) -> list[str]:
        """What each of them prints."""
        shared = {"KERAS_DISTRIBUTION_JOB_ADDRESSES": f"localhost:{free_port()}"}
        shared["KERAS_DISTRIBUTION_NUM_PROCESSES"] = "2"
        with ThreadPoolExecutor() as pool:
            numbers = [{"KERAS_DISTRIBUTION_PROCESS_ID": str(number)} for number in range(2)]
            waited = [pool.submit(train, words, **shared, **number) for number in numbers]
            return [each.result() for each in waited]

    pooled = "activation: relu}\n    - MaxPooling2D: 2"  # trained as pooling, then ReLU
    (tmp_path / "tiny.yaml").write_text(TINY.replace("activation: relu}", pooled))
    # Not Adam: where a gradient is next to nothing, it makes a whole step of its rounding.
    optimizer = "{SGD: {learning_rate: 0.05, momentum: 0.9, use_ema: true}}"
    recipe = ["data.limit=25", f"training.optimizer={optimizer}"]
    words = ["--config", "tiny.yaml", *recipe]
    train([*words, "--name", "one"])
    first, second = in_two([*words, "--name", "two", "training.devices=all", "training.epochs=1"])
    assert "runs/two/1" in first
    assert "runs" not in second
    in_two(["--resume", "runs/two/1", "training.epochs=2"])
    one, two = (open_run(tmp_path / "runs" / name / "1") for name in ("one", "two"))
    assert [path.name for path in two.path.parent.iterdir()] == ["1"]
    assert len(two.history()) == 2
    for row, other in zip(two.history(), one.history(), strict=True):
        assert row == pytest.approx(other, rel=1e-5)
