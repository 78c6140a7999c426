"""Where configurations are found."""

from __future__ import annotations

import pytest

from cnnzoo.config import zoo
from cnnzoo.errors import ConfigError


def test_the_zoo_is_the_folder_of_configurations():
    assert "lenet" in zoo.names()
    assert set(zoo.names()) == {path.stem for path in zoo.directory().glob("*.yaml")}
    assert zoo.names().index("resnet18") < zoo.names().index("resnet101")


@pytest.mark.parametrize("name", ["lenet", "lenet.yaml", "lenet.yml"])
def test_a_name_of_the_zoo_with_and_without_its_ending(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert zoo.find(name) == zoo.directory() / "lenet.yaml"


def test_a_path_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenet.yaml").touch()
    assert zoo.find("lenet.yaml").resolve() == tmp_path / "lenet.yaml"
    assert zoo.find(tmp_path / "lenet.yaml") == tmp_path / "lenet.yaml"
    assert zoo.find("lenet") == zoo.directory() / "lenet.yaml"
    assert zoo.find("lenet.yaml", directory=tmp_path) == tmp_path / "lenet.yaml"


def test_near_names_are_proposed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_network.yaml").touch()
    with pytest.raises(ConfigError) as caught:
        zoo.find("lenett")
    assert "did you mean lenet" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        zoo.find("my_netwrk.yaml")
    assert "did you mean my_network.yaml" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        zoo.find("zzzzzzzz")
    assert "the zoo has " in str(caught.value)


@pytest.mark.parametrize("name", ["", ".", "a\0b", "x" * 5000, "*", "[", "lenet/", "lenet.yaml/x"])
def test_odd_names_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        zoo.find(name)
    assert caught.value.mistakes[0].message
