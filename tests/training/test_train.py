from __future__ import annotations

import csv
import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import cnnzoo
from cnnzoo.errors import DataError, TrainingError
from cnnzoo.training.progress import Display


def weights_digest(model_path: Path) -> str:
    with zipfile.ZipFile(model_path) as archive:
        return hashlib.sha256(archive.read("model.weights.h5")).hexdigest()


def weights(model_path: Path):
    import keras

    return keras.saving.load_model(model_path).get_weights()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from conftest import TINY

    folder = tmp_path_factory.mktemp("train")
    (folder / "tiny.yaml").write_text(TINY)
    return cnnzoo.train(cnnzoo.load_config(folder / "tiny.yaml"), folder, command=["cnnzoo", "x y"])


def test_the_run_directory_holds_what_the_design_says(run):
    assert sorted(file.name for file in run.path.iterdir()) == [
        "checkpoints",
        "config.yaml",
        "history.csv",
        "model.keras",
        "run.json",
    ]
    record = run.record()
    assert record["status"] == "finished"
    assert record["class_names"] == list("0123456789")
    assert record["seed"] == 0
    assert record["epochs"] == 2
    assert record["best_epoch"] in (1, 2)
    assert record["seconds"] > 0
    assert record["command"] == "cnnzoo 'x y'"
    assert record["data"]["examples"] == {"train": 1256, "validation": 181, "test": 360}
    assert record["data"]["skipped"] == {"count": 0, "reasons": {}}
    assert {"cnnzoo", "python", "keras", "numpy"} <= set(record["versions"])
    machine = record["machine"]
    assert machine["backend"] in ("tensorflow", "jax", "torch")
    assert machine["devices"]
    assert machine["cpu"]
    assert record["settings"]["batch_size"] == 64
    assert record["settings"]["precision"] == "float32"
    assert len(record["epoch_seconds"]) == 2
    assert sum(record["epoch_seconds"]) <= record["seconds"]


