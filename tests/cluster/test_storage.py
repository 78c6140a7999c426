from __future__ import annotations

import errno
import os
import time

import fsspec
import pytest

from cnnzoo.cluster import storage as storage_module
from cnnzoo.cluster.storage import Storage, StorageError, absolute
from cnnzoo.errors import UserError


@pytest.mark.parametrize("kind", ["directory", "file", "memory"])
def test_files_are_copied_to_any_file_system_and_back(tmp_path, kind):
    url = {
        "directory": str(tmp_path / "store"),
        "file": f"file://{tmp_path}/store",
        "memory": f"memory://{tmp_path.name}/store",
    }[kind]
    storage = Storage(url)
    storage.check()
    assert storage.names("") == []
    assert storage.names("a") == []
    (tmp_path / "one").write_bytes(b"one")
    storage.put(tmp_path / "one", "a/b/one.npz")
    storage.write("a/two", b"two")
    assert sorted(storage.names("a")) == ["b", "two"]
    storage.get("a/b/one.npz", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"one"
    assert Storage(url).read("a/two") == b"two"
    storage.remove("a")
    assert storage.names("a") == []
    storage.write("a/two", b"again")
    assert storage.read("a/two") == b"again"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sftpp://bucket/dir", "fsspec does not know sftpp://; did you mean 'sftp'?"),
        ("sftp://me:secret@host/dir", "--storage-path has a password"),
    ],
)
def test_a_url_that_cannot_be_opened_is_told(url, message):
    with pytest.raises(UserError) as caught:
        Storage(url)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_package_is_told(monkeypatch):
    def missing(protocol):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "get_filesystem_class", missing)
    with pytest.raises(UserError, match="Install s3fs to access S3") as caught:
        Storage("s3://bucket/dir")
    assert "on every machine" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "PermissionError: Permission denied"),
        (RuntimeError("EndpointConnectionError: it\nits trace"), "EndpointConnectionError: it"),
    ],
)
def test_a_storage_that_cannot_be_written_is_told_before_the_training(
    tmp_path, monkeypatch, error, message
):
    storage = Storage(str(tmp_path / "store"))

    def fails(*words, **options):
        raise error

    monkeypatch.setattr(storage.filesystem("")[0], "pipe_file", fails)
    with pytest.raises(UserError) as caught:
        storage.check()
    assert f"the storage {tmp_path}/store: " in str(caught.value)
    assert message in str(caught.value)
    assert "its trace" not in str(caught.value)
    with pytest.raises(StorageError):
        storage.write("name", b"content")


def test_a_file_in_the_place_of_the_directory_is_told(tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(UserError, match=r"store: .* cannot be written: (NotADir|FileExists)"):
        Storage(str(tmp_path / "store")).check()


def test_a_storage_that_does_not_answer_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(storage_module, "_SECONDS", 0.1)
    storage = Storage(str(tmp_path / "store"))
    monkeypatch.setattr(storage, "write", lambda name, content: time.sleep(0.5))
    with pytest.raises(UserError, match=r"did not answer in 0\.1 s"):
        storage.check()


def test_a_directory_is_the_same_in_another_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute("store") == str(tmp_path / "store")
    assert absolute("s3://bucket/dir") == "s3://bucket/dir"
