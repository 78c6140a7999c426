from __future__ import annotations

from pathlib import Path

import pytest

from cnnzoo.config import zoo
from cnnzoo.config.paths import absolute
from cnnzoo.errors import Place


def test_a_path_is_relative_to_the_file_that_says_it(tmp_path):
    place = Place(str(tmp_path / "mine.yaml"), 3, 1)
    assert absolute("data/x", place) == str(tmp_path / "data" / "x")
    assert absolute("/data/x", place) == "/data/x"
    assert absolute("~/x", place) == str(Path.home() / "x")


@pytest.mark.parametrize(
    "place",
    [None, Place("data.folder=x", 0, 0), Place(str(zoo.directory() / "lenet.yaml"), 3, 1)],
    ids=["Python", "command line", "zoo"],
)
def test_elsewhere_it_is_relative_to_the_working_directory(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute("x", place) == str(tmp_path / "x")


@pytest.mark.parametrize("value", [None, "", 3, {"a": 1}])
def test_what_is_no_path_stays(value):
    assert absolute(value, None) is value
