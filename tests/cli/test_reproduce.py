from __future__ import annotations

import pytest

from cnnzoo.runs.run import Run
from cnnzoo.training.reproduce import Reproduction


@pytest.mark.parametrize(
    ("weights", "epoch", "code", "lines"),
    [
        ({}, None, 0, ["weights: identical, 4 arrays", "history: identical, 0 epochs"]),
        (
            {"conv2d/kernel": 0.5, "dense/bias": 0.25},
            3,
            1,
            [
                "weights: 2 of 4 arrays differ, by up to 5.0e-01 (conv2d/kernel)",
                "history: differs from epoch 3",
                "   numpy: 1 → 2",
            ],
        ),
    ],
    ids=["identical", "different"],
)
def test_the_exit_code_says_whether_it_came_out_the_same(
    in_process, monkeypatch, tmp_path, weights, epoch, code, lines
):
    run = Run(tmp_path / "runs/tiny/2")
    found = Reproduction(run, 4, weights, epoch, ["numpy: 1 → 2"], [])
    monkeypatch.setattr("cnnzoo.training.reproduce.reproduce", lambda *_, **__: found)
    monkeypatch.setattr("cnnzoo.runs.choose.choose_run", lambda *_, **__: run)
    done = in_process("reproduce", "runs/tiny/1")
    assert done == (code, "\n".join([*lines, f"run: {run}"]) + "\n", "")


def test_a_run_that_is_not_there_is_a_users_mistake(in_process):
    code, _, err = in_process("reproduce", "runs/none/1")
    assert code == 2
    assert "the run 'runs/none/1' does not exist" in err
