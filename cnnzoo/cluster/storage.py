"""Storage that all machines of a cluster reach: a directory on any file system of fsspec.

`s3://bucket/cnnzoo`, `gs://…`, `sftp://…`, `hdfs://…`, or `/mnt/shared`. Credentials come from the
environment or the configuration files of the machine, as its package of fsspec reads them.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from cnnzoo.errors import CnnzooError, TrainingError, UserError, did_you_mean
from cnnzoo.extras import require
from cnnzoo.models.objects import first_line
from cnnzoo.text import shorten

_SECONDS = 25  # for the answer of a storage
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StorageError(TrainingError):
    """A file that cannot be copied to the storage, or from it."""


class Storage:
    """The files below a URL, by their paths below it, with slashes."""

    def __init__(self, url: str) -> None:
        """Open the storage; nothing is read yet.

        Raises UserError for an unknown protocol, a missing package, or a password in the URL.
        """
        self.url = absolute(url)
        fsspec = require("fsspec", "ray")
        if urlsplit(url).password is not None:
            raise UserError(
                "--storage-path has a password, which would be visible to others",
                hint="give it by the environment or the configuration file of fsspec",
            )
        protocol = url.partition("://")[0] if "://" in url else "file"
        if protocol not in (known := fsspec.available_protocols()):
            raise UserError(
                f"--storage-path {url}: fsspec does not know {protocol}://"
                + did_you_mean(protocol, known),
                hint="use s3://, gs://, abfs://, sftp://, hdfs:// or a directory",
            )
        try:
            self._files, self._root = fsspec.url_to_fs(self.url, skip_instance_cache=True)
        except ImportError as error:
            raise UserError(
                f"--storage-path {url}: {first_line(error)}",
                hint="install the package of fsspec for this storage on every machine",
            ) from error
        except Exception as error:  # each file system has errors of its own
            raise UserError(f"--storage-path {url}: {first_line(error)}") from error
        self._made: set[str] = set()

    def check(self) -> None:
        """Write, read and remove a file; raise UserError if that fails, within 30 seconds."""
        failures: list[Exception] = []

        def use() -> None:
            name, content = f".{uuid4().hex}", b"cnnzoo"
            try:
                self.write(name, content)
                if self.read(name) != content:
                    raise StorageError(f"the storage {self.url} returns other bytes than written")
                self.remove(name)
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=use, daemon=True)
        thread.start()
        thread.join(_SECONDS)
        if thread.is_alive():
            raise UserError(
                f"the storage {self.url} did not answer in {_SECONDS} s",
                hint="is it reachable from this machine? see --storage-path",
            )
        for error in failures:
            if isinstance(error, CnnzooError):
                raise UserError.of(error.mistakes) from error
            raise error

    def filesystem(self, name: str) -> tuple[Any, str]:
        """Return the file system of fsspec, and the path of a name on it."""
        return self._files, self._path(name)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files and folders in a folder; empty if it does not exist."""
        with self._explained(f"{folder} cannot be listed"):
            self._files.invalidate_cache()  # another machine may have added some
            try:
                found = self._files.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return []
            return [path.rstrip("/").rpartition("/")[2] for path in found]

    def read(self, name: str) -> bytes:
        """Return the content of a small file."""
        with self._explained(f"{name} cannot be read"):
            return bytes(self._files.cat_file(self._path(name)))

    def write(self, name: str, content: bytes) -> None:
        """Write a small file."""
        with self._explained(f"{name} cannot be written"):
            self._make_folder(name)
            self._files.pipe_file(self._path(name), content)

    def put(self, path: Path, name: str) -> None:
        """Copy a local file to the storage."""
        with self._explained(f"{path} cannot be copied to {name}"):
            self._make_folder(name)
            self._files.put_file(str(path), self._path(name))

    def get(self, name: str, path: Path) -> None:
        """Copy a file of the storage to a local path."""
        with self._explained(f"{name} cannot be copied to {path}"):
            self._files.get_file(self._path(name), str(path))

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all files below it."""
        with self._explained(f"{name} cannot be removed"):
            self._files.rm(self._path(name), recursive=True)
            self._made.clear()

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _make_folder(self, name: str) -> None:
        folder = self._path(name).rpartition("/")[0]
        if folder not in self._made:
            self._files.makedirs(folder, exist_ok=True)
            self._made.add(folder)

    @contextmanager
    def _explained(self, problem: str) -> Iterator[None]:
        """Raise any exception as a StorageError."""
        try:
            yield
        except Exception as error:  # each file system has errors of its own
            number = error.errno if isinstance(error, OSError) else None
            reason = "the disk is full" if number in _FULL else _reason(error)
            raise StorageError(
                f"the storage {self.url}: {problem}: {reason}",
                hint="see --storage-path: all machines must be able to read and write it",
            ) from error


def absolute(url: str) -> str:
    """Return a URL that means the same in another working directory."""
    return url if "://" in url else str(Path(url).expanduser().absolute())


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or first_line(error)
    return shorten(f"{type(error).__name__}: {text}", 200)
