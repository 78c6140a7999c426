from __future__ import annotations

import json

import pytest


@pytest.mark.slow
def test_what_was_measured_is_a_table_or_json(in_process, tiny, monkeypatch):
    monkeypatch.setattr("cnnzoo.training.engine.peak._SIZES", {"cpu": (256,)})
    words = ("benchmark", "tiny.yaml", "training.batch_size=8", "--steps", "2")
    code, out, err = in_process(*words)
    assert (code, err) == (0, "")
    assert "computing, on a batch in memory" in out
    assert "images/s" in out
    assert "tiny on tensorflow, CPU: batch size 8, float32" in out
    code, out, err = in_process(*words, "--format", "json")
    assert (code, err) == (0, "")
    measured = json.loads(out)
    assert measured["settings"]["batch_size"] == 8
    for part in ("step", "compute", "data"):
        assert 0 < measured[part]["low"] <= measured[part]["median"] <= measured[part]["high"]
    assert measured["images_per_second"] == pytest.approx(8 / measured["step"]["median"])
    assert not (tiny.parent / "runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiny.yaml", "--steps", "0"], "0 is not in the range"),
        (["tinny.yaml"], "there is no configuration"),
        (["tiny.yaml", "training.batch_sise=3"], "did you mean 'batch_size'?"),
        (["tiny.yaml", "data={folder: nowhere}"], "nowhere"),
    ],
)
def test_bad_input_is_one_clear_message(in_process, tiny, words, message):
    code, _, err = in_process("benchmark", *words)
    assert code == 2
    assert message in err


@pytest.mark.slow
def test_a_model_with_a_class_of_its_own_is_measured_with_trust(in_process, tmp_path):
    import keras

    twice = keras.layers.Lambda(lambda x: x * 2, output_shape=(8, 8, 3))
    layers = [keras.Input((8, 8, 3)), twice, keras.layers.Flatten(), keras.layers.Dense(3)]
    keras.Sequential(layers).save(tmp_path / "model.keras")
    code, _, err = in_process("benchmark", str(tmp_path / "model.keras"))
    assert code != 0
    assert "benchmark" in err
    assert "--trust" in err
    code, out, err = in_process("benchmark", str(tmp_path / "model.keras"), "--trust")
    assert code == 0
    assert "images/s" in out
    assert "note: --trust loads Lambda" in err
