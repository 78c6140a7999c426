from __future__ import annotations

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.runs.run import FINISHED, Run, create_run
from cnnzoo.terminal.summary import summary

TEST = "test: accuracy 0.9526 (0.925 to 0.970), loss 0.1858, macro F1 0.9530, " + "x" * 60


@pytest.fixture
def run(tiny, tmp_path, monkeypatch) -> Run:
    monkeypatch.chdir(tmp_path)
    run = create_run("runs", load_config(tiny))
    rows = [
        {"epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5, "learning_rate": 0.1}
        | {"val_loss": 2 / epoch, "val_accuracy": 0.25, **{f"metric_{i}": 0.1 for i in range(9)}}
        for epoch in (1, 2, 3)
    ]
    run.write_history(rows)
    run.update(
        status=FINISHED,
        best_epoch=2,
        seconds=75.0,
        epoch_seconds=[20.0, 2.0, 2.0],
        data={"examples": {"train": 1000}},
    )
    return run


def test_all_that_there_is_fits_a_screen(run):
    names = ("model.keras", "metrics.json", "predictions.csv", "tensorboard")
    for name in names:
        (run.path / name).touch()
    lines = summary(run, [TEST]).splitlines()
    screen = sum(max(1, -(-len(line) // 80)) for line in lines)
    assert screen < 24, "with the prompt"
    assert all(any(line.startswith(f"  {name} ") for line in lines) for name in names)


def test_it_says_what_was_reached_and_how_fast(run):
    text = summary(run, [TEST])
    times = (
        "3 epochs in 1:15; an epoch takes 2.0 s (500 images/s), start-up and compiling took 1:09"
    )
    assert f"runs/tiny/1: {times}" in text
    assert "best epoch: 2, by val_accuracy" in text
    heading, training, validation, test = text.splitlines()[4:8]
    assert heading.split()[:2] == ["loss", "accuracy"]
    assert training.split()[:3] == ["training", "0.5000", "0.5000"]
    assert validation.split()[:4] == ["validation", "1.0000", "0.2500", "-"]
    assert test == TEST
    assert "model.keras" not in text, "only what there is"
    assert text.endswith("cnnzoo runs tiny")


def test_what_is_measured_is_reported_and_what_is_not_is_evaluated(run):
    assert "cnnzoo report runs/tiny/1" in summary(run, [TEST])
    assert "cnnzoo evaluate" not in summary(run, [TEST])
    assert "cnnzoo evaluate runs/tiny/1" in summary(run)


def test_a_start_up_that_takes_little_of_the_time_is_not_mentioned(run):
    run.update(seconds=25.0, epoch_seconds=[8.0, 8.0, 8.0])
    assert "3 epochs in 25.0 s; an epoch takes 8.0 s (125 images/s)\n" in summary(run)


def test_the_commands_can_be_copied(run, tmp_path):
    (tmp_path / "my runs").mkdir()
    run.path.parent.rename(tmp_path / "my runs/tiny")
    lines = summary(Run(tmp_path / "my runs/tiny/1")).splitlines()
    assert lines[-3] == f"  cnnzoo evaluate '{tmp_path}/my runs/tiny/1'"
    assert lines[-1] == f"  cnnzoo runs tiny --runs-dir '{tmp_path}/my runs'"
