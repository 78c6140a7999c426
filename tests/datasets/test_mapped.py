from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from cnnzoo.datasets import mapped

RNG = np.random.default_rng(0)


@pytest.fixture
def images(tmp_path):
    """A map of 40 images of 3 KiB each, in blocks of 7."""
    images = RNG.integers(0, 256, (40, 32, 32, 3), np.uint8)
    np.save(tmp_path / "images.npy", images)
    return np.asarray(np.load(tmp_path / "images.npy", mmap_mode="r"))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 7 images."""
    monkeypatch.setattr(mapped, "BLOCK_BYTES", 7 * 3072 + 5)


def test_blocks_are_the_images_in_order(images):
    found = {start: block.copy() for start, block in mapped.blocks(images)}
    assert [*found] == [0, 7, 14, 21, 28, 35]
    assert np.array_equal(np.concatenate([*found.values()]), images)


def test_the_checksum_is_that_of_all_pixels(images):
    assert mapped.checksum_of(images) == zlib.crc32(images.tobytes())
    assert mapped.checksum_of(images[:0]) == 0


@pytest.mark.parametrize("rows", [[], [3], [39, 0, 5, 5, *range(30)]])
def test_a_copy_has_the_images_at_the_rows(images, rows):
    rows = np.array(rows, np.intp)
    copy = mapped.in_memory(images, rows)
    assert np.array_equal(copy, images[rows])
    assert copy.flags.writeable


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_released_pages_are_not_memory_of_the_process_and_keep_what_was_written(tmp_path):
    images = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (64, 2**20))
    images[:] = 7
    before = resident()
    mapped.release(images[5:])
    assert before - resident() > 60 * 2**20
    assert (images == 7).all()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_copy_of_scattered_rows_uses_the_pages_of_one_block_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped, "BLOCK_BYTES", 4 * 2**20)
    images = np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (2**16, 2**10))
    images[:] = 7
    mapped.release(images)
    before, highest = resident(), []
    release = mapped.release
    monkeypatch.setattr(
        mapped, "release", lambda array: (highest.append(resident()), release(array))
    )
    copy = mapped.in_memory(images, np.arange(0, 2**16, 16))
    assert (copy == 7).all()
    assert max(highest) - before < 20 * 2**20  # the copy and a block have 4 each, the file 64


def test_an_array_in_memory_has_nothing_to_release():
    array = np.ones((3, 2), np.uint8)
    mapped.release(array[1:])
    assert array.all()


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
