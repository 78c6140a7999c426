from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.errors import ConfigError, DataError, RunError
from cnnzoo.evaluation.classifier import open_classifier, predict_probabilities
from cnnzoo.evaluation.evaluate import measure
from cnnzoo.evaluation.metrics import measure_predictions
from cnnzoo.evaluation.predictions import read_predictions
from cnnzoo.training.progress import Display

# The digits 0 and 1, in folders whose names say so.
TWO = "data.classes={'0': zero, '1': one}"


def train(folder, *words):
    from conftest import TINY

    (folder / "tiny.yaml").write_text(TINY)
    return cnnzoo.train(cnnzoo.load_config(folder / "tiny.yaml", words), folder / "runs")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train(tmp_path_factory.mktemp("evaluate"))


@pytest.fixture(scope="module")
def trained_on_two(tmp_path_factory):
    return train(tmp_path_factory.mktemp("two"), TWO, "data.splits.validation=0.3", "name=two")


def copied(run, tmp_path):
    """A copy, to be damaged at will."""
    return cnnzoo.open_run(shutil.copytree(run.path, tmp_path / run.config().name))


@pytest.fixture
def run(trained, tmp_path):
    return copied(trained, tmp_path)


@pytest.fixture
def two(trained_on_two, tmp_path):
    return copied(trained_on_two, tmp_path)


