"""The copy of a cache entry in a storage: decoded once by the driver, for all machines."""

from __future__ import annotations

from cnnzoo.cluster.storage import Storage
from cnnzoo.datasets.cache import ENTRY_FILES, building, open_entry
from cnnzoo.datasets.cache_directory import cache_directory

_FOLDER = "cache"


def put_entry(storage: Storage, key: str) -> None:
    """Copy the entry of a key to the storage, if it does not have it."""
    folder = f"{_FOLDER}/{key}"
    if ENTRY_FILES[-1] not in storage.names(folder):
        for name in ENTRY_FILES:
            storage.put(cache_directory() / key / name, f"{folder}/{name}")


def get_entry(storage: Storage, key: str) -> None:
    """Copy the entry of a key to the cache of this machine, if it does not have it.

    Of several processes on a machine, one copies it and the others wait.
    """
    if open_entry(key) is None:
        with building(key) as partial:
            if open_entry(key) is None:
                for name in ENTRY_FILES:
                    storage.get(f"{_FOLDER}/{key}/{name}", partial / name)
