from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from conftest import ROOT, loaded_modules
from PIL import Image

from cnnzoo.datasets.images import workers
from cnnzoo.datasets.images.decode import decode_file
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.workers import decode_files
from cnnzoo.errors import DataError

FIT = Fit((16, 12, 3))
RNG = np.random.default_rng(0)


@pytest.fixture
def paths(tmp_path):
    """Two hundred pictures in two formats, and a page among them."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(200):
        image = Image.fromarray(RNG.integers(0, 256, (40, 30, 3), np.uint8))
        image.save(folder / f"{number}.{'jpg' if number % 2 else 'png'}")
    (folder / "50.png").write_text("<html>")
    (folder / os.fsdecode(b"\xff\n.png")).write_bytes((folder / "0.png").read_bytes())
    return sorted(map(str, folder.iterdir()))


@pytest.fixture
def decoded(tmp_path):
    """Decodes files: (pixels, reasons)."""

    def decode(paths, on_progress=lambda done, total: None):
        out = np.lib.format.open_memmap(
            tmp_path / "images.npy", mode="w+", dtype=np.uint8, shape=(len(paths), *FIT.shape)
        )
        failed = decode_files(paths, out, FIT, on_progress)
        return np.array(out), failed

    return decode


@pytest.fixture
def started(monkeypatch):
    """Every helper has a process from the start; the processes."""
    processes = []
    start = workers._start

    def recorded(*args):
        processes.append(start(*args))
        return processes[-1]

    monkeypatch.setattr(workers, "_start", recorded)
    monkeypatch.setattr(workers, "_cores", lambda: 3)
    monkeypatch.setattr(workers, "LONG", (0.0, 0.0))
    monkeypatch.setattr(workers, "_fill", patient(workers._fill))
    return processes


def patient(fill):
    """This process leaves the others time to come up."""

    def slow(*args):
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.3)
        return fill(*args)

    return slow


def test_the_same_pixels_alone_and_in_any_worker(paths, decoded, started, monkeypatch):
    shared, failed = decoded(paths)
    assert any(started)
    started.clear()
    monkeypatch.setattr(workers, "_cores", lambda: 1)
    alone, failed_alone = decoded(paths)
    assert not started
    assert np.array_equal(shared, alone)
    assert failed == failed_alone
    [row] = failed
    assert paths[row].endswith("/50.png")
    assert not alone[row].any()
    for row in set(range(len(paths))) - set(failed):
        assert np.array_equal(alone[row], decode_file(paths[row], FIT))


def test_threads_alone_decode_the_same(paths, decoded, monkeypatch):
    results = []
    for cores in (1, 4):
        monkeypatch.setattr(workers, "_cores", lambda cores=cores: cores)
        results.append(decoded(paths * 5))
    assert np.array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert len(results[0][1]) == 5


def test_no_files_are_no_work(decoded):
    assert decoded([])[1] == {}


def test_progress_is_told_in_the_calling_thread(paths, decoded, started):
    told = []
    decoded(paths, lambda *counts: told.append((*counts, threading.current_thread())))
    assert {thread for *_, thread in told} == {threading.main_thread()}
    assert told == sorted(told, key=lambda each: each[0])
    assert told[-1][:2] == (len(paths), len(paths))


def test_an_error_ends_all_processes(paths, decoded, started):
    def stop(done, total):
        while not started:
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decoded(paths, stop)
    assert all(process.returncode is not None for process in started if process)


def test_a_process_that_is_killed_is_said(paths, decoded, started, monkeypatch):
    start = workers._start

    def killed(*args):
        process = start(*args)
        if process:  # none where the end of the other ended it before it was ready
            process.kill()
        return process

    monkeypatch.setattr(workers, "_start", killed)
    with pytest.raises(DataError, match=r"decoded .* to .* was ended by SIGKILL") as failed:
        decoded(paths)
    assert "is memory short?" in str(failed.value)


@pytest.mark.parametrize("executable", ["", "/nowhere/python", "/bin/false"])
def test_without_processes_the_threads_do_it(paths, decoded, started, monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    images, failed = decoded(paths)
    assert set(started) == {None}
    assert len(failed) == 1
    assert images[0].any()


def test_few_files_start_nothing(paths, decoded, monkeypatch):
    monkeypatch.setattr(workers.subprocess, "Popen", None)
    decoded(paths[:20])


def test_a_process_loads_little():
    heavy = ["keras", "matplotlib", "pydantic", "sklearn", "tensorflow", "yaml"]
    assert loaded_modules("import cnnzoo.datasets.images.workers", heavy) == []


# A program of a user, without `if __name__ == "__main__"`.
PROGRAM = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
from cnnzoo.datasets.images import workers
from cnnzoo.datasets.images.fit import Fit

workers.LONG = 0.0, 0.0
workers._cores = lambda: 3
start = workers._start

def told(*args):
    process = start(*args)
    print(process.pid, flush=True)
    return process

workers._start = told
paths = [{path!r}] * {count}
out = np.lib.format.open_memmap("images.npy", "w+", np.uint8, (len(paths), 20, 20, 1))
print("failed", workers.decode_files(paths, out, Fit((20, 20, 1)), lambda done, total: None))
"""


@pytest.fixture
def program(tmp_path):
    """Starts PROGRAM where a module of the working directory would break every process."""
    Image.fromarray(RNG.integers(0, 256, (1500, 1500, 3), np.uint8)).save(tmp_path / "large.jpg")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "json.py").write_text("raise SystemExit('the wrong json')")

    def run(count):
        path = tmp_path / "program.py"
        path.write_text(
            PROGRAM.format(root=str(ROOT), path=str(tmp_path / "large.jpg"), count=count)
        )
        return subprocess.Popen(
            [sys.executable, str(path)],
            cwd=tmp_path / "work",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return run


def has_ended(pid):
    for _ in range(600):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_a_program_needs_no_guard(program):
    out, err = program(40).communicate(timeout=120)
    *pids, last = out.splitlines()
    assert err == ""
    assert pids
    assert last == "failed {}"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_one_that_started_it(program, number):
    running = program(100_000)
    pids = [int(running.stdout.readline()) for _ in range(2)]  # of three workers, one is itself
    running.send_signal(number)
    assert running.wait(30) == -number
    assert all(map(has_ended, pids))
    running.communicate()


@pytest.mark.slow
def test_ctrl_c_is_for_the_one_who_asked(program):
    running = program(100_000)
    pids = [int(running.stdout.readline()) for _ in range(2)]
    for _ in range(12):  # it was once seen to be lost
        os.killpg(running.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            _, err = running.communicate(timeout=10)
            break
    assert running.returncode
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert all(map(has_ended, pids))
