from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from cnnzoo.config.data import DataConfig
from cnnzoo.datasets.images import workers
from cnnzoo.datasets.load import load_dataset

SHAPE = (6, 5, 1)


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A folder of 8 pictures in two classes, and an empty cache."""
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "cache"))
    return made(tmp_path / "pictures")


def made(folder):
    for number in range(8):
        write(folder / "ab"[number % 2] / f"{number}.bmp", number)
    return folder


def write(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 30 + seed % 60, (6, 5, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def load(folder, decoded=None, **settings):
    """Load a folder; the names of the decoded files go to `decoded`."""

    def read(path):
        if decoded is not None:
            decoded.append(Path(path).name)
        return original(path)

    original = workers.read_file
    with patch.object(workers, "read_file", read):
        return load_dataset(DataConfig(folder=str(folder), **settings), image_shape=SHAPE)


def everything(dataset):
    examples = {
        split: (found.images[:].tobytes(), found.labels.tolist(), found.names)
        for split, found in dataset.splits.items()
    }
    return examples, dataset.fingerprint, dataset.class_names, dataset.notes, dict(dataset.skipped)


CHANGES = {
    "add": lambda files, seed: write(files[0].with_name(f"new{seed}.bmp"), seed),
    "remove": lambda files, seed: files[0].unlink() if len(files) > 4 else None,
    "rewrite": lambda files, seed: write(files[0], seed),
    "rewrite in the same time": lambda files, seed: rewrite(files[0], seed),
    "rename": lambda files, seed: files[0].rename(files[0].with_name(f"moved{seed}.bmp")),
    "swap": lambda files, seed: swap(*files[:2]),
    "damage": lambda files, seed: files[0].write_bytes(b"BM"),
}


def rewrite(path, seed):
    """Change the pixels, but neither the size nor the modification time."""
    status = path.stat()
    write(path, seed)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def swap(one, other):
    other.rename(spare := other.with_suffix(".spare"))
    one.rename(other)
    spare.rename(one)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(CHANGES)), st.permutations(range(8)), st.integers(0, 999)),
        min_size=1,
        max_size=3,
    )
)
@example([("remove", list(range(8)), 0), ("swap", [0, 7, 1, 2, 3, 4, 5, 6], 0)])
@settings(max_examples=10, deadline=None)
def test_a_changed_folder_is_loaded_as_without_a_cache(changes):
    unsynced = patch("cnnzoo.datasets.cache._sync", lambda path: None)
    with tempfile.TemporaryDirectory() as root, unsynced:
        folder = made(Path(root) / "pictures")
        for name, order, seed in [("none", [], 0), *changes]:
            files = sorted(folder.rglob("*.bmp"))
            if name in CHANGES:
                # After a removal, two numbers are one file, which cannot be swapped with itself.
                chosen = dict.fromkeys(files[number % len(files)] for number in order)
                CHANGES[name](list(chosen), seed)
            with patch.dict(os.environ, CNNZOO_CACHE=f"{root}/cache"):
                found = load(folder, on_error="skip")
            with patch.dict(os.environ, CNNZOO_CACHE=f"{root}/empty"):
                expected = load(folder, on_error="skip")
            assert everything(found) == everything(expected)
            shutil.rmtree(f"{root}/empty")


def test_only_new_and_changed_files_are_decoded(pictures):
    load(pictures, decoded := [])
    assert len(decoded) == 8
    write(pictures / "b" / "between.bmp", 20)
    rewrite(pictures / "a" / "2.bmp", 21)
    (pictures / "a" / "0.bmp").unlink()
    load(pictures, decoded := [])
    assert sorted(decoded) == ["2.bmp", "between.bmp"]
    (pictures / "b" / "1.bmp").unlink()
    load(pictures, decoded := [])
    assert decoded == []


@pytest.mark.parametrize("settings", [{"limit": 2}, {"classes": ["b", "a"]}, {"seed": 3}])
def test_other_settings_of_the_same_files_decode_nothing(pictures, settings):
    load(pictures)
    load(pictures, decoded := [], **settings)
    assert decoded == []


def test_another_conversion_decodes_all(pictures):
    load(pictures)
    load(pictures, decoded := [], resize={"method": "pad"})
    assert len(decoded) == 8


def test_damaged_pixels_are_not_used_again(pictures, tmp_path):
    load(pictures)
    (path,) = (tmp_path / "cache").glob("*/images.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)
    write(pictures / "a" / "new.bmp", 20)
    found = load(pictures, decoded := [])
    assert len(decoded) == 9
    shutil.rmtree(tmp_path / "cache")
    assert everything(found) == everything(load(pictures))


def test_files_whose_changes_cannot_be_seen_are_decoded_again(pictures, monkeypatch):
    """As on a file system without change times, on which all files have one time."""
    monkeypatch.setattr("cnnzoo.datasets.image_files.times_tell_nothing", lambda states: True)
    load(pictures)
    write(pictures / "a" / "new.bmp", 20)
    load(pictures, decoded := [])
    assert len(decoded) == 9


def test_a_table_of_paths_decodes_new_files_only(pictures):
    def table():
        files = sorted(pictures.rglob("*.bmp"))
        rows = [f"{file.relative_to(pictures)},{file.parent.name}" for file in files]
        (pictures / "table.csv").write_text("\n".join(["path,label", *rows]) + "\n")
        return DataConfig(csv=str(pictures / "table.csv"))

    load_dataset(table(), image_shape=SHAPE)
    write(pictures / "a" / "new.bmp", 20)
    decoded = []
    original = workers.read_file
    with patch.object(workers, "read_file", lambda path: decoded.append(path) or original(path)):
        load_dataset(table(), image_shape=SHAPE)
    assert [Path(path).name for path in decoded] == ["new.bmp"]
