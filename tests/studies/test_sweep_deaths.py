from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps import raw_sweep

from cnnzoo.errors import CnnzooError, TooLargeError, TrainingError
from cnnzoo.studies import sweep_deaths
from cnnzoo.studies.outcomes import FINISHED, TOO_LARGE
from cnnzoo.studies.sweep import run_sweep, start_sweep
from cnnzoo.studies.sweep_deaths import Deaths, kills_for_memory
from cnnzoo.studies.sweep_directory import SweepDirectory

# Works on a sweep, in as many processes as the last argument tells, one after the other. Each
# kills itself in its first trial; before that, it increases the counter of the system.
KILLED = """
import os, signal, sys
from pathlib import Path
from cnnzoo.studies import sweep, sweep_deaths
from cnnzoo.studies.sweep_directory import SweepDirectory

directory, counter, processes = sys.argv[1:]
sweep_deaths._COUNTERS = Path(counter)

def train_trial(task, **words):
    Path(counter).write_text(f"oom_kill {sweep_deaths.kills_for_memory() + 1}\\n")
    os.kill(os.getpid(), signal.SIGKILL)

sweep.train_trial = train_trial
for _ in range(int(processes)):
    if not (child := os.fork()):
        sweep.run_sweep(SweepDirectory(Path(directory)))
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
"""


def kill(directory: SweepDirectory, counter: Path, processes: int) -> None:
    words = [sys.executable, "-c", KILLED, str(directory), str(counter), str(processes)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_trial_that_the_system_kills_twice_for_memory_is_too_large_and_the_sweep_goes_on(
    tmp_path, monkeypatch
):
    counter = tmp_path / "vmstat"
    counter.write_text("oom_kill 7\n")
    monkeypatch.setattr(sweep_deaths, "_COUNTERS", counter)
    directory = start_sweep(raw_sweep(tmp_path, "sweep.trials=2"), tmp_path / "sweeps")
    kill(directory, counter, 2)
    first, second = run_sweep(directory).trials
    assert first.outcome == TOO_LARGE
    assert first.problem == (
        "its process ended without a message 2 times at the same point, each time while the "
        "system killed a process because memory ran out"
    )
    assert (first.epochs, first.of_epochs) == (0, 3)
    assert second.outcome == FINISHED


def after(*deaths: tuple[str, bool]) -> Deaths:
    """The deaths after some at these points, with and without lack of memory."""
    found = Deaths()
    for progress, out_of_memory in deaths:
        found = found.plus(progress, out_of_memory)
    return found


@pytest.mark.parametrize(
    ("deaths", "error"),
    [
        ([], None),
        ([("1", True)], None),
        ([("1", True), ("1", True)], TooLargeError),
        ([("1", True), ("2", True)], None),
        ([("1", True), ("1", False)], None),
        ([("1", True), ("1", False), ("1", True)], TrainingError),
        ([("1", False), ("1", False)], None),
        ([("1", False), ("1", False), ("1", False)], TrainingError),
        ([("1", False), ("1", False), ("2", False)], None),
    ],
)
def test_only_deaths_at_one_point_end_a_trial(deaths, error):
    found = after(*deaths)
    assert Deaths(**found.plain()) == found
    if error is None:
        found.check()
    else:
        with pytest.raises(CnnzooError) as raised:
            found.check()
        assert type(raised.value) is error


@given(st.lists(st.booleans(), max_size=20))
def test_a_sweep_with_progress_between_its_deaths_goes_on(memory):
    after(*((str(step), each) for step, each in enumerate(memory))).check()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("nr_free_pages 3\noom_kill 12\nzone 1\n", 12),
        ("nr_free_pages 3\n", None),
        ("oom_kill \n", None),
        ("oom_kill many\n", None),
        (None, None),
    ],
)
def test_the_counter_of_the_system_may_be_missing(tmp_path, monkeypatch, text, count):
    if text is not None:
        (tmp_path / "vmstat").write_text(text)
    monkeypatch.setattr(sweep_deaths, "_COUNTERS", tmp_path / "vmstat")
    assert kills_for_memory() == count
