from __future__ import annotations

import os
from itertools import chain

import pytest

from cnnzoo.datasets import file_identity
from cnnzoo.datasets.file_identity import NO_FILE, file_state, files_identity


@pytest.fixture
def folder(tmp_path):
    """Three files of one size and different times."""
    for number, name in enumerate("abc"):
        (tmp_path / name).write_bytes(bytes([number]) * 100)
        os.utime(tmp_path / name, (1000 + number, 1000 + number))
    return tmp_path


def identity(folder, *settings):
    paths = sorted(folder.iterdir())
    states = [file_state(path.stat()) if path.exists() else NO_FILE for path in paths]
    names = [path.name for path in paths]
    return files_identity(names, chain.from_iterable(states), folder.joinpath, *settings)


def states_without_change_times(folder):
    """The states as on a file system that gives no change times and one inode number."""
    return [(100, path.stat().st_mtime_ns, 0, 0) for path in sorted(folder.iterdir())]


def test_the_identity_depends_on_files_and_settings_only(folder):
    assert identity(folder) == identity(folder)
    assert identity(folder, "x") != identity(folder)


def test_a_file_that_was_rewritten_with_its_old_time_is_noticed(folder):
    before = identity(folder)
    (folder / "b").write_bytes(bytes([9]) * 100)
    os.utime(folder / "b", (1001, 1001))
    assert identity(folder) != before


def test_two_files_that_were_exchanged_are_noticed(folder):
    for name in "ab":
        os.utime(folder / name, (1000, 1000))
    before = identity(folder)
    (folder / "a").rename(folder / "t")
    (folder / "b").rename(folder / "a")
    (folder / "t").rename(folder / "b")
    assert identity(folder) != before


def test_added_removed_and_renamed_files_are_noticed(folder):
    seen = {identity(folder)}
    (folder / "d").write_bytes(b"d")
    seen.add(identity(folder))
    (folder / "d").rename(folder / "e")
    seen.add(identity(folder))
    (folder / "e").unlink()
    (folder / "a").unlink()
    seen.add(identity(folder))
    assert len(seen) == 4


def test_contents_are_compared_if_the_times_tell_nothing(folder):
    def without_change_times():
        states = states_without_change_times(folder)
        return files_identity("abc", chain.from_iterable(states), folder.joinpath)

    before = without_change_times()
    (folder / "b").write_bytes(bytes([9]) * 100)
    os.utime(folder / "b", (1001, 1001))
    assert without_change_times() == before  # their times differ: they are trusted
    for name in "abc":
        os.utime(folder / name, (1000, 1000))
    equal_times = without_change_times()
    (folder / "b").write_bytes(bytes([8]) * 100)
    os.utime(folder / "b", (1000, 1000))
    assert without_change_times() != equal_times


def test_contents_are_not_read_if_there_are_change_times(folder, monkeypatch):
    monkeypatch.setattr(file_identity, "open_regular", None)
    assert identity(folder)
    for path in folder.iterdir():
        os.utime(path, (1000, 1000))
    assert identity(folder)


def test_special_and_missing_files_are_not_waited_for(folder):
    os.mkfifo(folder / "fifo")
    for path in folder.iterdir():
        os.utime(path, (1000, 1000))
    (folder / "link").symlink_to("nowhere")
    names = ["a", "fifo", "link"]
    states = [(0, 7, 0, 0)] * 3
    assert files_identity(names, chain.from_iterable(states), folder.joinpath)
