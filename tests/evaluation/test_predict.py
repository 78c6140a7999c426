from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.datasets.dataset import MappedImages
from cnnzoo.datasets.load import load_dataset
from cnnzoo.errors import DataError, DeviceError, RunError
from cnnzoo.evaluation.classifier import (
    MAX_BATCH,
    MIN_BATCH,
    batch_size,
    open_classifier,
    predict_probabilities,
)

COLORS = {"blue": (40, 60, 200), "green": (40, 180, 60), "red": (200, 50, 40)}

CONFIG = """
name: colors
model:
  input_shape: [12, 10, 3]
  layers:
    - Rescaling: 1/255
    - Conv2D: {filters: 5, kernel_size: 3, activation: relu}
    - GlobalAveragePooling2D
    - Dense: {units: 32, activation: relu}
    - Dense: {units: $classes, activation: softmax}
data: {folder: pictures, resize: {method: crop, interpolation: bicubic}, splits: {test: 0.5}}
training:
  epochs: 2
  batch_size: 16
"""


def draw(path, color, seed):
    """A noisy picture of one colour, larger than any model takes and of another shape."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(-40, 40, (16 + seed % 5, 20, 3))
    Image.fromarray(np.clip(noise + color, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory with pictures of three classes, more than fit one batch, and a run on them."""
    folder = tmp_path_factory.mktemp("predict")
    for name, color in COLORS.items():
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(230):
            suffix = "jpg" if number % 3 else "png"
            draw(folder / "pictures" / name / f"{number}.{suffix}", color, number)
    (folder / "colors.yaml").write_text(CONFIG)
    cnnzoo.train(cnnzoo.load_config(folder / "colors.yaml"), folder / "runs")
    return folder


@pytest.fixture
def run(home):
    return cnnzoo.open_run(home / "runs" / "colors" / "1")


@pytest.fixture
def damaged(run, tmp_path):
    """A copy of the run, to be changed at will."""
    return cnnzoo.open_run(shutil.copytree(run.path, tmp_path / "run"))


def paths_of(split, run):
    config = run.config()
    examples = load_dataset(config.data, image_shape=config.model.input_shape).splits[split]
    return [f"{config.data.folder}/{name}" for name in examples.names], examples


def values(predictions):
    return np.array([list(each.probabilities.values()) for each in predictions], np.float32)


# What predict gives is what evaluate measures.


@pytest.mark.parametrize("saved_alone", [False, True])
def test_the_files_of_the_test_split_give_evaluates_predictions_exactly(run, saved_alone):
    paths, examples = paths_of("test", run)
    evaluated = predict_probabilities(open_classifier(run).model, examples.images)
    assert len(paths) > batch_size((12, 10, 3), None)  # and so more than one batch
    predicted = list(cnnzoo.predict(run.model_path if saved_alone else run.path, paths))
    assert [each.path for each in predicted] == paths
    assert (values(predicted) == evaluated).all()
    correct = values(predicted).argmax(axis=1) == examples.labels
    measured = cnnzoo.evaluate(run)["metrics"]["accuracy"]["value"]
    assert correct.mean() == measured


def test_a_picture_has_the_same_probabilities_whatever_is_beside_it(run):
    paths, _ = paths_of("test", run)
    expected = dict(zip(paths, values(cnnzoo.predict(run, paths)), strict=True))
    order = np.random.default_rng(0).permutation(paths)[:70].tolist()
    order[10:10] = ["missing.png"]
    predicted = [each for each in cnnzoo.predict(run, order) if not each.error]
    assert len(predicted) == 70
    for each in predicted:
        assert (values([each]) == expected[each.path]).all()
    for path in paths[:3]:
        assert (values(cnnzoo.predict(run, [path])) == expected[path]).all()


