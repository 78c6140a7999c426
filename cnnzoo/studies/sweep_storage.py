"""The storage that all processes of a sweep share: a file in its directory, or a database."""

from __future__ import annotations

import re
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from cnnzoo.errors import RunError, UserError
from cnnzoo.models.objects import first_line
from cnnzoo.studies.sweep_directory import JOURNAL, SweepDirectory


class _JournalLock(JournalFileOpenLock):
    """A lock that the system frees if its process dies; Optuna's own waits for 30 seconds then.

    Acquiring it also removes a line that a process or a machine could not finish.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = FileLock(journal.with_name(f".{journal.name}.lock"), thread_local=False)

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._lock.acquire()
        _remove_unfinished_line(self._journal)
        return True

    def release(self) -> None:
        """Free the lock."""
        self._lock.release()


def open_storage(directory: SweepDirectory, url: str | None) -> BaseStorage:
    """Open the storage of a sweep; raises UserError if a database cannot be used."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url is None:
        path = directory.path / JOURNAL
        backend = JournalFileBackend(str(path), lock_obj=_JournalLock(path))
        try:
            return JournalStorage(backend)
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise RunError(f"{path} is damaged: {first_line(error)}") from None
    if "://" not in url:
        raise UserError(
            f"--storage {url!r} is not the URL of a database",
            hint="for example postgresql://user@host/studies or sqlite:///studies.db",
        )
    try:
        return RDBStorage(url)
    except Exception as error:  # SQLAlchemy and each driver have errors of their own
        raise UserError(
            f"the database of --storage cannot be used: {first_line(error)}",
            hint="is its driver installed, such as psycopg2 for PostgreSQL?"
            if isinstance(error, ImportError)
            else "does the server run, and may this user create tables?",
        ) from None


def _remove_unfinished_line(path: Path) -> None:
    with path.open("rb+") as file:
        size = file.seek(0, 2)
        if not size:
            return
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def shown_url(url: str | None) -> str:
    """Return a URL without its password; empty for the file in the directory."""
    return without_password(url or "")


def without_password(word: str) -> str:
    """Return a word of a command line; of a URL in it, the password is left out."""
    return re.sub(r"(://[^/@:]*):[^/]*@", r"\1@", word)
