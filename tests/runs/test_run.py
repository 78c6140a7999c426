from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.errors import CnnzooError, RunError
from cnnzoo.runs.files import replacing, write_text
from cnnzoo.runs.listing import list_runs
from cnnzoo.runs.run import (
    Run,
    by_start,
    create_run,
    find_runs,
    latest_run,
    open_run,
    run_to_resume,
)


@pytest.fixture
def config():
    return load_config("lenet")


def test_runs_are_numbered_below_the_name_of_their_configuration(tmp_path, config):
    paths = [create_run(tmp_path, config).path for _ in range(3)]
    assert paths == [tmp_path / "lenet" / number for number in "123"]


def test_a_run_keeps_the_configuration_that_made_it(tmp_path, config):
    assert create_run(tmp_path, config).config().plain() == config.plain()


def test_a_number_is_never_used_again_while_a_later_run_exists(tmp_path, config):
    first, second = create_run(tmp_path, config), create_run(tmp_path, config)
    for file in first.path.iterdir():
        file.unlink()
    first.path.rmdir()
    assert create_run(tmp_path, config).path.name == str(int(second.path.name) + 1)


def test_trainings_started_at_once_never_share_a_directory(tmp_path, config):
    with ThreadPoolExecutor(16) as pool:
        runs = list(pool.map(lambda _: create_run(tmp_path, config).path, range(64)))
    assert len(set(runs)) == 64


def test_a_runs_directory_that_cannot_be_written_is_one_clear_error(tmp_path, config):
    (tmp_path / "runs").write_text("a file is in the way")
    with pytest.raises(RunError, match=r"cannot write a run below .*runs") as failed:
        create_run(tmp_path / "runs", config)
    assert "--runs-dir" in str(failed.value)


def test_what_is_no_run_is_not_opened(tmp_path, config):
    with pytest.raises(RunError, match="does not exist"):
        open_run(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"is not a run directory: it has no config\.yaml"):
        open_run(tmp_path)
    half = create_run(tmp_path, config)
    with pytest.raises(RunError, match=r"it has no run\.json"):
        open_run(half.path)


def test_the_latest_run_is_the_one_that_was_started_last(tmp_path, config):
    runs = [create_run(tmp_path, config) for _ in range(3)]
    for run, started in zip(runs, ("2026-01-02", "2026-01-03", "2026-01-01"), strict=True):
        run.update(started=started)
    assert latest_run(tmp_path) == runs[1]
    assert find_runs(tmp_path) == runs


DAMAGED = ["", '{"status": "fini', "[]", "[" * 100_000, '{"status": 0}', '{"started": 3}']


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_run_does_not_hide_the_others(tmp_path, config, content):
    good, damaged = create_run(tmp_path, config), create_run(tmp_path, config)
    good.update(started="2026-01-01T00:00:00.000000+00:00", status="interrupted")
    (damaged.path / "run.json").write_text(content)
    notes = []
    assert latest_run(tmp_path, notes.append) == good
    assert notes == [f"skipped 1 damaged run: {damaged}; cnnzoo runs shows why"]
    assert run_to_resume(tmp_path, notes.append) == good
    assert len(notes) == 2
    (good.path / "run.json").unlink()
    with pytest.raises(RunError, match=r"2/run\.json is damaged"):
        latest_run(tmp_path)


@pytest.mark.parametrize("content", ["", "model: 3", "name: [", "\0"])
def test_a_run_with_a_damaged_configuration_is_skipped(tmp_path, config, content):
    good, damaged, older = (create_run(tmp_path, config) for _ in range(3))
    for run, day in ((good, 2), (damaged, 3), (older, 1)):
        run.update(started=f"2026-01-0{day}T00:00:00.000000+00:00", status="interrupted")
    (damaged.path / "config.yaml").write_text(content)
    notes = []
    assert latest_run(tmp_path, notes.append) == good
    assert run_to_resume(tmp_path) == good
    assert by_start(tmp_path) == [older, good]
    assert notes == [f"skipped 1 damaged run: {damaged}; cnnzoo runs shows why"]
    for run in (good, older):
        (run.path / "config.yaml").write_text(content)
    with pytest.raises(CnnzooError, match=r"1/config\.yaml"):
        latest_run(tmp_path)


def test_without_runs_the_error_says_how_to_make_one(tmp_path):
    with pytest.raises(RunError, match="no runs in") as failed:
        latest_run(tmp_path / "none")
    assert "cnnzoo train" in str(failed.value)


