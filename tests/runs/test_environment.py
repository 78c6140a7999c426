from __future__ import annotations

import pytest

import cnnzoo
from cnnzoo.runs.environment import config_hash


@pytest.mark.parametrize("word", ["name=other", "purpose=a test", "training.tensorboard=true"])
def test_what_does_not_change_the_weights_does_not_change_the_digest(word):
    assert config_hash(cnnzoo.load_config("lenet", [word])) == config_hash(
        cnnzoo.load_config("lenet")
    )


@pytest.mark.parametrize("word", ["seed=1", "training.epochs=3", "data=digits"])
def test_what_changes_the_weights_changes_the_digest(word):
    assert config_hash(cnnzoo.load_config("lenet", [word])) != config_hash(
        cnnzoo.load_config("lenet")
    )
