from __future__ import annotations

import fcntl
import subprocess
import sys

import pytest

from cnnzoo.runs.files import is_locked, remove_leftovers, replacing, write_text

DIES = """
import os, sys
from pathlib import Path
from cnnzoo.runs.files import replacing

with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of")
    os._exit(9)
"""


@pytest.fixture
def killed(tmp_path):
    """The temporary file that a process has left which died while it wrote metrics.json."""
    path = tmp_path / "metrics.json"
    done = subprocess.run([sys.executable, "-c", DIES, str(path)], check=False)
    assert done.returncode == 9
    (temporary,) = tmp_path.iterdir()
    return temporary


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_removed_by_the_next_write_of_that_file(killed, tmp_path):
    write_text(tmp_path / "other.json", "{}")
    assert names(tmp_path) == [killed.name, "other.json"]
    write_text(tmp_path / "metrics.json", "{}")
    assert names(tmp_path) == ["metrics.json", "other.json"]


def test_all_left_overs_of_a_directory_are_removed_and_nothing_else(killed, tmp_path):
    for name in (".metrics-finished.json", ".hidden", "a-1a2b3c4d.tmp.json"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [".hidden", ".metrics-finished.json", "a-1a2b3c4d.tmp.json"]
    remove_leftovers(tmp_path / "none")


def test_a_file_that_is_being_written_is_not_a_left_over(tmp_path):
    path = tmp_path / "metrics.json"
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:
            assert first.exists()
            second.write_text("second")
    assert path.read_text() == "first"
    assert names(tmp_path) == ["metrics.json"]


def test_a_lock_is_seen_without_writing(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    assert not is_locked(path)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_locked(path)
    assert not is_locked(path)
