from __future__ import annotations

import pytest

from cnnzoo.config import zoo
from cnnzoo.config.flat import flat
from cnnzoo.config.loader import load_config
from cnnzoo.config.writer import dump_config


@pytest.mark.parametrize("name", ["lenet", "emotion", "resnet20", "squeezenet"])
def test_each_key_and_value_of_a_resolved_file_is_a_word_that_changes_nothing(name, tmp_path):
    config = load_config(name)
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(config))
    words = [
        f"{key}={value}"
        for key, value in flat(config.plain()).items()
        if key not in ("name", "description", "purpose", "reference")
    ]
    assert any(word.startswith("model.layers.0.") for word in words)
    assert load_config(path, words).plain() == config.plain()


def test_scalars_lists_of_scalars_and_what_is_empty():
    assert flat({"a": {"b": [1, 2]}, "c": [{"d": None}, "e"], "f": {}, "g": "no: yes"}) == {
        "a.b": "[1, 2]",
        "c.0.d": "null",
        "c.1": "e",
        "f": "{}",
        "g": "'no: yes'",
    }


def test_the_zoo_can_be_flattened():
    for name in zoo.names():
        assert flat(load_config(name).plain())["name"] == name
