from __future__ import annotations

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.runs.run import Run, queue_run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nodes", "2"], "--nodes needs --cluster slurm"),
        (["--gpus-per-worker", "2"], "--gpus-per-worker needs --cluster slurm or ray"),
        (["--cluster", "slurm"], "needs a time limit, such as --time 2h"),
        (["--cluster", "slurm", "--time", "2 hours"], "must be a duration such as 30s, 5m or 1.5h"),
        (["--cluster", "slurm", "--time", "2h", "--nodes", "0"], "0 is not in the range"),
        (
            ["--cluster", "slurm", "--time", "2h", "--nodes", "4", "--workers", "2"],
            "2 workers cannot use 4 nodes",
        ),
        (["--cluster", "slurm", "--time", "2h", "--partition", "a b"], "name of a partition"),
        (["--cluster", "slurm", "--time", "2h"], "sbatch is not installed on this machine"),
        (["--cluster", "slurm", "--time", "2h", "training.epoch=1"], "did you mean"),
        (["--cluster", "kubernetes"], "'kubernetes' is not one of 'slurm', 'ray'"),
        (["--address", "auto"], "--address needs --cluster ray"),
        (["--storage-path", "store"], "--storage-path needs --cluster ray"),
        (["--cluster", "ray"], "needs the number of --workers"),
        (["--cluster", "ray", "--workers", "2", "--time", "2h"], "--time needs --cluster slurm"),
    ],
)
def test_bad_input_is_one_clear_message_and_leaves_no_run(
    in_process, tiny, monkeypatch, words, message
):
    monkeypatch.setenv("PATH", str(tiny.parent))
    code, _, err = in_process("train", "tiny.yaml", *words)
    assert code == 2
    assert message in err
    assert list(tiny.parent.glob("runs/*/*")) == []


def test_a_queued_run_is_trained_by_its_job_only(in_process, tiny, monkeypatch):
    sbatch = tiny.parent / "sbatch"
    sbatch.write_text("#!/bin/sh\necho 12\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", str(tiny.parent), prepend=":")
    words = ["--cluster", "slurm", "--time", "2h"]
    code, out, err = in_process("train", "tiny.yaml", "training.epochs=1", *words)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "runs/tiny/1 is job 12 of SLURM",
        "  squeue -j 12",
        "  tail -F runs/tiny/1/slurm.log",
        "  cnnzoo runs tiny",
    ]
    run = Run(tiny.parent / "runs/tiny/1")
    assert run.record()["status"] == "queued"
    assert run.config().training.devices == "all"
    assert "queued" in in_process("runs")[1]
    assert "has no run to resume" in in_process("train", "--resume")[2]
    code, out, _ = in_process("train", "--resume", "runs/tiny/1", *words)
    assert code == 0
    assert "is job 12" in out


def test_a_run_of_one_device_stays_one(in_process, tiny):
    queue_run(tiny.parent / "runs", load_config(tiny), "cnnzoo train")
    words = ["--cluster", "slurm", "--time", "2h"]
    code, _, err = in_process("train", "--resume", "runs/tiny/1", *words)
    assert code == 2
    assert "was not started with training.devices=all" in err
    code, _, err = in_process("train", "--resume", "runs/tiny/1", "training.epochs=9", *words)
    assert code == 2
    assert "takes no settings" in err