def test_a_record_is_added_to(tmp_path, config):
    run = create_run(tmp_path, config)
    run.update(status="running", seed=3)
    run.update(status="finished")
    assert run.record() == {"status": "finished", "seed": 3}


def test_a_record_holds_names_that_are_no_text(tmp_path, config):
    name = "bad\udcff, ünï.png"
    run = create_run(tmp_path, config)
    run.update(skipped=[name])
    assert run.record() == {"skipped": [name]}
    assert "ünï" in (run.path / "run.json").read_text(encoding="utf-8")


def test_a_run_that_has_vanished_is_one_clear_error(tmp_path):
    with pytest.raises(RunError, match=r"run\.json cannot be written: No such file"):
        Run(tmp_path / "gone").update(status="finished")


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        Run(tmp_path).record()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "metrics.json"
    write_text(path, json.dumps({"accuracy": 1}))

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half of")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert json.loads(path.read_text()) == {"accuracy": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.json"]


def test_a_temporary_file_has_the_suffix_of_the_final_one(tmp_path):
    with replacing(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras"
        assert temporary.parent == tmp_path
    assert (tmp_path / "model.keras").exists()
    assert not Path(temporary).exists()


def test_one_process_at_a_time_trains_a_run(tmp_path, config):
    run = create_run(tmp_path, config)
    assert not run.is_training()
    with run.training():
        assert run.is_training()
        with pytest.raises(RunError, match="is being trained by another process"), run.training():
            pass
    assert not run.is_training()


def test_the_run_to_resume_is_the_latest_that_can_go_on(tmp_path, config):
    runs = [create_run(tmp_path, config) for _ in range(4)]
    states = ("interrupted", "running", "running", "finished")
    for number, (run, status) in enumerate(zip(runs, states, strict=True)):
        run.update(started=f"2026-01-0{number + 1}", status=status)
    with runs[2].training():  # it still runs; the second is running, and dead
        assert run_to_resume(tmp_path) == runs[1]
        assert run_to_resume(tmp_path, finished=True) == runs[3]


def test_the_history_is_read_as_it_was_written(tmp_path):
    rows = [{"epoch": 1, "loss": 0.1 + 0.2}, {"epoch": 2, "loss": float("inf")}]
    run = Run(tmp_path)
    run.write_history(rows)
    assert run.history() == rows


def test_updates_at_once_are_all_kept(tmp_path, config):
    run = create_run(tmp_path, config)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: run.update(**{f"key{number}": number}), range(64)))
    assert run.record() == {f"key{number}": number for number in range(64)}


def test_on_a_read_only_disk_a_killed_run_is_not_running(tmp_path, config, monkeypatch):
    run = create_run(tmp_path, config)
    run.update(status="running")
    opened = os.open

    def read_only(path, flags, *words, **options):
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, *words, **options)

    with run.training():
        monkeypatch.setattr(os, "open", read_only)
        assert run.is_training()
        with pytest.raises(RunError, match="cannot be written: Read-only"), run.training():
            pass
    assert not run.is_training()
    assert [status.status for status in list_runs(tmp_path)] != ["running"]


@pytest.mark.parametrize(
    ("record", "measured", "awaits"),
    [
        ({"status": "finished", "data": {"examples": {"test": 3}}}, False, True),
        ({"status": "finished", "data": {"examples": {"test": 3}}}, True, False),
        ({"status": "finished", "data": {"examples": {"test": 0}}}, False, False),
        ({"status": "interrupted", "data": {"examples": {"test": 3}}}, False, False),
        ({"status": "finished"}, False, False),
    ],
)
def test_a_finished_run_is_measured_unless_it_has_no_test_split(
    tmp_path, config, record, measured, awaits
):
    run = create_run(tmp_path, config)
    run.update(started="2026-01-01", **record)
    if measured:
        (run.path / "metrics.json").touch()
    assert run.awaits_measurement() == awaits
    if awaits or record["status"] != "finished":
        assert run_to_resume(tmp_path) == run
    else:
        with pytest.raises(RunError, match="to resume"):
            run_to_resume(tmp_path)


def test_measurements_are_removed_with_the_threshold_and_other_files_stay(tmp_path, config):
    run = create_run(tmp_path, config)
    run.update(threshold={"value": 0.4}, seed=1)
    for name in ("metrics.json", "metrics-train.json", "predictions.csv", "predictions.parquet"):
        (run.path / name).touch()
    run.remove_measurements()
    assert run.record() == {"threshold": None, "seed": 1}
    assert sorted(path.name for path in run.path.iterdir()) == [
        "checkpoints",
        "config.yaml",
        "run.json",
    ]
