from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnnzoo.regular_files import open_regular, open_regular_text, read_regular


def test_a_regular_file_is_read(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffé\r\n".encode())
    assert read_regular(path, 100) == path.read_bytes()
    with open_regular(path) as file:
        assert file.read(3) == b"\xef\xbb\xbf"
    with open_regular_text(path, encoding="utf-8-sig", newline="") as file:
        assert file.read() == "é\r\n"


def test_a_link_to_a_regular_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to("a")
    assert read_regular(tmp_path / "link", 7) == b"content"


def test_a_larger_file_is_refused(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(bytes(3 * 1024 + 1))
    with pytest.raises(OSError, match="is larger than 3 KiB"):
        read_regular(path, 3 * 1024)


def test_a_file_without_a_declared_size_is_read_within_the_limit():
    path = Path("/proc/self/status")
    if not path.exists():
        pytest.skip("this system has no /proc")
    assert b"Name:" in read_regular(path, 2**20)
    with pytest.raises(OSError, match="is larger than 0 KiB"):
        read_regular(path, 9)


def special_files(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    return tmp_path / "fifo", tmp_path / "zero", "/dev/null"


@pytest.mark.parametrize(
    "read", [open_regular, open_regular_text, lambda path: read_regular(path, 9)]
)
def test_a_special_file_is_refused_at_once(tmp_path, read):
    for path in special_files(tmp_path):
        with pytest.raises(OSError, match="is not a regular file") as failed:
            read(path)
        assert failed.value.strerror == "is not a regular file"


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory"):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


def test_no_descriptor_is_left_open(tmp_path):
    paths = special_files(tmp_path)
    before = lowest_free_descriptor()
    for path in paths:
        with pytest.raises(OSError, match="is not a regular file"):
            open_regular(path)
    assert lowest_free_descriptor() == before


def lowest_free_descriptor():
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor
