from __future__ import annotations

import copy

import numpy as np
import pytest
from PIL import Image

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.detached import detached
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.source import open_source
from cnnzoo.errors import DataError

SHAPE = (4, 4, 1)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A table of images with the column `who`, decoded into an empty cache, and its data set."""
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "cache"))
    lines = ["path,label,who"]
    for number in range(20):
        pixels = np.full((4, 4), number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'ab'[number % 2]},{number // 4}")
    (tmp_path / "excluded.csv").write_text("name\n3.png\n")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    data = DataConfig(
        csv=str(tmp_path / "table.csv"), group="who", exclude=str(tmp_path / "excluded.csv")
    )
    return data, load_dataset(data, image_shape=SHAPE), tmp_path


def test_the_data_set_is_loaded_from_the_cache_without_the_files(table):
    data, dataset, folder = table
    source = copy.deepcopy(detached(open_source(data), data, SHAPE))
    for path in folder.glob("*.*"):
        path.unlink()
    again = load_dataset(data, image_shape=SHAPE, source=source)
    assert again.fingerprint == dataset.fingerprint
    assert again.notes == dataset.notes
    assert any("5 groups" in note for note in again.notes)


def test_a_missing_cache_entry_is_told(table, monkeypatch):
    data, _, folder = table
    source = detached(open_source(data), data, SHAPE)
    monkeypatch.setenv("CNNZOO_CACHE", str(folder / "other"))
    with pytest.raises(DataError, match=f"the cache has no intact entry {source.cache_key}"):
        load_dataset(data, image_shape=SHAPE, source=source)
