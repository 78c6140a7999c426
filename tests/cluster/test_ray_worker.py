from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from cnnzoo.cluster.ray_worker import Task, _fetch, _may_be_lost_worker, _renamed, _WorkerDisplay
from cnnzoo.cluster.storage import StorageError
from cnnzoo.errors import DataError, RunError, TrainingError
from cnnzoo.runs.run import Run


def task(run: Path) -> Task:
    return Task(run, (), (), "auto", None)


def test_lines_and_errors_name_the_run_of_the_driver(tmp_path):
    local, driver = Run(tmp_path / "scratch/1"), tmp_path / "runs/lenet/1"
    display = _WorkerDisplay(task(driver), local, None)
    display.note(f"resuming {local}")
    display.saved()
    assert display.taken() == [("note", (f"resuming {driver}",))]
    error = _renamed(DataError(f"{local} is it", hint=f"resume {local}"), local, driver)
    assert isinstance(error, DataError)
    assert str(error) == f"error: {driver} is it\n   hint: resume {driver}"
    assert _renamed(DataError("it"), local, driver).mistakes[0].hint is None


def test_each_checkpoint_is_copied_to_the_storage(tmp_path):
    pushed: list[int] = []
    copy = SimpleNamespace(push=lambda: pushed.append(1))
    _WorkerDisplay(task(tmp_path), Run(tmp_path), copy).saved()  # type: ignore[arg-type]
    assert pushed == [1]


def test_a_worker_that_does_not_write_the_run_has_a_copy(tmp_path):
    run = tmp_path / "runs/1"
    with pytest.raises(RunError, match=r"worker 1 on .* does not see .*runs/1") as caught:
        _fetch(task(run), Run(tmp_path / "scratch/1"), None, 0, 1)
    assert "else use --storage-path" in str(caught.value)
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    _fetch(task(run), Run(run), None, 0, 0)
    _fetch(task(run), Run(tmp_path / "scratch/1"), None, 0, 1)
    assert (tmp_path / "scratch/1/run.json").read_text() == "{}"


def test_a_known_cause_is_not_the_loss_of_a_worker():
    assert _may_be_lost_worker(TrainingError("the connection was closed"))
    assert not _may_be_lost_worker(StorageError("the disk is full"))
    assert not _may_be_lost_worker(DataError("gone"))
