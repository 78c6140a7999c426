"""A run whose workers do not see the disk of the driver: files pass through a storage.

The driver decodes the data and copies the cache entry and the run to the storage. Each worker has
copies of its own; that of process 0 goes back to the storage with each checkpoint, from which a
worker that is started again, perhaps on another machine, takes it. At the end the driver copies the
run back, and removes it from the storage; the cache entry stays for later trainings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

from cnnzoo.cluster.storage import Storage
from cnnzoo.cluster.stored_data import get_entry, put_entry
from cnnzoo.cluster.stored_run import StoredRun
from cnnzoo.config.schema import Config
from cnnzoo.datasets.detached import DetachedSource, detached
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.source import open_source
from cnnzoo.errors import CnnzooError
from cnnzoo.runs.run import Run
from cnnzoo.training.job import data_of
from cnnzoo.training.progress import Display

_KEY = "storage"  # of `run.json`: where the copy of the run is


@dataclass(frozen=True, slots=True)
class Unshared:
    """What a worker needs: the URL of the storage, the folder of the run in it, and the data."""

    url: str
    folder: str
    source: DetachedSource

    def storage(self) -> Storage:
        """Open the storage on this machine."""
        return Storage(self.url)

    def get_data(self) -> None:
        """Copy the decoded data to the cache of this machine, if it does not have them."""
        get_entry(self.storage(), self.source.cache_key)

    def copy_of(self, run: Run) -> StoredRun:
        """Return the copy of the run, whose local files are those of `run`."""
        return StoredRun(self.storage(), self.folder, run)


def storage_of(run: Run, url: str | None) -> str | None:
    """Return the URL of the storage of a run: the given one, else that of its last training."""
    place = _recorded(run)
    return url or (place["url"] if place else None)


@contextmanager
def unshared(run: Run, url: str, display: Display) -> Iterator[Unshared]:
    """A context in which a run and its data are in a storage; then the run has what was trained.

    Raises UserError if the storage cannot be used, and RunError if another process trains the run.
    """
    storage = Storage(url)
    storage.check()
    with run.training():
        _take_back(run)  # the driver of the last training may have been killed
        folder = f"{run.path.parent.name}-{run.path.name}-{uuid4().hex[:8]}"
        run.update(**{_KEY: {"url": storage.url, "folder": folder}})
        source = _stored_data(run.config(), storage, display)
        copy = StoredRun(storage, folder, run)
        copy.push()
        try:
            yield Unshared(storage.url, folder, source)
        except BaseException:
            with suppress(CnnzooError):  # the first failure is reported
                _take_back(run)
            raise
        _take_back(run)


def _take_back(run: Run) -> None:
    """Move the copy of a run from the storage to its directory, if there is one."""
    if place := _recorded(run):
        copy = StoredRun(Storage(place["url"]), place["folder"], run)
        copy.pull_newer()
        copy.remove()


def _recorded(run: Run) -> dict[str, str] | None:
    """Return the URL and the folder of the copy of a run; None if it never had one."""
    place: dict[str, str] | None = run.record().get(_KEY)
    return place


def _stored_data(config: Config, storage: Storage, display: Display) -> DetachedSource:
    """Decode the data here, unless the cache has them, and copy them to the storage."""
    data, shape = data_of(config), config.model.input_shape
    source = open_source(data)
    try:
        load_dataset(
            data, image_shape=shape, on_progress=display.decode, source=source, most_in_memory=0
        )
    finally:
        display.stop()
    value = detached(source, data, shape)
    put_entry(storage, value.cache_key)
    return value
