from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from ray_processes import a_worker_of
from sweeps import TEXT, finished

from cnnzoo.cluster.ray_connection import Workers
from cnnzoo.cluster.ray_sweep import _interruption, _resume_command, _Trials, sweep_on_ray
from cnnzoo.errors import Terminated, UserError
from cnnzoo.studies.outcomes import FINISHED, RUNNING
from cnnzoo.studies.progress import SweepDisplay
from cnnzoo.studies.sweep_directory import SweepDirectory
from cnnzoo.studies.sweep_results import read_record
from cnnzoo.training.interrupt import StopRequest


class Study:
    """A study whose trials the test changes."""

    def __init__(self, *trials):
        self.trials = list(trials)

    def results(self):
        return self.trials

    def planned(self):
        return 3


class Recorded(SweepDisplay):
    """Remembers the trials that it is told."""

    def __init__(self):
        self.told = []

    def start(self, number, of, settings):
        self.told.append(("start", number, of))

    def end(self, trial):
        self.told.append(("end", trial.number))


def test_each_trial_is_shown_when_it_starts_and_ends():
    one, two, three = (finished(number, 0.5) for number in (1, 2, 3))
    running = [each.model_copy(update={"outcome": RUNNING}) for each in (one, two, three)]
    study, display = Study(one, running[1]), Recorded()
    trials = _Trials(study, display)
    assert not trials.show()
    assert display.told == [("start", 2, 3)]  # the first one ended before
    study.trials = [one, two, running[2]]
    assert trials.show()
    assert not trials.show()
    assert display.told[1:] == [("end", 2), ("start", 3, 3)]
    study.trials = [one, two, three]
    assert trials.show()
    assert display.told[3:] == [("end", 3)]


@pytest.mark.parametrize(
    ("storage", "address", "message"),
    [
        ("sqlite:///studies.db", None, "several machines cannot share"),
        (None, "localhost", "not HOST:PORT"),
    ],
)
def test_a_sweep_that_is_refused_leaves_no_directory(tmp_path, storage, address, message):
    pytest.importorskip("ray")
    directory = SweepDirectory(tmp_path / "quick")
    directory.path.mkdir()
    directory.config_path.write_text(TEXT)
    (directory.path / "study.log").write_text("of an earlier start")
    for left in (True, False):
        with pytest.raises(UserError, match=message):
            sweep_on_ray(directory, Workers(2, address), storage=storage)
        assert directory.path.exists() == left
        (directory.path / "study.log").unlink(missing_ok=True)


def test_the_hint_continues_on_the_cluster_without_a_password(tmp_path):
    directory, url = SweepDirectory(tmp_path / "quick"), "postgresql://me:secret@host/studies"
    command = _resume_command(directory, Workers(2, "auto"), url)
    assert command == (
        f"cnnzoo sweep --resume {directory} --cluster ray --workers 2 --address auto "
        "--storage postgresql://me@host/studies"
    )
    error = _interruption(directory, StopRequest(signal.SIGTERM), command)
    assert isinstance(error, Terminated)
    assert "terminated; the sweep so far is in" in str(error)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_a_sweep_that_loses_a_worker_trains_every_trial_once(tmp_path):
    (tmp_path / "quick.yaml").write_text(TEXT)
    words = ["sweep", "quick.yaml", "--cluster", "ray", "--workers", "2"]
    driver = subprocess.Popen(
        [sys.executable, "-m", "cnnzoo", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    directory = SweepDirectory(tmp_path / "sweeps/quick")
    deadline = time.monotonic() + 600
    while not list(directory.path.glob("[1-4]/run.json")):
        assert time.monotonic() < deadline
        assert driver.poll() is None, driver.communicate()[0]
        time.sleep(0.05)
    os.kill(a_worker_of(driver.pid, "ray::train_in_worker"), signal.SIGKILL)
    printed, _ = driver.communicate(timeout=600)
    assert driver.returncode == 0, printed
    assert "was lost and starts again" in printed
    assert "test accuracy of the best trial: " in printed
    trials = read_record(directory).trials
    assert [trial.number for trial in trials] == [1, 2, 3, 4]
    assert {trial.outcome for trial in trials} == {FINISHED}
    for trial in trials:
        assert printed.count(f"trial {trial.number} of 4: ") == 1
        assert printed.count(f"trial {trial.number}: ") == 1
        (run,) = directory.runs(trial.number, 1)
        assert [row["epoch"] for row in run.history()] == [1, 2, 3]
    assert len(list(directory.path.glob("*/metrics.json"))) == 1  # of the best trial only
