from __future__ import annotations

import subprocess
import sys

import pytest

from cnnzoo.training.scratch import scratch_directory

CREATE = "from cnnzoo.training.scratch import scratch_directory as new; print(new(), flush=True)"


@pytest.fixture(autouse=True)
def _temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_a_directory_is_removed_at_the_end_of_its_process(tmp_path):
    done = subprocess.run([sys.executable, "-c", CREATE], capture_output=True, text=True)
    assert done.stdout.startswith(str(tmp_path / "cnnzoo-run-"))
    assert list(tmp_path.iterdir()) == []


def test_that_of_a_killed_process_is_removed_by_the_next_one_and_no_other(tmp_path):
    other = tmp_path / "cnnzoo-other"
    other.mkdir()
    words = [sys.executable, "-c", f"{CREATE}; input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        of_other = one.stdout.readline().strip()
        own = scratch_directory()
        assert {*tmp_path.iterdir()} == {other, own, tmp_path / of_other}
        one.kill()
    again = scratch_directory()
    assert {*tmp_path.iterdir()} == {other, own, again}
