from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.models.backend import load_keras

pytestmark = pytest.mark.slow

CONFIG = """
name: tiny
model:
  input_shape: [8, 8, 1]
  layers:
    - Rescaling: 1/255
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - MaxPooling2D: 2
    - Flatten
    - Dense: {units: $classes, activation: softmax}
data: digits
training: {epochs: 1}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory with a run on the digits, pictures of digits, and one that is none."""
    folder = tmp_path_factory.mktemp("explain_command")
    (folder / "tiny.yaml").write_text(CONFIG)
    config = cnnzoo.load_config(folder / "tiny.yaml")
    cnnzoo.train(config, folder / "runs")
    images = cnnzoo.load_dataset(config.data, image_shape=(8, 8, 1)).splits["test"].images[:2]
    (folder / "more").mkdir()
    for name, pixels in zip(("a.png", "more/a.png"), images[..., 0], strict=True):
        Image.fromarray(pixels).save(folder / name)
    (folder / "bad.png").write_text("no picture")
    return folder


@pytest.fixture
def explain(in_process, home, monkeypatch):
    monkeypatch.chdir(home)
    return lambda *words: in_process("explain", *words)


def sizes(folder):
    found = {}
    for path in folder.iterdir():
        with Image.open(path) as image:
            found[path.name] = image.size
    return found


def test_a_run_is_explained_with_its_data(explain, home):
    words = ("--steps", "4", "--limit", "50")
    code, out, err = explain("runs/tiny/1", "a.png", "bad.png", "more", *words)
    assert code == 1
    assert err == "error: 1 of 3 files could not be read\n"
    folder = home / "runs/tiny/1/explanations"
    found = sizes(folder)
    assert set(found) == {
        *("a.png", "a-maps.png", "a-2.png", "a-2-maps.png"),  # two files of one name
        *("filters.png", "responses.png"),
    }
    assert all(min(size) > 100 for size in found.values())
    lines = out.splitlines()
    predicted = [line for line in lines if line.endswith("a.png") and "written" not in line]
    expected = cnnzoo.predict("runs/tiny/1", ["a.png", "more/a.png"])
    for line, prediction in zip(predicted, expected, strict=True):
        ((name, probability),) = prediction.top(1)
        assert line.startswith(f"{name}  {probability:.4f}")
    assert any(line.startswith("error") and "bad.png" in line for line in lines)
    assert lines[-1].endswith("responses.png: from 50 validation examples")


def test_a_model_is_explained_where_asked(explain, home, tmp_path):
    shutil.copy(home / "runs/tiny/1/model.keras", tmp_path / "model.keras")
    words = ("--class", "7", "--steps", "2", "--output", str(tmp_path / "seen"))
    code, out, err = explain(str(tmp_path / "model.keras"), "a.png", *words)
    assert code == 0
    assert "note: no data to search for responses" in err
    assert set(sizes(tmp_path / "seen")) == {"a.png", "a-maps.png", "filters.png"}
    assert str(tmp_path / "seen" / "a.png") in out


def test_what_cannot_be_explained_says_why(explain, home, tmp_path):
    run = "runs/tiny/1"
    code, _, err = explain(run, "a.png", "--class", "eight")
    assert code == 2
    assert "the model has no class 'eight'" in err
    code, _, err = explain(run, "none*.png")
    assert (code, "none*.png matches no file" in err) == (2, True)
    code, _, err = explain("runs/tiny/2", "a.png")
    assert (code, "does not exist" in err) == (2, True)
    (tmp_path / "file").write_text("")
    code, _, err = explain(run, "a.png", "--output", str(tmp_path / "file" / "seen"))
    assert code == 2
    assert "cannot be written" in err

    layers = load_keras().layers
    keras = load_keras()
    graph = [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")]
    keras.Sequential(graph).save(tmp_path / "graph.keras")
    code, _, err = explain(str(tmp_path / "graph.keras"), "a.png")
    assert code == 2
    assert "no convolution" in err


def test_an_empty_split_is_an_error_after_everything_else(explain, home, monkeypatch):
    monkeypatch.setattr(
        "cnnzoo.evaluation.sources.load_with_progress",
        lambda *_: dataset_without_validation(home),
    )
    code, out, err = explain("runs/tiny/1", "a.png", "--steps", "2", "--data", "digits")
    assert code == 2
    assert "filters.png" in out
    assert "the validation split of digits is empty" in err
    assert "--no-responses" in err


def dataset_without_validation(home):
    config = cnnzoo.load_config(home / "tiny.yaml")
    dataset = cnnzoo.load_dataset(config.data, image_shape=(8, 8, 1))
    empty = type(dataset.splits["test"])(np.empty((0, 8, 8, 1), np.uint8), np.empty(0, np.int32))
    return type(dataset)(
        "digits", dataset.class_names, {**dataset.splits, "validation": empty}, "other", {}
    )
