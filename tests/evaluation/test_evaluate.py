from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import cnnzoo
from cnnzoo.errors import DataError, RunError
from cnnzoo.evaluation.classifier import predict_probabilities


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from conftest import TINY

    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "tiny.yaml").write_text(TINY)
    return cnnzoo.train(cnnzoo.load_config(folder / "tiny.yaml"), folder / "runs")


@pytest.fixture
def run(trained, tmp_path):
    """A copy, to be damaged at will."""
    return cnnzoo.open_run(shutil.copytree(trained.path, tmp_path / "run"))


def test_what_is_measured_is_written(run):
    measured = cnnzoo.evaluate(run)
    assert json.loads((run.path / "metrics.json").read_text()) == measured
    assert measured["split"] == "test"
    assert measured["examples"] == 359
    assert np.sum(measured["confusion"]) == 359


def test_another_split_does_not_replace_the_test_figures(run):
    cnnzoo.evaluate(run)
    before = (run.path / "metrics.json").read_text()
    validation = cnnzoo.evaluate(run, split="validation")
    assert (run.path / "metrics.json").read_text() == before
    assert json.loads((run.path / "metrics-validation.json").read_text()) == validation


def test_the_best_epoch_measures_the_same_again(run):
    best = run.history()[run.record()["best_epoch"] - 1]
    again = cnnzoo.evaluate(run, split="validation")["metrics"]
    assert again["accuracy"]["value"] == pytest.approx(best["val_accuracy"], abs=1e-6)
    assert again["loss"]["value"] == pytest.approx(best["val_loss"], rel=1e-4)


def test_a_run_needs_nothing_but_its_directory(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cnnzoo.evaluate(cnnzoo.open_run("run"))["examples"] == 359


def test_data_that_changed_since_are_refused(run):
    run.update(data={"fingerprint": "another"})
    with pytest.raises(DataError, match=r"is no longer what .* was trained on"):
        cnnzoo.evaluate(run)


def test_a_run_without_a_model_says_so(run):
    run.model_path.unlink()
    with pytest.raises(RunError, match="did not finish an epoch"):
        cnnzoo.evaluate(run)


def test_an_unknown_split_is_refused(run):
    with pytest.raises(DataError, match=r"no split 'tset'; did you mean 'test'\?"):
        cnnzoo.evaluate(run, split="tset")


def test_one_sigmoid_unit_is_the_probability_of_the_second_class():
    class Sure:
        def predict_on_batch(self, images):
            return np.full((len(images), 1), 0.75, np.float32)

    assert (
        predict_probabilities(Sure(), np.zeros((3, 2, 2, 1), np.uint8)).tolist()
        == [[0.25, 0.75]] * 3
    )
