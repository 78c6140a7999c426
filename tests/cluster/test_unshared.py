from __future__ import annotations

import shutil

import pytest

from cnnzoo.cluster.storage import Storage, StorageError
from cnnzoo.cluster.unshared import storage_of, unshared
from cnnzoo.config.loader import load_config
from cnnzoo.errors import DataError, RunError, UserError
from cnnzoo.runs.run import FINISHED, Run, queue_run
from cnnzoo.training.progress import Display
from cnnzoo.training.resume import resume

ONE = ["training.epochs=1", "data.limit=40"]


@pytest.fixture
def run(tiny, monkeypatch) -> Run:
    """A queued run; the cache of the driver is empty."""
    monkeypatch.setenv("CNNZOO_CACHE", str(tiny.parent / "cache"))
    return queue_run(tiny.parent / "runs", load_config(tiny, ONE), "cnnzoo train")


def test_another_machine_trains_the_run_and_the_driver_gets_it(run, tmp_path, monkeypatch):
    url = str(tmp_path / "store")
    with unshared(run, url, Display()) as parts:
        with pytest.raises(RunError, match="is being trained by another process"):
            unshared(run, url, Display()).__enter__()
        shutil.rmtree(tmp_path / "cache")  # the other machine has a cache of its own
        monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "other"))
        local = Run(tmp_path / "elsewhere/1")
        copy = parts.copy_of(local)
        copy.pull(copy.newest())
        parts.get_data()
        parts.get_data()  # it is there
        resume(local, source=parts.source)
        copy.push()
        assert run.record()["status"] == "queued"
    assert run.record()["status"] == FINISHED
    for name in ("model.keras", "history.csv"):
        assert (run.path / name).read_bytes() == (local.path / name).read_bytes()
    assert Storage(url).names("") == ["cache"]
    assert storage_of(run, None) == url
    assert storage_of(run, "s3://other") == "s3://other"


def test_a_driver_that_was_killed_leaves_its_run_in_the_storage(run, tmp_path):
    url = f"memory://{tmp_path.name}"
    context = unshared(run, url, Display())
    parts = context.__enter__()
    worker = Run(tmp_path / "elsewhere/1")
    copy = parts.copy_of(worker)
    copy.pull(copy.newest())
    resume(worker, source=parts.source)
    copy.push()
    killed = Run(shutil.copytree(run.path, tmp_path / "runs/tiny/2"))  # as the driver left it
    with unshared(killed, url, Display()) as parts:
        assert killed.record()["status"] == FINISHED
        assert killed.history() == worker.history()
        assert sorted(Storage(url).names("")) == ["cache", parts.folder]


def test_the_first_error_is_reported_if_the_storage_is_lost_too(run, tmp_path):
    def train(error: Exception | None = None) -> None:
        with unshared(run, str(tmp_path / "store"), Display()):
            shutil.rmtree(tmp_path / "store")
            (tmp_path / "store").write_text("lost")
            if error:
                raise error

    with pytest.raises(DataError, match="the first"):
        train(DataError("the first"))
    run.update(storage=None)
    (tmp_path / "store").unlink()
    with pytest.raises(StorageError):
        train()


def test_data_that_the_driver_does_not_have_are_told(run, tmp_path):
    config = load_config(run.path / "config.yaml", ["data.folder=missing"])
    run.write_config(config)
    with pytest.raises(UserError, match="missing cannot be read"):
        unshared(run, str(tmp_path / "store"), Display()).__enter__()
