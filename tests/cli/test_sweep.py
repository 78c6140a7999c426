from __future__ import annotations

import json
import sys

import pytest
from sweeps import TEXT, write_sweep


@pytest.mark.slow
def test_a_sweep_is_run_continued_and_reported(in_process, tmp_path):
    (tmp_path / "quick.yaml").write_text(TEXT)
    words = ("sweep", "quick.yaml", "sweep.trials=1", "training.epochs=1")
    code, out, err = in_process(*words)
    assert (code, err) == (0, "")
    assert "trial 1 of 1: learning_rate=" in out
    assert "test accuracy of the best trial: " in out
    assert "cnnzoo sweep sweeps/quick --best > best.yaml" in out
    code, out, _ = in_process("sweep", "--resume", "sweep.trials=2")
    assert code == 0
    assert "trial 2 of 2" in out
    assert "trial 1 of" not in out
    assert "2 trials: 2 finished" in out
    code, out, _ = in_process("sweep", "quick", "--best", "--output", "best.yaml")
    assert (code, out) == (0, "written to best.yaml\n")
    assert in_process("check", "best.yaml", "quick.yaml")[0] == 0
    code, out, _ = in_process("report", "sweeps/quick", "--figures", "figures", "--format", "png")
    assert code == 0
    assert out.startswith("written to sweeps/quick/report.html")
    assert (tmp_path / "figures/history.png").exists()
    code, out, _ = in_process("runs", "--runs-dir", "sweeps", "--format", "json")
    assert [run["run"] for run in json.loads(out)] == ["sweeps/quick/1", "sweeps/quick/2"]


def test_users_mistakes_are_explained(in_process, tmp_path):
    (tmp_path / "quick.yaml").write_text(TEXT)
    write_sweep(tmp_path, trials=2)
    cases = [
        (("sweep",), "Missing argument 'FILE'"),
        (("sweep", "lenet"), "lenet has no sweep section"),
        (("sweep", "--resume", "other"), "the sweep 'other' does not exist"),
        (("sweep", "quick.yaml", "training.epochs=9"), "was started with other values"),
        (("sweep", "--resume", "training.epochs=9"), "only sweep.trials and sweep.time"),
        (("sweep", "quick.yaml", "--timeout", "x"), "must be a duration"),
        (("sweep", "quick.yaml", "--storage", "x"), "in its directory, not in x"),
        (("sweep", "--best", "a", "b"), "one sweep is run"),
        (("sweep", "quick.yaml", "--workers", "2"), "--workers needs --cluster ray"),
        (("sweep", "quick.yaml", "--cluster", "slurm"), "'slurm' is not 'ray'"),
        (("sweep", "quick.yaml", "--cluster", "ray"), "needs the number of --workers"),
        (("sweep", "--best", "--cluster", "ray"), "--best trains nothing"),
    ]
    for words, message in cases:
        code, _, err = in_process(*words)
        assert (code, message in err) == (2, True), (words, err)


def test_check_reports_the_values_of_a_sweep(in_process, tmp_path):
    (tmp_path / "quick.yaml").write_text(TEXT.replace("[16, 32]", "[16, 0]"))
    code, out, _ = in_process("check", "quick.yaml")
    assert code == 2
    assert out.startswith("quick.yaml:13:31: error: training.batch_size must be a positive")


def test_the_missing_extra_is_named(in_process, tmp_path, monkeypatch):
    (tmp_path / "quick.yaml").write_text(TEXT)
    monkeypatch.setitem(sys.modules, "cmaes", None)
    code, _, err = in_process("sweep", "quick.yaml")
    assert code == 2
    assert "pip install 'cnnzoo[sweep]'" in err