def test_images_are_read_from_the_disk_a_batch_at_a_time(run):
    _, examples = paths_of("test", run)
    asked = []

    class Recording(MappedImages):
        def __getitem__(self, rows):
            asked.append(rows)
            return super().__getitem__(rows)

        def __array__(self, *_):
            raise AssertionError("all images at once")

    count = examples.images.shape[0]
    mapped = Recording(np.asarray(examples.images), np.arange(count)[::-1])
    model = open_classifier(run).model
    straight = predict_probabilities(model, examples.images)
    assert (predict_probabilities(model, mapped) == straight[::-1]).all()
    assert [rows.stop - rows.start for rows in asked] == [256] * (-(-count // 256))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((28, 28, 1), MAX_BATCH), ((48, 48, 1), 128), ((100, 100, 1), 32), ((224, 224, 3), MIN_BATCH)],
)
def test_large_images_come_in_smaller_batches(shape, expected):
    assert batch_size(shape, None) == expected


# What a prediction says.


def test_the_most_probable_classes_come_first(run, home):
    (red,) = cnnzoo.predict(run, [home / "pictures" / "red" / "0.png"])
    assert tuple(red.probabilities) == ("blue", "green", "red")
    assert sum(red.probabilities.values()) == pytest.approx(1, abs=1e-5)
    ranked = red.top(99)
    assert [p for _, p in ranked] == sorted(red.probabilities.values(), reverse=True)
    assert red.top(1) == ranked[:1]


def test_what_cannot_be_read_is_said_in_its_place_and_the_rest_goes_on(run, home, tmp_path):
    good = str(home / "pictures" / "red" / "0.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "page.jpg").write_text("<html>")
    words = [str(tmp_path / name) for name in ("none.png", "empty.png", "page.jpg")]
    first, none, empty, page, last = cnnzoo.predict(run, [good, *words, good])
    assert first == last
    assert first.error is None
    assert none.error.endswith("No such file or directory")
    assert empty.error == "is empty"
    assert page.error.startswith("is not an image")
    assert none.top(3) == []


def test_only_bad_files_are_predictions_too(run):
    (prediction,) = cnnzoo.predict(run, "none.png")
    assert prediction.error.endswith("No such file or directory")


def test_the_first_predictions_do_not_wait_for_the_last_files(run, home):
    from cnnzoo.evaluation.predict import predict_files

    asked = []

    def endless():
        while True:
            asked.append(1)
            yield str(home / "pictures" / "red" / "0.png"), None

    assert next(predict_files(open_classifier(run), endless())).error is None
    assert len(asked) == 256


# Class names.


def test_the_model_alone_knows_what_the_run_knows(run):
    whole, alone = open_classifier(run), open_classifier(run.model_path)
    assert whole.class_names == alone.class_names == ("blue", "green", "red")
    assert whole.fit == alone.fit
    assert (alone.fit.method, alone.fit.interpolation) == ("crop", "bicubic")


def saved(path, *layers, shape=(4, 4, 1)):
    import keras

    keras.Sequential([keras.Input(shape), *layers]).save(path)
    return path


@pytest.fixture
def gray(tmp_path):
    Image.new("L", (9, 9), 200).save(tmp_path / "gray.png")
    return tmp_path / "gray.png"


def test_a_model_from_elsewhere_numbers_its_classes(tmp_path, gray):
    from keras import layers

    path = saved(tmp_path / "m.keras", layers.Flatten(), layers.Dense(3, activation="softmax"))
    classifier = open_classifier(path)
    assert not classifier.named
    assert classifier.fit.method == "stretch"
    assert tuple(next(cnnzoo.predict(path, gray)).probabilities) == ("0", "1", "2")


def test_one_sigmoid_unit_gives_both_classes(tmp_path, gray):
    from keras import layers

    path = saved(
        tmp_path / "m.keras",
        layers.Rescaling(0, 1),
        layers.Flatten(),
        layers.Dense(1, "sigmoid", kernel_initializer="zeros", bias_initializer="ones"),
    )
    (prediction,) = cnnzoo.predict(path, gray)
    assert prediction.probabilities == pytest.approx({"0": 0.26894, "1": 0.73106}, abs=1e-5)


def test_other_class_names_than_the_model_has_are_refused(damaged):
    damaged.update(class_names=["red", "green"])
    with pytest.raises(RunError, match="has 3 classes, but 2 class names: red, green"):
        open_classifier(damaged)


@pytest.mark.parametrize(
    "names", [None, 3, [], ["red"], [1, 2, 3], ["a", "a", "b"], ["", "a", "b"]]
)
def test_class_names_that_are_none_are_refused(damaged, names):
    damaged.update(class_names=names)
    with pytest.raises(
        RunError, match=r"run\.json is damaged: (its description of the classes|class_names)"
    ):
        open_classifier(damaged)


# What is no classifier.


def test_a_model_of_other_shapes_is_refused_with_them(tmp_path):
    import keras
    from keras import layers

    flat = saved(tmp_path / "flat.keras", layers.Dense(2), shape=(7,))
    with pytest.raises(RunError, match=r"its input is \(None, 7\) and its output \(None, 2\)"):
        open_classifier(flat)
    with pytest.raises(RunError, match="its input is"):
        open_classifier(saved(tmp_path / "map.keras", layers.Conv2D(2, 1)))
    with pytest.raises(RunError, match="its input is"):
        open_classifier(saved(tmp_path / "many.keras", layers.Flatten(), shape=(4, 4, 4)))
    with pytest.raises(RunError, match="it has no fixed input size"):
        open_classifier(
            saved(tmp_path / "any.keras", layers.GlobalMaxPooling2D(), shape=(None, None, 3))
        )
    batch = keras.Sequential([keras.Input((4, 4, 3), batch_size=8), layers.Flatten()])
    batch.save(tmp_path / "batch.keras")
    with pytest.raises(RunError, match="it has a fixed batch size of 8"):
        open_classifier(tmp_path / "batch.keras")


def test_a_model_with_two_inputs_is_refused(tmp_path):
    import keras

    inputs = [keras.Input((4, 4, 1)), keras.Input((4, 4, 1))]
    output = keras.layers.Flatten()(keras.layers.Add()(inputs))
    keras.Model(inputs, output).save(tmp_path / "two.keras")
    with pytest.raises(RunError, match="does not classify images of one size"):
        open_classifier(tmp_path / "two.keras")


@pytest.mark.parametrize("activation", ["linear", "sigmoid"])
def test_values_that_are_no_probabilities_are_refused(tmp_path, gray, activation):
    from keras import layers

    head = layers.Dense(4, activation, kernel_initializer="ones")
    path = saved(tmp_path / "m.keras", layers.Flatten(), head)
    with pytest.raises(RunError, match="gives no class probabilities"):
        list(cnnzoo.predict(path, gray))


def test_weights_that_are_no_numbers_are_refused(run, damaged, home):
    model = open_classifier(run).model
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    model.save(damaged.model_path)
    with pytest.raises(RunError, match="gives no class probabilities"):
        list(cnnzoo.predict(damaged, home / "pictures" / "red"))


# What is not there.


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("none.keras", r"the model 'none\.keras' does not exist"),
        ("runs/none/1", "the run 'runs/none/1' does not exist"),
        (".", "is not a run directory"),
        ("gray.png", r"gray\.png is neither a run directory nor a \.keras file"),
    ],
)
def test_what_is_no_run_and_no_model_is_said(run, message, gray, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=message):
        cnnzoo.predict(run, gray)


def test_no_file_is_said_before_a_model_is_looked_for(tmp_path):
    with pytest.raises(DataError, match="no file to predict"):
        cnnzoo.predict(tmp_path / "none.keras", [])


def test_a_device_that_is_not_there_is_said(run, home, monkeypatch):
    import keras

    monkeypatch.setattr(keras.distribution, "list_devices", lambda kind=None: [])
    with pytest.raises(DeviceError):
        cnnzoo.predict(run, [home], device="gpu")


def test_a_run_whose_model_has_no_names_has_its_own(damaged, home):
    open_classifier(damaged).model.save(damaged.model_path)
    (prediction,) = cnnzoo.predict(damaged, Path(home, "pictures", "red", "0.png"))
    assert set(prediction.probabilities) == set(COLORS)
