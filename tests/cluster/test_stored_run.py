from __future__ import annotations

import json

import pytest

from cnnzoo.cluster.storage import Storage, StorageError
from cnnzoo.cluster.stored_run import StoredRun
from cnnzoo.runs.run import Run

NAME = "lenet-1-0123abcd"
FIRST, SECOND = (
    "checkpoints/epoch-00001-step-0000000.npz",
    "checkpoints/epoch-00002-step-0000000.npz",
)


def new_run(folder, **texts: str) -> Run:
    run = Run(folder)
    write(run, **{"run.json": "{}", "config.yaml": "name: lenet", **texts})
    return run


def write(run: Run, **texts: str) -> None:
    for name, text in texts.items():
        path = run.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def texts_of(run: Run) -> dict[str, str]:
    files = [path for path in run.path.rglob("*") if path.is_file()]
    return {str(path.relative_to(run.path)): path.read_text() for path in files}


@pytest.fixture
def storage(tmp_path) -> Storage:
    return Storage(f"file://{tmp_path}/store")


def copies(storage: Storage) -> list[str]:
    return sorted(name.partition("-")[2] for name in storage.names(f"{NAME}/files"))


def test_a_run_is_copied_to_another_machine_without_locks_and_exports(tmp_path, storage):
    run = new_run(tmp_path / "a", **{FIRST: "1", "checkpoints/.lock": "", "exports/a.onnx": "x"})
    StoredRun(storage, NAME, run).push()
    other = Run(tmp_path / "b/lenet/1")
    copy = StoredRun(storage, NAME, other)
    copy.pull(copy.newest())
    assert texts_of(other) == {"run.json": "{}", "config.yaml": "name: lenet", FIRST: "1"}


def test_only_changed_files_are_copied_again_and_old_ones_removed(tmp_path, storage, monkeypatch):
    run = new_run(tmp_path / "a", **{FIRST: "1"})
    copy = StoredRun(storage, NAME, run)
    copy.push()
    put, copied = storage.put, []
    monkeypatch.setattr(storage, "put", lambda path, name: copied.append(path) or put(path, name))
    (run.path / FIRST).unlink()
    write(run, **{SECOND: "2", "run.json": '{"epochs": 2}'})
    copy.push()
    assert {path.name for path in copied} == {"run.json", SECOND.partition("/")[2]}
    assert copy.newest() == 2
    assert sorted(storage.names(NAME)) == ["00000002.json", "files"]
    assert copies(storage) == ["config.yaml", SECOND.partition("/")[2], "run.json"]


def test_a_copy_that_was_not_completed_is_not_used(tmp_path, storage):
    """The list of a version is written last, and a part of it is not a version."""
    run = new_run(tmp_path / "a", **{FIRST: "1"})
    copy = StoredRun(storage, NAME, run)
    copy.push()
    storage.write(f"{NAME}/files/0-{SECOND.partition('/')[2]}", b"half")
    storage.write(f"{NAME}/00000002.json", b'{"run.json": ["0')
    assert StoredRun(storage, NAME, run).newest() == 1


def test_a_list_with_paths_outside_the_run_is_not_used(tmp_path, storage):
    for path in ("../run.json", "/run.json", ".ssh/key", "a\\b"):
        storage.write(f"{NAME}/00000001.json", json.dumps({path: ["0-run.json", 2]}).encode())
        assert StoredRun(storage, NAME, Run(tmp_path / "a")).newest() == 0
    storage.write(f"{NAME}/00000001.json", json.dumps({"run.json": ["../x", 2]}).encode())
    assert StoredRun(storage, NAME, Run(tmp_path / "a")).newest() == 0


def test_the_driver_gets_the_newer_checkpoints_and_keeps_its_configuration(tmp_path, storage):
    run = new_run(tmp_path / "a", **{FIRST: "1", "metrics.json": "{}", "notes.txt": "of a person"})
    StoredRun(storage, NAME, run).push()
    worker = Run(tmp_path / "b")
    copy = StoredRun(storage, NAME, worker)
    copy.pull(1)
    for name in (FIRST, "metrics.json"):
        (worker.path / name).unlink()
    write(worker, **{SECOND: "2", "config.yaml": "name: other"})
    copy.push()
    StoredRun(storage, NAME, run).pull_newer()
    assert texts_of(run).keys() == {"run.json", "config.yaml", SECOND, "notes.txt"}
    assert (run.path / "config.yaml").read_text() == "name: lenet"


def test_an_older_copy_replaces_nothing(tmp_path, storage):
    run = new_run(tmp_path / "a", **{FIRST: "1"})
    StoredRun(storage, NAME, run).push()
    write(run, **{SECOND: "2", "run.json": '{"epochs": 2}'})
    before = texts_of(run)
    StoredRun(storage, NAME, run).pull_newer()
    assert texts_of(run) == before
    StoredRun(storage, NAME, run).remove()
    StoredRun(storage, NAME, run).remove()  # it is not there any more
    StoredRun(storage, NAME, run).pull_newer()
    assert texts_of(run) == before


def test_a_storage_that_a_machine_does_not_see_is_told(tmp_path, storage):
    run = new_run(tmp_path / "a")
    StoredRun(storage, NAME, run).push()
    elsewhere = StoredRun(Storage(f"memory://{tmp_path.name}"), NAME, Run(tmp_path / "b"))
    with pytest.raises(StorageError, match="has no copy of the run in") as caught:
        elsewhere.pull(1)
    assert "do all machines see the same files at --storage-path?" in str(caught.value)


def test_a_file_of_another_size_is_told(tmp_path, storage):
    run = new_run(tmp_path / "a")
    StoredRun(storage, NAME, run).push()
    (damaged,) = (name for name in storage.names(f"{NAME}/files") if name.endswith("run.json"))
    storage.write(f"{NAME}/files/{damaged}", b"")
    with pytest.raises(StorageError, match="has 0 bytes, not 2"):
        StoredRun(storage, NAME, Run(tmp_path / "b")).pull(1)
    assert not (tmp_path / "b/run.json").exists()
