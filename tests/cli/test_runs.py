from __future__ import annotations

import json

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.runs.run import FAILED, FINISHED, create_run


@pytest.fixture
def two_runs(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for minute, (status, word) in enumerate([(FAILED, "seed=1"), (FINISHED, "seed=2")]):
        run = create_run("runs", load_config(tiny, [word]))
        started = f"2026-01-01T00:0{minute}:00+00:00"
        run.update(status=status, started=started, best_epoch=1, seconds=61.0)
        run.history_path.write_text("epoch,loss,val_accuracy\n1,2.0,0.5\n")


def test_the_table_has_a_line_for_each_run_and_what_could_go_on(in_process, two_runs):
    code, out, err = in_process("runs")
    assert (code, err) == (0, "")
    lines = [line.strip() for line in out.splitlines() if "runs/tiny" in line]
    assert lines[0].split()[:6] == [
        "runs/tiny/1",
        "failed",
        "1/2",
        "0.5000,",
        "epoch",
        "1",
    ]
    assert lines[0].endswith("seed=1")
    assert lines[1].startswith("runs/tiny/2 ")
    assert lines[1].endswith("seed=2")
    assert lines[2] == "one of them can be resumed: cnnzoo train --resume runs/tiny/1"


def test_as_json(in_process, two_runs):
    code, out, _ = in_process("runs", "tiny", "--format", "json")
    assert code == 0
    first, second = json.loads(out)
    assert (first["run"], first["status"], first["resumable"]) == ("runs/tiny/1", "failed", True)
    assert (second["best"], second["best_epoch"], second["differs"]) == (0.5, 1, {"seed": "2"})


def test_a_damaged_run_says_what_is_wrong_with_it(in_process, two_runs, tmp_path):
    (tmp_path / "runs/tiny/2/run.json").write_text("{")
    code, out, _ = in_process("runs")
    assert code == 0
    assert "run.json is damaged: it is not JSON" in " ".join(out.split())


def test_without_a_run_the_way_to_one_is_said(in_process):
    assert in_process("runs")[:2] == (
        0,
        "no runs in runs; train one: cnnzoo train lenet\n",
    )
    assert in_process("runs", "--format", "json")[1] == "[]\n"
    code, _, err = in_process("runs", "lenet")
    assert (code, err) == (2, "error: runs has no run of 'lenet'\n")


def test_runs_are_deleted_after_asking(two_runs, tmp_path):
    from click.testing import CliRunner

    from cnnzoo.cli import cli

    def rm(*words: str, answer: str = "") -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["runs", "rm", *words], input=answer)
        return done.exit_code, done.output

    code, out = rm("runs/tiny/1", answer="n\n")
    assert code == 1
    assert "runs/tiny/1" in out
    assert (tmp_path / "runs/tiny/1").exists()
    code, out = rm("runs/tiny/1", answer="y\n")
    assert (code, out.splitlines()[-1]) == (0, "deleted runs/tiny/1")
    assert rm("runs/tiny/2", "--yes") == (0, "deleted runs/tiny/2\n")
    assert not (tmp_path / "runs/tiny").exists()


def test_a_name_does_not_delete(in_process, two_runs, tmp_path):
    code, _, err = in_process("runs", "rm", "runs/tiny", "--yes")
    assert code == 2
    assert "only runs are deleted" in err
    assert (tmp_path / "runs/tiny/1").exists()


def test_the_test_accuracy_is_shown_once_it_is_measured(in_process, two_runs, tmp_path):
    assert "test accuracy" not in in_process("runs")[1]
    accuracy = {"value": 0.8125, "low": 0.7, "high": 0.9}
    measured = {
        "split": "test",
        "examples": 16,
        "metrics": {"accuracy": accuracy, "loss": accuracy},
    }
    path = tmp_path / "runs/tiny/2/metrics.json"
    path.write_text(
        json.dumps({**measured, "per_class": {}, "confusion": [], "calibration": {"bins": []}})
    )
    code, out, _ = in_process("runs")
    assert code == 0
    assert "test accuracy" in out
    assert "0.8125" in next(line for line in out.splitlines() if "runs/tiny/2" in line)
    assert json.loads(in_process("runs", "--format", "json")[1])[1]["test_accuracy"] == 0.8125
    path.write_text("{")
    code, out, _ = in_process("runs")
    assert code == 0
    assert "metrics.json is damaged" in out
