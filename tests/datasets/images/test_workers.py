from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from conftest import ROOT, loaded_modules
from PIL import Image

from cnnzoo.datasets.images import workers
from cnnzoo.datasets.images.decode import decode_file, read_file
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.workers import decode_files

FIT = Fit((16, 12, 3))
RNG = np.random.default_rng(0)


@pytest.fixture
def paths(tmp_path):
    """Two hundred images in two formats, one of them an HTML page."""
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
    """A function that decodes files: (pixels, reasons)."""

    def decode(paths, on_progress=lambda done, total: None):
        out = np.lib.format.open_memmap(
            tmp_path / "images.npy", mode="w+", dtype=np.uint8, shape=(len(paths), *FIT.shape)
        )
        failed = decode_files(paths, out, FIT, on_progress)
        return np.array(out), failed

    return decode


def test_the_same_pixels_with_any_number_of_threads(paths, decoded, monkeypatch):
    monkeypatch.setattr(workers, "BYTES_PER_WORKER", 1)
    results = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(workers, "available_cores", lambda cores=cores: cores)
        results.append(decoded(paths * 3))
    alone, failed = results[0]
    for shared, also_failed in results[1:]:
        assert np.array_equal(alone, shared)
        assert failed == also_failed
    assert len(failed) == 3
    for row, reason in failed.items():
        assert paths[row % len(paths)].endswith("/50.png")
        assert reason.startswith("is not an image")
        assert not alone[row].any()
    for row in set(range(len(paths))) - set(failed):
        assert np.array_equal(alone[row], decode_file(paths[row], FIT))


@pytest.mark.parametrize(
    ("size", "cores", "threads"),
    [(900, 2, 1), (4095, 2, 1), (4096, 2, 2), (20_000, 16, 9), (10**6, 2, 2), (10**6, 64, 16)],
)
def test_small_files_are_decoded_by_fewer_threads(
    size, cores, threads, tmp_path, monkeypatch, decoded
):
    monkeypatch.setattr(workers, "available_cores", lambda: cores)
    monkeypatch.setattr(workers, "_wait_for_storage", lambda paths: False)
    used = []
    pool = workers.ThreadPoolExecutor
    monkeypatch.setattr(
        workers, "ThreadPoolExecutor", lambda count: used.append(count) or pool(count)
    )
    paths = [tmp_path / f"{number}.jpg" for number in range(4)]
    for path in paths[:3]:
        with path.open("wb") as file:
            file.truncate(size)
    _, failed = decoded(list(map(str, paths)))
    assert used == [threads]
    assert len(failed) == 4  # the files are not images, and one does not exist


def test_threads_overlap_the_waits_of_a_slow_storage(paths, monkeypatch):
    def slow(path, max_bytes):
        time.sleep(0.002)
        return b""

    monkeypatch.setattr(workers, "available_cores", lambda: 7)
    monkeypatch.setattr(workers, "BYTES_PER_WORKER", 10**9)
    monkeypatch.setattr(workers, "read_regular", slow)
    assert workers._useful_workers(paths) == 7


def test_without_files_nothing_is_decoded(decoded):
    assert decoded([])[1] == {}


def test_progress_is_reported_in_the_calling_thread(paths, decoded):
    reported = []
    decoded(paths, lambda *counts: reported.append((*counts, threading.current_thread())))
    assert {thread for *_, thread in reported} == {threading.main_thread()}
    counts = [done for done, *_ in reported]
    assert counts == sorted(counts)
    assert reported[-1][:2] == (len(paths), len(paths))


def test_an_error_stops_all_threads(paths, decoded, monkeypatch):
    read = []

    def counted(path):
        read.append(path)
        return read_file(path)

    monkeypatch.setattr(workers, "read_file", counted)

    def stop(done, total):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        decoded(paths * 50, stop)
    assert threading.active_count() == before
    assert len(read) < len(paths * 50) / 2


def test_decoding_imports_little():
    heavy = ["keras", "matplotlib", "pydantic", "sklearn", "tensorflow", "yaml"]
    assert loaded_modules("import cnnzoo.datasets.images.workers", heavy) == []


PROGRAM = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.workers import decode_files

paths = [{path!r}] * 100_000
out = np.lib.format.open_memmap({out!r}, "w+", np.uint8, (len(paths), 20, 20, 1))
decode_files(paths, out, Fit((20, 20, 1)), lambda done, total: print(done, flush=True))
"""


def test_ctrl_c_stops_decoding_soon(tmp_path):
    path = str(tmp_path / "large.jpg")
    Image.fromarray(RNG.integers(0, 256, (1500, 1500, 3), np.uint8)).save(path)
    program = PROGRAM.format(root=str(ROOT), path=path, out=str(tmp_path / "out.npy"))
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    assert int(running.stdout.readline()) > 0
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode
    assert errors.rstrip().endswith("KeyboardInterrupt")
