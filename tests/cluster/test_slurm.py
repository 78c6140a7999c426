from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from local_slurm import missing_programs, running_slurm
from same_bits import assert_same_bits

from cnnzoo.cluster.slurm import LOG, SCRIPT, Request, script_text, submit
from cnnzoo.config.loader import load_config
from cnnzoo.errors import UserError
from cnnzoo.runs.run import Run, queue_run

ONE = Request(nodes=1, workers=2, seconds=7200)


@pytest.fixture
def run(tiny):
    return queue_run(tiny.parent / "runs", load_config(tiny), "cnnzoo train")


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """Commands of SLURM that write their words to `called`; `define` sets what one does."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def define(name: str, body: str = "") -> None:
        path, log = folder / name, shlex.quote(str(tmp_path / "called"))
        path.write_text(f'#!/bin/bash\necho "{name} $@" >>{log}\n{body}\n')
        path.chmod(0o755)

    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    for name in ("sbatch", "srun", "scancel", "scontrol"):
        define(name)
    return define


def called(tmp_path: Path) -> list[str]:
    return [line.partition(" ")[0] for line in (tmp_path / "called").read_text().splitlines()]


def test_a_job_asks_for_what_was_requested(run):
    text = script_text(run, Request(4, 8, 5401, gpus=2, partition="gpu-long,gpu"))
    options = [line[8:] for line in text.splitlines() if line.startswith("#SBATCH ")]
    wanted = ["--nodes=4", "--ntasks=8", "--time=91", "--gpus-per-node=4", "--requeue"]
    assert set(wanted) <= set(options)
    assert "--partition=gpu-long,gpu" in options
    assert "--job-name=tiny-1" in options


@pytest.mark.parametrize("partition", ["a b", "a\n#SBATCH --uid=0", "$(id)", "", "ä"])
def test_a_partition_is_a_word(run, partition):
    with pytest.raises(UserError, match="is not the name of a partition"):
        script_text(run, Request(1, 1, 60, partition=partition))


def test_no_character_of_a_path_is_interpreted(tiny, commands, tmp_path):
    folder = tmp_path / "a $(touch hacked) `id` ' \" %j\n#SBATCH --uid=0"
    run = queue_run(folder, load_config(tiny), "")
    commands("sbatch", "echo 12")
    assert submit(run, ONE) == "12"
    assert "--output=" in (tmp_path / "called").read_text()
    assert "%%j" in (tmp_path / "called").read_text()
    commands("srun", f'printf "%s" "${{@: -1}}" >{shlex.quote(str(tmp_path))}/last')
    subprocess.run(["bash", str(run.path / SCRIPT)], cwd=tmp_path, check=True)
    assert (tmp_path / "last").read_text() == str(run.path)
    assert not (tmp_path / "hacked").exists()
    lines = (run.path / SCRIPT).read_text().splitlines()
    header = lines[: lines.index("")]
    assert not any("uid" in line for line in header)


def test_what_slurm_answers_is_told(run, commands, monkeypatch, tmp_path):
    commands("sbatch", "echo '12;main'")
    assert submit(run, ONE) == "12"
    commands("sbatch", "echo 'sbatch: error: invalid partition' >&2; exit 1")
    with pytest.raises(UserError, match="refused the job: sbatch: error: invalid partition"):
        submit(run, ONE)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="sbatch is not installed"):
        submit(run, ONE)


@pytest.mark.parametrize(
    ("code", "times", "ends"), [(0, 1, 0), (1, 1, 1), (2, 1, 2), (143, 1, 143), (137, 4, 137)]
)
def test_a_lost_process_starts_all_again_and_nothing_else_does(
    run, commands, tmp_path, code, times, ends
):
    commands("srun", f"exit {code}")
    (run.path / SCRIPT).write_text(script_text(run, ONE))
    done = subprocess.run(["bash", str(run.path / SCRIPT)], capture_output=True, check=False)
    assert done.returncode == ends
    assert called(tmp_path) == ["srun"] * times


@pytest.mark.parametrize(("name", "requeued"), [("USR1", True), ("TERM", False)])
def test_before_the_time_limit_a_job_is_queued_again(run, commands, tmp_path, name, requeued):
    stopped = shlex.quote(str(tmp_path / "stopped"))
    commands("srun", f"for i in {{1..100}}; do [ -e {stopped} ] && exit 143; sleep 0.05; done")
    commands("scancel", f"touch {stopped}")
    (run.path / SCRIPT).write_text(script_text(run, ONE))
    job = subprocess.Popen(["bash", str(run.path / SCRIPT)])
    while not (tmp_path / "called").exists():
        time.sleep(0.02)
    subprocess.run(["kill", f"-{name}", str(job.pid)], check=True)
    if not requeued:  # SLURM signals the processes too
        (tmp_path / "stopped").touch()
    assert job.wait(20) == 143
    assert called(tmp_path) == (["srun", "scancel", "scontrol"] if requeued else ["srun"])


# Long enough for a process to be killed before the end.
RECIPE = ["training.epochs=12", "data.limit=40", "training.batch_size=16"]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.skipif(bool(missing_programs()), reason=f"SLURM lacks {', '.join(missing_programs())}")
def test_a_job_that_loses_a_process_gives_the_bits_of_an_undisturbed_one(tmp_path, tiny, cnnzoo):
    """The undisturbed one is trained by `srun` without any variable."""
    with running_slurm(tmp_path / "slurm") as conf:
        environment = {**os.environ, "SLURM_CONF": str(conf), "KERAS_BACKEND": "jax"}
        words = [sys.executable, "-m", "cnnzoo", "train", str(tiny), *RECIPE]
        undisturbed = subprocess.run(
            ["srun", "--ntasks=2", *words, "training.devices=all", "--name", "undisturbed"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert undisturbed.returncode == 0, undisturbed.stderr
        asked = ["--cluster", "slurm", "--nodes", "1", "--workers", "2", "--time", "20m"]
        queued = cnnzoo("train", str(tiny), *RECIPE, *asked, SLURM_CONF=str(conf))
        assert queued.returncode == 0, queued.stderr
        assert "runs/tiny/1 is job 2 of SLURM" in queued.stdout
        disturbed = Run(tmp_path / "runs/tiny/1")
        wait_for(lambda: len(disturbed.history()) >= 2)
        assert len(disturbed.history()) < 12
        os.kill(process_of_job("2", environment), signal.SIGKILL)
        wait_for(lambda: disturbed.metrics_path("test").exists())
    log = (disturbed.path / LOG).read_text()
    assert "a process was lost" in log
    assert "resumes in epoch" in log
    assert_same_bits(disturbed, Run(tmp_path / "runs/undisturbed/1"))


def process_of_job(job: str, environment: dict[str, str]) -> int:
    """A process of Python in the job, by its number."""
    listed = subprocess.run(
        ["scontrol", "listpids", job], env=environment, capture_output=True, text=True, check=True
    )
    pids = [int(line.split()[0]) for line in listed.stdout.splitlines()[1:]]
    commands = {pid: Path(f"/proc/{pid}/cmdline") for pid in pids if pid > 0}
    return next(
        pid
        for pid, path in commands.items()
        if path.exists() and path.read_bytes().startswith(sys.executable.encode())
    )


def wait_for(condition, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