def test_the_history_has_a_row_an_epoch(run):
    with run.history_path.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {*rows[0]} == {
        *("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    }
    assert float(rows[1]["learning_rate"]) < float(rows[0]["learning_rate"])


def test_the_saved_model_is_for_inference_only(run):
    with zipfile.ZipFile(run.model_path) as archive:
        config = json.loads(archive.read("config.json"))
    assert not config.get("compile_config")
    assert "optimizer" not in json.dumps(config)


def test_the_configuration_of_a_run_repeats_it(run, tmp_path):
    again = cnnzoo.train(cnnzoo.load_config(run.path / "config.yaml"), tmp_path)
    for first, second in zip(weights(run.model_path), weights(again.model_path), strict=True):
        assert (first == second).all()
    assert run.history_path.read_bytes() == again.history_path.read_bytes()
    assert run.record()["config_hash"] == again.record()["config_hash"]


@pytest.mark.slow
def test_two_processes_give_the_same_bits(tiny, cnnzoo):
    for name in ("one", "two"):
        done = cnnzoo("train", "--config", str(tiny), "--name", name)
        assert done.returncode == 0, done.stderr
    first, second = (weights(tiny.parent / f"runs/{name}/1/model.keras") for name in ("one", "two"))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


def test_another_seed_is_another_training(tiny, run, tmp_path):
    other = cnnzoo.train(cnnzoo.load_config(tiny, ["seed=1"]), tmp_path)
    assert other.history()[0]["loss"] != run.history()[0]["loss"]
    assert other.record()["data"]["fingerprint"] == run.record()["data"]["fingerprint"]


def test_the_best_epoch_is_kept_not_the_last(tiny, tmp_path):
    """With a learning rate that jumps up, the last epoch is the worst."""
    schedule = "{PiecewiseConstantDecay: {boundaries: [20], values: [0.001, 10.0]}}"
    config = cnnzoo.load_config(tiny, [f"training.optimizer.Adam.learning_rate={schedule}"])
    run = cnnzoo.train(config, tmp_path)
    history = run.history()
    assert run.record()["best_epoch"] == 1
    assert history[0]["val_accuracy"] > history[1]["val_accuracy"]
    measured = cnnzoo.evaluate(run, split="validation")["metrics"]["accuracy"]["value"]
    assert measured == pytest.approx(history[0]["val_accuracy"], abs=1e-6)


def test_a_loss_is_monitored_downwards(tiny, tmp_path):
    config = cnnzoo.load_config(tiny, ["training.monitor=val_loss"])
    run = cnnzoo.train(config, tmp_path)
    losses = [row["val_loss"] for row in run.history()]
    assert run.record()["best_epoch"] == 1 + losses.index(min(losses))


def test_of_two_equally_good_epochs_the_later_is_kept(tiny, tmp_path):
    """With a learning rate of nothing, all epochs are equal."""
    run = cnnzoo.train(
        cnnzoo.load_config(tiny, ["training.optimizer={SGD: {learning_rate: 0.0}}"]), tmp_path
    )
    first, second = run.history()
    assert first["val_accuracy"] == second["val_accuracy"]
    assert run.record()["best_epoch"] == 2


def test_callbacks_and_metrics_are_named_like_layers(tiny, tmp_path):
    overrides = [
        "training.epochs=30",
        "training.callbacks=[{EarlyStopping: {monitor: val_loss, patience: 0, min_delta: 10}}]",
        "training.metrics=[{SparseTopKCategoricalAccuracy: 3}]",
    ]
    run = cnnzoo.train(cnnzoo.load_config(tiny, overrides), tmp_path)
    assert len(run.history()) == 2
    assert run.history()[0]["sparse_top_k_categorical_accuracy"] >= run.history()[0]["accuracy"]


def test_a_loss_that_is_no_number_fails_the_run_with_advice(tiny, tmp_path):
    config = cnnzoo.load_config(tiny, ["training.optimizer={SGD: {learning_rate: 1e38}}"])
    said = r"the loss became (nan|inf) in epoch 1, step \d+ of 20, at a learning rate of 1e\+38"
    with pytest.raises(TrainingError, match=said) as failed:
        cnnzoo.train(config, tmp_path)
    assert failed.value.exit_code == 1
    assert "learning rate ten times smaller" in str(failed.value)
    run = cnnzoo.open_run(tmp_path / "tiny" / "1")
    assert run.record()["status"] == "failed"
    assert not run.model_path.exists(), "a model that is not finite is not kept"


def test_without_data_the_error_says_how_to_name_some(tmp_path):
    with pytest.raises(DataError, match="alexnet names no data") as failed:
        cnnzoo.train(cnnzoo.load_config("alexnet"), tmp_path)
    assert "data=NAME" in str(failed.value)
    assert not list(tmp_path.iterdir()), "a mistake leaves no run behind"


def test_without_validation_its_metrics_cannot_be_monitored(tiny, tmp_path):
    config = cnnzoo.load_config(tiny, ["data.splits.validation=0"])
    with pytest.raises(DataError, match="no examples are held out"):
        cnnzoo.train(config, tmp_path)
    config = cnnzoo.load_config(tiny, ["data.splits.validation=0", "training.monitor=loss"])
    assert "val_loss" not in cnnzoo.train(config, tmp_path).history()[0]


def test_whatever_fails_inside_is_one_error_and_a_failed_run(tiny, tmp_path):
    class Broken(Display):
        def epoch(self, row, best=False):
            raise RuntimeError("out of memory\nand a long story")

    config = cnnzoo.load_config(tiny)
    with pytest.raises(TrainingError) as failed:
        cnnzoo.train(config, tmp_path, display=Broken())
    (mistake,) = failed.value.mistakes
    assert mistake.message == "the training failed: RuntimeError: out of memory"
    assert cnnzoo.open_run(tmp_path / "tiny" / "1").record()["status"] == "failed"


AUGMENTED = (
    "data.augment=[RandomTranslation: [0.1, 0.1], MixUp: 0.4]",
    "training.class_weight={'3': 2.0}",
)


@pytest.fixture(scope="module")
def augmented(tmp_path_factory):
    from conftest import TINY

    folder = tmp_path_factory.mktemp("augmented")
    (folder / "tiny.yaml").write_text(TINY)
    return cnnzoo.train(cnnzoo.load_config(folder / "tiny.yaml", AUGMENTED), folder)


def test_augmentation_is_no_part_of_the_saved_model(augmented, run):
    with zipfile.ZipFile(augmented.model_path) as archive:
        config = json.loads(archive.read("config.json"))
    names = [layer["class_name"] for layer in config["config"]["layers"]]
    assert names == ["InputLayer", "Rescaling", "Conv2D", "Flatten", "Dropout", "Dense"]
    assert any(
        (first != second).any()
        for first, second in zip(
            weights(augmented.model_path), weights(run.model_path), strict=True
        )
    )


def test_validation_is_neither_augmented_nor_mixed_nor_weighted(augmented):
    """What the best epoch measured is what the saved model measures, without any of it."""
    best = augmented.history()[augmented.record()["best_epoch"] - 1]
    measured = cnnzoo.evaluate(augmented, split="validation")["metrics"]
    assert measured["accuracy"]["value"] == pytest.approx(best["val_accuracy"], abs=1e-6)
    assert measured["loss"]["value"] == pytest.approx(best["val_loss"], rel=1e-4)


def test_augmentation_is_the_same_every_time(augmented, tmp_path):
    again = cnnzoo.train(cnnzoo.load_config(augmented.path / "config.yaml"), tmp_path)
    for first, second in zip(weights(augmented.model_path), weights(again.model_path), strict=True):
        assert (first == second).all()


def test_weights_of_classes_change_the_training_loss_only(tiny, tmp_path):
    """With a learning rate of nothing, only the weights tell the two losses apart."""
    fixed = "training.optimizer={SGD: {learning_rate: 0.0}}"
    plain = cnnzoo.train(cnnzoo.load_config(tiny, [fixed]), tmp_path).history()[0]
    doubled = ", ".join(f"'{digit}': 2" for digit in range(10))
    weighted = cnnzoo.train(
        cnnzoo.load_config(tiny, [fixed, f"training.class_weight={{{doubled}}}"]), tmp_path
    ).history()[0]
    assert weighted["loss"] == pytest.approx(2 * plain["loss"], rel=1e-5)
    assert weighted["val_loss"] == plain["val_loss"]
    assert weighted["accuracy"] == plain["accuracy"]


def test_oversampling_lengthens_the_epoch(tiny, tmp_path):
    shown = []

    class Watching(Display):
        def start(self, progress):
            shown.append(progress.steps)

    merged = ", ".join(f"'{digit}': {'seven' if digit == 7 else 'other'}" for digit in range(10))
    words = [
        f"data.classes={{{merged}}}",
        "training.epochs=1",
    ]
    for more in ([], ["data.balance=oversample"]):
        cnnzoo.train(cnnzoo.load_config(tiny, words + more), tmp_path, display=Watching())
    others = 1258 - 125  # of the examples that train
    assert shown == [-(-1258 // 64), -(-2 * others // 64)]


def test_a_batch_that_cannot_be_read_is_one_error(tiny, tmp_path, monkeypatch):
    from cnnzoo.training import job as module

    loaded = module.load_with_progress

    class Gone:
        shape = (1258, 8, 8, 1)

        def __getitem__(self, rows):
            raise OSError("Stale file handle")

    def load_gone(*words):
        dataset = loaded(*words)
        gone = replace(dataset.splits["train"], images=Gone())
        return replace(dataset, splits={**dataset.splits, "train": gone})

    monkeypatch.setattr(module, "load_with_progress", load_gone)
    with pytest.raises(TrainingError) as failed:
        cnnzoo.train(cnnzoo.load_config(tiny), tmp_path)
    (mistake,) = failed.value.mistakes
    assert mistake.message == "a batch cannot be read: Stale file handle"
    assert cnnzoo.open_run(tmp_path / "tiny" / "1").record()["status"] == "failed"