@pytest.fixture
def photos(tmp_path):
    """A folder of pictures of ones and zeros, which are two of the ten digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for name, digit in (("one", 1), ("zero", 0)):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number, row in enumerate(np.flatnonzero(digits.target == digit)[:20]):
            pixels = (digits.images[row] * 15.9375).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "photos"


def test_what_is_measured_is_written(run):
    measured = cnnzoo.evaluate(run)
    assert json.loads((run.path / "metrics.json").read_text()) == measured
    assert measured["split"] == "test"
    assert measured["examples"] == 360
    assert np.sum(measured["confusion"]) == 360
    accuracy = measured["metrics"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]


def test_the_predictions_that_are_written_have_the_same_figures(run):
    measured = cnnzoo.evaluate(run)
    read = read_predictions(run.predictions_path("test"))
    again = measure_predictions(read.probabilities, read.labels, read.class_names)
    assert {key: measured[key] for key in again} == again
    assert len(set(read.names)) == 360


def test_another_split_does_not_replace_the_test_figures(run):
    cnnzoo.evaluate(run)
    before = (run.path / "metrics.json").read_text()
    validation = cnnzoo.evaluate(run, split="validation")
    assert (run.path / "metrics.json").read_text() == before
    assert json.loads((run.path / "metrics-validation.json").read_text()) == validation
    assert len(read_predictions(run.path / "predictions-validation.csv")) == 181


def test_with_flip_each_probability_is_the_mean_of_the_image_and_its_mirror_image(run):
    evaluation = measure(run, flip=True)
    assert evaluation.measured["flip"] is True
    assert [path.name for path in evaluation.files] == [
        "metrics-test-flipped.json",
        "predictions-test-flipped.csv",
    ]
    assert not run.metrics_path("test").exists()
    config = run.config()
    dataset = cnnzoo.load_dataset(config.data, image_shape=config.model.input_shape)
    images = dataset.splits["test"].images[0:1000]
    model = open_classifier(run).model
    expected = (
        predict_probabilities(model, images)
        + predict_probabilities(model, np.ascontiguousarray(images[:, :, ::-1]))
    ) / 2
    assert np.array_equal(evaluation.predictions.probabilities, expected)


def test_all_is_every_split(run):
    assert cnnzoo.evaluate(run, split="all")["examples"] == 1797


def test_the_best_epoch_measures_the_same_again(run):
    best = run.history()[run.record()["best_epoch"] - 1]
    again = cnnzoo.evaluate(run, split="validation")["metrics"]
    assert again["accuracy"]["value"] == pytest.approx(best["val_accuracy"], abs=1e-6)
    assert again["loss"]["value"] == pytest.approx(best["val_loss"], rel=1e-4)


def test_a_run_needs_nothing_but_its_directory(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cnnzoo.evaluate("tiny")["examples"] == 360


# Other data, and models alone.


def test_a_model_alone_has_the_figures_of_its_run(run, tmp_path):
    of_run = measure(run)
    alone = measure(run.model_path, data="digits")
    assert alone.measured == of_run.measured | {"split": "all", **alone.measured}
    assert alone.files == ()
    alone = measure(run.model_path, "test", data="digits", output=tmp_path / "out" / "of")
    assert alone.measured == of_run.measured
    assert [path.name for path in alone.files] == ["metrics.json", "predictions.csv"]
    written = [path.read_bytes() for path in alone.files]
    assert written == [path.read_bytes() for path in of_run.files]


def test_other_data_are_measured_whole_under_their_own_name(two, photos):
    measured = measure(two, data=[f"folder={photos}"])
    assert measured.measured["split"] == "all"
    assert measured.measured["examples"] == 40
    names = [path.name for path in measured.files]
    assert names == ["metrics-photos-all.json", "predictions-photos-all.csv"]
    assert not (two.path / "metrics.json").exists()


def test_classes_are_told_by_their_names_not_by_their_order(two, photos):
    """The folders are sorted: one, zero; the model has zero, one."""
    here = measure(two, data=[f"folder={photos}"])
    assert here.predictions.class_names == ("zero", "one")
    truths = {name.split("/")[0] for name in here.predictions.names}
    assert truths == {"one", "zero"}
    labels = dict(zip(here.predictions.names, here.predictions.labels.tolist(), strict=True))
    assert all(label == (name.startswith("one")) for name, label in labels.items())
    assert here.measured["metrics"]["accuracy"]["value"] > 0.9


def test_data_with_a_test_part_of_their_own_are_measured_on_it(two, photos):
    for part in ("train", "test"):
        shutil.copytree(photos, photos.parent / "parts" / part)
    (photos.parent / "parts/test/one/0.png").unlink()
    measured = cnnzoo.evaluate(two, data=[f"folder={photos.parent / 'parts'}"])
    assert (measured["split"], measured["examples"]) == ("test", 39)


def test_the_same_data_from_elsewhere_are_the_runs_own(two):
    assert [path.name for path in measure(two, data="limit=null").files] == [
        "metrics.json",
        "predictions.csv",
    ]


def test_data_of_a_run_are_found_in_another_place(photos, tmp_path):
    words = [f"data={{folder: {photos}, classes: [zero, one]}}", "model.input_shape=[8, 8, 1]"]
    run = train(tmp_path, *words)
    moved = photos.rename(tmp_path / "moved")
    measured = measure(run, data=[f"folder={moved}"])
    assert measured.measured["data"]["fingerprint"] == run.record()["data"]["fingerprint"]
    assert measured.files[0] == run.metrics_path("test")


def test_a_class_that_the_model_does_not_know_is_refused(run, photos):
    with pytest.raises(DataError, match="photos has the class 'one', and the model does not"):
        cnnzoo.evaluate(run, data=f"folder={photos}")


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ((), RunError, "does not name data to measure it on"),
        (("mnits5k",), DataError, "did you mean 'mnist5k'"),
        (("folde=photos",), ConfigError, "data has no key 'folde'; did you mean 'folder'"),
        (("folder=none",), DataError, "none"),
        (("limit=3",), ConfigError, "data needs one source"),
    ],
)
def test_data_that_cannot_be_are_said(run, words, error, message):
    with pytest.raises(error, match=message):
        cnnzoo.evaluate(run.model_path, data=words)


def test_the_figures_of_a_run_are_not_replaced_by_those_of_another(run, two):
    with pytest.raises(RunError, match="is a run, whose own metrics would be overwritten"):
        cnnzoo.evaluate(run, output=two.path)


def test_with_an_output_the_run_is_left_alone(two, tmp_path):
    def content():
        files = (path for path in two.path.rglob("*") if path.is_file())
        return {path: path.read_bytes() for path in files}

    before = content()
    cnnzoo.evaluate(two, output=tmp_path / "out")
    assert content() == before


# Two classes, and calibration.


def test_the_threshold_is_tuned_on_validation_and_kept(two, photos):
    binary = cnnzoo.evaluate(two)["binary"]
    assert (binary["positive"], binary["negative"]) == ("one", "zero")
    kept = two.record()["threshold"]
    validation = measure(two, "validation").predictions
    assert kept["examples"] == len(validation)
    assert kept["tuned_on"] == "validation"
    assert binary["threshold"]["value"] == kept["value"]
    two.update(threshold=kept | {"value": 0.25})
    elsewhere = cnnzoo.evaluate(two, data=f"folder={photos}")["binary"]["threshold"]
    assert elsewhere["value"] == 0.25  # what the run was tuned to, not what suits these
    assert set(elsewhere["metrics"]) == {"accuracy", "sensitivity", "specificity"}


def test_a_temperature_is_fitted_on_validation_and_the_model_stays(run):
    before = run.model_path.read_bytes()
    measured = cnnzoo.evaluate(run, calibrate=True)
    report = measured["temperature"]
    assert report["fitted_on"] == "validation"
    assert report["before"]["loss"] == measured["metrics"]["loss"]["value"]
    assert report["before"]["ece"] == measured["metrics"]["ece"]["value"]
    assert report["after"] != report["before"]
    assert run.model_path.read_bytes() == before
    assert "temperature" not in cnnzoo.evaluate(run)


def test_parquet_holds_what_the_csv_holds(run):
    parquet = pytest.importorskip("pyarrow.parquet")
    evaluation = measure(run, parquet=True)
    table = parquet.read_table(evaluation.files[2])
    read = read_predictions(evaluation.files[1])
    assert table["path"].to_pylist() == list(read.names)
    assert table["truth"].to_pylist() == [read.class_names[label] for label in read.labels]
    for column, name in enumerate(read.class_names):
        assert (table[f"p_{name}"].to_numpy() == read.probabilities[:, column]).all()


# What is damaged.


def test_data_that_changed_since_are_refused(run):
    run.update(data={"fingerprint": "another"})
    with pytest.raises(DataError, match=r"has changed since .* was trained"):
        cnnzoo.evaluate(run)


def test_a_run_without_a_model_says_so(run):
    run.model_path.unlink()
    with pytest.raises(RunError, match="did not finish an epoch"):
        cnnzoo.evaluate(run)


def test_an_unknown_split_is_refused(run):
    with pytest.raises(DataError, match=r"unknown split 'tset'; did you mean 'test'\?"):
        cnnzoo.evaluate(run, split="tset")


def test_one_sigmoid_unit_is_the_probability_of_the_second_class():
    class Sure:
        def predict_on_batch(self, images):
            return np.full((len(images), 1), 0.75, np.float32)

    assert (
        predict_probabilities(Sure(), np.zeros((3, 2, 2, 1), np.uint8)).tolist()
        == [[0.25, 0.75]] * 3
    )


class Notes(Display):
    """A display that keeps its notes."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_examples_that_the_run_was_trained_on_are_counted_and_noted(run, tmp_path):
    count = run.record()["data"]["examples"]["train"]
    display = Notes()
    measured = measure(run, "train", output=tmp_path / "train", display=display).measured
    assert measured["data"]["in_training"] == count
    (note,) = (note for note in display.notes if "was trained on" in note)
    assert f"on {count:,} of these {count:,} examples" in note
    display = Notes()
    measured = measure(run, "test", output=tmp_path / "test", display=display).measured
    assert "in_training" not in measured["data"]
    assert not any("was trained on" in note for note in display.notes)


def test_other_data_that_hold_the_training_images_are_noted(run, tmp_path):
    display = Notes()
    measured = measure(run, data="seed=9", output=tmp_path / "out", display=display).measured
    assert 0 < measured["data"]["in_training"] <= measured["examples"]
    (note,) = (note for note in display.notes if "was trained on" in note)
    assert f"{measured['data']['in_training']:,} of these {measured['examples']:,}" in note
