from __future__ import annotations

import pytest

import cnnzoo
from cnnzoo.errors import RunError
from cnnzoo.models.saved import load_model


@pytest.fixture
def saved(tmp_path):
    config = cnnzoo.ModelConfig(input_shape=(4, 4, 1), layers=["Flatten", {"Dense": 2}])
    path = tmp_path / "model.keras"
    cnnzoo.build_model(config).save(path)
    return path


def test_a_saved_model_is_read_back(saved):
    assert load_model(saved).count_params() == 34


def test_a_missing_model_says_what_it_means(tmp_path):
    with pytest.raises(RunError, match="did not finish an epoch"):
        load_model(tmp_path / "model.keras")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_model_is_damaged(saved, keep):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(RunError, match=r"model\.keras is damaged or no Keras model"):
        load_model(saved)


def test_a_model_that_carries_code_is_refused(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(tmp_path / "model.keras")
    with pytest.raises(RunError):
        load_model(tmp_path / "model.keras")
