from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.cluster.storage import Storage, StorageError
from cnnzoo.cluster.stored_data import get_entry, put_entry
from cnnzoo.datasets import cache

KEY = cache.key_of("it")


@pytest.fixture
def storage(tmp_path, monkeypatch) -> Storage:
    """A storage with the entry of a machine; the cache is then that of another machine."""
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "one"))
    with cache.building(KEY) as folder:
        images = cache.new_images(folder, (2, 4, 4, 1))
        images[:] = np.arange(32).reshape(images.shape)
        zeros = np.zeros(2, np.int32)
        cache.finish(
            folder, images, np.arange(2), zeros, zeros, zeros.astype(np.uint64), ["a", "b"]
        )
    storage = Storage(str(tmp_path / "store"))
    put_entry(storage, KEY)
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "two"))
    return storage


def test_an_entry_is_copied_once_in_each_direction(storage, monkeypatch):
    get_entry(storage, KEY)
    entry = cache.open_entry(KEY)
    assert entry is not None
    assert cache.is_intact(entry)
    assert entry.names == ["a", "b"]

    def again(*words):
        raise AssertionError

    monkeypatch.setattr(storage, "put", again)
    monkeypatch.setattr(storage, "get", again)
    put_entry(storage, KEY)
    get_entry(storage, KEY)


def test_an_entry_that_was_not_copied_completely_is_copied_again(storage, monkeypatch):
    storage.remove(f"cache/{KEY}/entry.json")
    with pytest.raises(StorageError, match="cannot be copied"):
        get_entry(storage, KEY)
    assert cache.open_entry(KEY) is None
    storage.write(f"cache/{KEY}/images.npy", b"half")
    monkeypatch.setenv("CNNZOO_CACHE", str(cache.cache_directory().with_name("one")))
    put_entry(storage, KEY)
    monkeypatch.setenv("CNNZOO_CACHE", str(cache.cache_directory().with_name("two")))
    get_entry(storage, KEY)
    assert cache.open_entry(KEY) is not None
