from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from conftest import loaded_modules

from cnnzoo.config.loader import load_config
from cnnzoo.errors import RunError
from cnnzoo.runs.listing import DAMAGED, list_runs, short_keys
from cnnzoo.runs.run import FINISHED, RUNNING, Run, create_run

HISTORY = "epoch,loss,val_accuracy,learning_rate\n1,2.0,0.5,0.1\n2,1.0,0.75,0.1\n"


def make_run(tiny: Path, runs_dir: Path, minute: int, status: str, *words: str) -> Run:
    run = create_run(runs_dir, load_config(tiny, words))
    run.update(status=status, started=f"2026-01-01T00:{minute:02}:00+00:00", best_epoch=2)
    run.history_path.write_text(HISTORY)
    return run


def test_runs_are_listed_as_they_were_started_with_what_they_reached(tiny, tmp_path):
    first = make_run(tiny, tmp_path / "runs", 2, FINISHED, "training.epochs=5")
    first.update(seconds=12.5)
    make_run(tiny, tmp_path / "runs", 1, "failed", "name=other")
    other, run = list_runs(tmp_path / "runs")
    assert (other.name, other.status, other.resumable) == ("other", "failed", True)
    assert (run.name, run.status, run.resumable) == ("tiny", FINISHED, False)
    assert (run.epochs, run.of_epochs, run.seconds) == (2, 5, 12.5)
    assert (run.monitor, run.best, run.best_epoch) == ("val_accuracy", 0.75, 2)
    assert list_runs(tmp_path / "runs", "other") == [other]


def test_a_run_that_nobody_trains_is_interrupted_and_one_that_somebody_does_is_running(
    tiny, tmp_path
):
    run = make_run(tiny, tmp_path / "runs", 1, RUNNING)
    run.update(seconds=3.5)  # of the epochs that have ended
    (listed,) = list_runs(tmp_path / "runs")
    assert (listed.status, listed.resumable, listed.seconds) == ("interrupted", True, 3.5)
    with run.training():
        (listed,) = list_runs(tmp_path / "runs")
        assert (listed.status, listed.resumable) == (RUNNING, False)


def test_only_what_differs_among_the_runs_of_a_name_is_said(tiny, tmp_path):
    words = (
        ["training.epochs=3"],
        ["training.epochs=3", "training.optimizer=SGD"],
        ["training.epochs=3", "model.layers.1.Conv2D.filters=8"],
        ["name=other", "training.epochs=7"],
    )
    for minute, given in enumerate(words):
        make_run(tiny, tmp_path / "runs", minute, FINISHED, *given)
    plain, sgd, wide, other = list_runs(tmp_path / "runs")
    rate = "training.optimizer.Adam.learning_rate.CosineDecay.initial_learning_rate"
    assert plain.differs[rate] == "0.01"
    assert "training.epochs" not in plain.differs
    assert sgd.differs == {"model.layers.1.Conv2D.filters": "4", "training.optimizer": "SGD"}
    assert wide.differs["model.layers.1.Conv2D.filters"] == "8"
    assert other.differs == {}


def test_keys_are_as_short_as_tells_them_apart():
    keys = ["a.b.c", "a.x.c", "d", "e.d", "training.epochs"]
    assert short_keys(keys, keys) == {
        "a.b.c": "b.c",
        "a.x.c": "x.c",
        "d": "d",
        "e.d": "e.d",
        "training.epochs": "epochs",
    }


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("run.json", "{", "is damaged"),
        ("run.json", "[]", "is damaged"),
        ("run.json", "{}", "is damaged: KeyError"),
        ("run.json", '{"status": "finished", "started": 3}', "is damaged"),
        ("run.json", '{"status": "finished", "started": "2026", "best_epoch": 9}', "is damaged"),
        ("run.json", None, "cannot be read"),
        ("config.yaml", "model: [", "error"),
        ("config.yaml", None, "config.yaml"),
        ("history.csv", "epoch,loss\n1,many\n", "is damaged: row 1, loss"),
        ("history.csv", "epoch,loss\n1\n", "is damaged: row 1 has 1 value"),
        ("history.csv", "\x00\xff", "is damaged"),
    ],
)
def test_a_damaged_run_is_listed_as_damaged_and_hides_no_other(tiny, tmp_path, name, text, problem):
    broken = make_run(tiny, tmp_path / "runs", 1, FINISHED)
    make_run(tiny, tmp_path / "runs", 2, FINISHED)
    path = broken.path / name
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="latin-1")
    listed = list_runs(tmp_path / "runs")
    assert len(listed) == 2
    (damaged,) = (standing for standing in listed if standing.status == DAMAGED)
    assert damaged.run == broken
    assert problem in str(damaged.problem)
    assert not damaged.resumable


def test_what_is_no_run_is_not_listed(tiny, tmp_path):
    make_run(tiny, tmp_path / "runs", 1, FINISHED)
    (tmp_path / "runs/tiny/2").mkdir()
    (tmp_path / "runs/tiny/notes").mkdir()
    (tmp_path / "runs/README").write_text("mine")
    assert len(list_runs(tmp_path / "runs")) == 1
    assert list_runs(tmp_path / "nowhere") == []


def test_a_name_that_no_run_has(tiny, tmp_path):
    make_run(tiny, tmp_path / "runs", 1, FINISHED)
    with pytest.raises(RunError, match=r"no run of 'tinny'.*; did you mean 'tiny'\?"):
        list_runs(tmp_path / "runs", "tinny")


def test_the_list_loads_no_framework():
    heavy = ("keras", "numpy", "tensorflow", "jax", "sklearn", "matplotlib")
    assert loaded_modules("import cnnzoo.runs.listing, cnnzoo.terminal.run_table", heavy) == []


@pytest.mark.slow
def test_many_runs_of_one_configuration_cost_little_more_each_than_their_files(tiny, tmp_path):
    """As a ratio, because machines differ: the configuration is understood once."""
    first = make_run(tiny, tmp_path / "runs", 1, FINISHED)
    texts = {path.name: path.read_text() for path in first.path.iterdir() if path.is_file()}
    for number in range(2, 101):
        folder = tmp_path / "runs/tiny" / str(number)
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text)
    started = time.perf_counter()
    assert len(list_runs(tmp_path / "runs")) == 100
    listed = time.perf_counter() - started
    started = time.perf_counter()
    for _ in range(20):
        load_config(first.path / "config.yaml")
        json.loads((first.path / "run.json").read_text())
    assert listed < 5 * (time.perf_counter() - started)


@pytest.mark.parametrize("name", ["run.json", "config.yaml", "history.csv", "metrics.json"])
@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_a_special_file_in_a_run_is_a_problem_of_that_run(tiny, tmp_path, name, kind):
    """A FIFO would block, and /dev/zero would fill the memory."""
    good, bad = (make_run(tiny, tmp_path / "runs", minute, FINISHED) for minute in (1, 2))
    path = bad.path / name
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    listed = {status.run: status for status in list_runs(tmp_path / "runs")}
    assert listed[good].problem is None
    assert name in listed[bad].problem
    assert (listed[bad].status == DAMAGED) == (name != "metrics.json")


def test_a_lock_that_is_a_fifo_does_not_block(tiny, tmp_path):
    run = make_run(tiny, tmp_path / "runs", 1, RUNNING)
    os.mkfifo(run.path / "checkpoints" / ".lock")
    (listed,) = list_runs(tmp_path / "runs")
    assert listed.status == "interrupted"
