from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest

import cnnzoo
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config
from cnnzoo.runs.run import CONFIG, Run
from cnnzoo.runs.trained import is_trained, results_folder, title, trained_names, trained_run

MOST_BYTES = 16 * 10**6


def test_the_directory_has_only_networks_of_the_zoo_and_is_small():
    folders = [path.name for path in zoo.trained_directory().iterdir()]
    assert sorted(folders) == sorted(trained_names())
    assert "lenet_mnist" in folders
    sizes = [path.stat().st_size for path in zoo.trained_directory().rglob("*") if path.is_file()]
    assert sum(sizes) < MOST_BYTES


@pytest.mark.parametrize("name", trained_names())
def test_the_record_belongs_to_the_files(name):
    run = trained_run(name)
    record, metrics = run.record(), run.metrics()
    assert record["zoo"]["model_sha256"] == digest(run.model_path)
    assert record["zoo"]["recipe_sha256"] == digest(run.path / CONFIG)
    first = record["zoo"]["seeds"][str(record["seed"])]
    assert first == pytest.approx(metrics["metrics"]["accuracy"]["value"], abs=1e-3)
    assert metrics["data"]["fingerprint"] == record["data"]["fingerprint"]
    assert metrics["examples"] == record["data"]["examples"]["test"]


@pytest.mark.parametrize("name", trained_names())
def test_the_recipe_is_that_of_the_zoo(name):
    """The configuration may be edited only together with a new training."""
    run = trained_run(name)
    shipped, recipe = run.config(), load_config(name, run.record()["zoo"].get("overrides", ()))
    assert shipped.model == recipe.model
    assert shipped.training == recipe.training
    assert shipped.data.augment == recipe.data.augment


@pytest.mark.parametrize("name", trained_names())
def test_files_tell_nothing_about_the_machine_that_made_them(name):
    for path in trained_run(name).path.iterdir():
        if path.suffix != ".keras":
            assert not re.search(r"(^|[\s'\":=])/\w", path.read_text()), path


@pytest.mark.parametrize("name", trained_names())
def test_plain_keras_opens_the_model_in_float32(name):
    import keras

    run = trained_run(name)
    model = keras.saving.load_model(run.model_path, compile=False)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    height, width, channels = run.config().model.input_shape
    output = model.predict_on_batch(np.zeros((2, height, width, channels), np.uint8))
    assert np.isfinite(output).all()


def test_results_of_a_trained_network_belong_in_the_working_directory(tmp_path):
    shipped, own = trained_run("lenet_mnist"), Run(tmp_path / "lenet_mnist" / "1")
    assert is_trained(shipped)
    assert not is_trained(own)
    assert str(results_folder(shipped)) == "."
    assert results_folder(own) == own.path
    assert results_folder(tmp_path / "model.keras") == tmp_path
    assert title(shipped) == "lenet_mnist"


@pytest.mark.parametrize("name", ["lenet", "../trained/lenet_mnist", "lenet_mnist/..", ""])
def test_other_names_are_no_trained_network(name):
    assert trained_run(name) is None


def test_a_name_is_a_model_in_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    measured = cnnzoo.evaluate("lenet_mnist", data="mnist5k")
    assert measured["metrics"]["accuracy"]["value"] > 0.99
    assert not list(tmp_path.iterdir())


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
