"""The copy of a run directory in a storage, for workers that do not see the directory.

A version of the copy is a list of files, `00000012.json`, which is written after the files that it
names. So a killed process never leaves half of a version; the newest complete one is used. Files
that have not changed since the version before are not copied again.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from uuid import uuid4

from cnnzoo.cluster.storage import Storage, StorageError
from cnnzoo.datasets.file_identity import State, file_state
from cnnzoo.runs.files import replacing
from cnnzoo.runs.run import CHECKPOINTS, CONFIG, EXPORTS, Run
from cnnzoo.training.engine.checkpoint import checkpoints_in

_LIST = re.compile(r"(\d{8})\.json")
_CHECKPOINT = f"{CHECKPOINTS}/epoch-"  # the beginning of the path of a checkpoint
_FILES = "files"  # the folder of the copies

Stored = dict[str, tuple[str, int]]  # path in the run → name of its copy, and its bytes


class StoredRun:
    """The copy of `run` in the folder `name` of a storage."""

    def __init__(self, storage: Storage, name: str, run: Run) -> None:
        self.storage = storage
        self.name = name
        self.run = run
        self._version = 0
        self._stored: Stored = {}
        self._states: dict[str, State] = {}  # of the local files that are stored

    def newest(self) -> int:
        """Return the number of the newest complete version; 0 if there is none."""
        numbers = [int(match[1]) for each in self._names() if (match := _LIST.fullmatch(each))]
        for number in sorted(numbers, reverse=True):
            if self._read(number) is not None:
                return number
        return 0

    def pull(self, version: int) -> None:
        """Replace the local files by those of a version, except for `config.yaml`.

        Checkpoints and measurements that it does not have are removed. Raises StorageError if it is
        incomplete.
        """
        stored = self._read(version)
        if stored is None:
            raise StorageError(
                f"the storage {self.storage.url} has no copy of the run in {self.name}",
                hint="do all machines see the same files at --storage-path?",
            )
        # Checkpoints first: the other files belong to the newest one.
        for path in sorted(stored, key=lambda path: not path.startswith(CHECKPOINTS)):
            if path != CONFIG or not (self.run.path / path).exists():
                self._pull_file(path, *stored[path])
        for checkpoint in checkpoints_in(self.run.checkpoints_path):
            if f"{CHECKPOINTS}/{checkpoint.name}" not in stored:
                checkpoint.unlink()
        if self.run.metrics_path("test").name not in stored:
            self.run.remove_measurements()
        self._version, self._stored = version, stored
        self._states = {path: file_state((self.run.path / path).stat()) for path in stored}

    def pull_newer(self) -> None:
        """Replace the local files by those of the newest version, if its checkpoint is newer."""
        version = self.newest()
        stored = self._read(version) or {}
        local = [f"{CHECKPOINTS}/{path.name}" for path in checkpoints_in(self.run.checkpoints_path)]
        newest = max((path for path in stored if path.startswith(_CHECKPOINT)), default="")
        if stored and newest >= max(local, default=""):
            self.pull(version)

    def push(self) -> None:
        """Copy the local files that have changed, as a new version, and remove the one before."""
        before, old = self._stored, self._version
        self._stored, states = {}, {}
        for path, state in _local_files(self.run).items():
            states[path] = state
            if path in before and self._states.get(path) == state:
                self._stored[path] = before[path]
            else:
                copy = f"{uuid4().hex[:12]}-{PurePosixPath(path).name}"
                self.storage.put(self.run.path / path, f"{self.name}/{_FILES}/{copy}")
                self._stored[path] = copy, state[0]
        self._version, self._states = self.newest() + 1, states
        self.storage.write(self._list(self._version), json.dumps(self._stored).encode())
        if old:
            self.storage.remove(self._list(old))
        for copy, _ in {*before.values()} - {*self._stored.values()}:
            self.storage.remove(f"{self.name}/{_FILES}/{copy}")

    def remove(self) -> None:
        """Remove the copy with all of its versions, if there is one."""
        if self._names():
            self.storage.remove(self.name)

    def _names(self) -> list[str]:
        return self.storage.names(self.name)

    def _list(self, version: int) -> str:
        return f"{self.name}/{version:08}.json"

    def _read(self, version: int) -> Stored | None:
        """Return the files of a version; None if it is missing, incomplete or damaged."""
        if f"{version:08}.json" not in self._names():
            return None
        try:
            found = json.loads(self.storage.read(self._list(version)))
            stored = {path: (str(copy), int(size)) for path, (copy, size) in found.items()}
        except (ValueError, TypeError, AttributeError):
            return None
        names = [*stored, *(copy for copy, _ in stored.values())]
        return stored if all(map(_is_inside, names)) else None

    def _pull_file(self, path: str, copy: str, size: int) -> None:
        local = self.run.path / path
        local.parent.mkdir(parents=True, exist_ok=True)
        with replacing(local) as temporary:
            self.storage.get(f"{self.name}/{_FILES}/{copy}", temporary)
            if (found := temporary.stat().st_size) != size:
                raise StorageError(
                    f"the storage {self.storage.url}: {self.name}/{_FILES}/{copy} has {found:,} "
                    f"bytes, not {size:,}",
                    hint="start the training again",
                )


def _local_files(run: Run) -> dict[str, State]:
    """The files of a run that a training needs or writes, without locks and temporary files."""
    found = {}
    for path in sorted(run.path.rglob("*")):
        parts = path.relative_to(run.path).parts
        hidden = any(part.startswith(".") for part in parts)
        if not hidden and parts[0] != EXPORTS and path.is_file():
            found["/".join(parts)] = file_state(path.stat())
    return found


def _is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not any(part.startswith((".", "/")) or "\\" in part for part in parts)
