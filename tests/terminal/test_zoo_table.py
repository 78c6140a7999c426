from __future__ import annotations

import json

import pytest

from cnnzoo.terminal import zoo_table as module
from cnnzoo.terminal.zoo_table import FILE, zoo_rows


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / FILE


def test_the_second_time_nothing_is_computed(cache, monkeypatch):
    rows = zoo_rows()
    monkeypatch.setattr(module, "_computed", lambda: pytest.fail("computed again"))
    assert zoo_rows() == rows


def test_a_change_of_the_zoo_computes_it_again(cache, monkeypatch):
    rows = zoo_rows()
    stored = json.loads(cache.read_text())
    cache.write_text(json.dumps({**stored, "rows": []}))
    assert zoo_rows() == []  # it was read, not computed
    cache.write_text(json.dumps({"key": "of another zoo", "rows": []}))
    assert zoo_rows() == rows


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}', '{"rows": [{"name": 1}]}'])
def test_a_damaged_file_is_replaced(cache, content):
    cache.parent.mkdir()
    cache.write_text(content)
    assert len(zoo_rows()) > 30
    assert json.loads(cache.read_text())["rows"]


def test_a_cache_that_cannot_be_written_is_no_problem(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CNNZOO_CACHE", str(tmp_path / "file"))
    assert len(zoo_rows()) > 30


def test_trained_networks_have_their_measured_accuracy(cache):
    rows = {row["name"]: row for row in zoo_rows()}
    assert rows["lenet_mnist"]["reference"] == "0.994 on mnist"
    assert rows["lenet_mnist"]["trained"] == "trained"
    assert rows["emotion_fer2013"]["trained"] == "trained, see its card"
    assert rows["lenet"]["trained"] == ""
    assert rows["photos"]["reference"].endswith(" on cifar10 at 64x64")
