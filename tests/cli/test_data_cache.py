from __future__ import annotations

import time

import pytest
from conftest import loaded_modules
from PIL import Image

import cnnzoo
from cnnzoo.cli.data_cache import ago, size_text
from cnnzoo.datasets import cache


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch):
    """A cache of its own."""
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def filled(directory, tmp_path):
    """A cache of two data sets, one of an odd name, and of what a killed run left."""
    cnnzoo.load_dataset(cnnzoo.DataConfig(name="digits"), image_shape=(8, 8, 1))
    folder = tmp_path / "[red]pictures"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for index in range(4):
            Image.new("L", (4, 4), index).save(folder / name / f"{index}.png")
    cnnzoo.load_dataset(cnnzoo.DataConfig(folder=str(folder)), image_shape=(8, 8, 1))
    left = directory / f"{'ab' * 12}.partial"
    left.mkdir()
    (left / "images.npy").write_bytes(bytes(3 * 2**20))
    return directory


def names(directory):
    return sorted(path.name for path in directory.iterdir() if path.name != "locks")


def test_an_empty_cache_is_said_to_be(in_process, directory):
    for words in (["data", "cache"], ["data", "cache", "--clear"]):
        assert in_process(*words) == (0, f"the cache {directory} is empty\n", "")


def test_what_is_kept_is_listed_with_its_size(in_process, filled):
    code, out, err = in_process("data", "cache")
    assert (code, err) == (0, "")
    lines = {line.split()[1]: line for line in out.splitlines() if len(line.split()) > 5}
    assert "1,797" in lines["digits"]
    assert "8x8x1" in lines["digits"]
    assert "name: digits" in lines["digits"]
    assert lines["[red]pictures"].split()[2:5] == ["8", "8x8x1", "2"]
    left_over = next(line for line in out.splitlines() if "(left over)" in line)
    assert "value" not in left_over
    assert out.splitlines()[-1] == f"3 MiB used in {filled}"
    assert len(names(filled)) == 3


def test_all_of_it_can_be_cleared(in_process, filled):
    code, out, err = in_process("data", "cache", "--clear")
    assert (code, err) == (0, "")
    assert "digits" in out
    assert out.splitlines()[-1] == f"3 MiB freed in {filled}"
    assert names(filled) == []


def test_some_of_it_can_be_cleared_by_name_or_key(in_process, filled):
    kept = [stored.name for stored in cache.find_stored() if stored.about.get("name") != "digits"]
    code, out, _ = in_process("data", "cache", "digits", "--clear")
    assert code == 0
    assert "pictures" not in out
    assert names(filled) == sorted(kept)
    assert in_process("data", "cache", "--clear", "abababab")[0] == 0
    assert len(names(filled)) == 1


def test_an_unknown_name_is_refused_and_nothing_cleared(in_process, filled):
    code, out, err = in_process("data", "cache", "digits", "digit", "--clear")
    assert (code, out) == (2, "")
    assert "no entry of the cache matches 'digit'; did you mean 'digits'?" in err
    assert len(names(filled)) == 3


def test_what_cannot_be_cleared_is_named(in_process, filled, monkeypatch):
    remove = cache.remove_stored
    monkeypatch.setattr(
        cache, "remove_stored", lambda stored: stored.state == "ready" and remove(stored)
    )
    code, out, err = in_process("data", "cache", "--clear")
    assert code == 2
    assert "not cleared: abababab" in err
    assert "KiB freed in" in out
    assert len(names(filled)) == 1


def test_no_framework_is_loaded():
    statement = "from cnnzoo.datasets.cache import find_stored; find_stored()"
    assert loaded_modules(statement, ("keras", "tensorflow", "jax", "PIL")) == []


def test_listing_does_not_count_as_use(in_process, filled):
    (stored,) = cache.find_stored(["digits"])
    time.sleep(0.01)
    in_process("data", "cache")
    assert cache.find_stored(["digits"])[0].used == stored.used


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 KiB"), (900_000, "879 KiB"), (76 * 10**6, "72 MiB"), (3 * 2**29, "1.5 GiB")],
)
def test_sizes_are_short(size, text):
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "now"), (59, "now"), (60, "1 minute ago"), (7300, "2 hours ago"), (9e5, "10 days ago")],
)
def test_ages_are_short(seconds, text):
    assert ago(seconds) == text
