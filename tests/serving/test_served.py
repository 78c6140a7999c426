from __future__ import annotations

from pathlib import Path

import pytest
from compared_runs import make_run
from exported_models import CLASSES, small_model

from cnnzoo.errors import RunError
from cnnzoo.models.saved import described, save_model
from cnnzoo.runs.run import Run
from cnnzoo.serving.served import identity_of, load, unique_names


def test_names_are_unique():
    sources = [
        Run(Path("runs/lenet/1")),
        Run(Path("runs/lenet/2")),
        Path("lenet.keras"),
        Path("a/lenet.keras"),
        Path("b/x\x1b.onnx"),
        Run(Path("configs/trained/lenet_mnist")),
    ]
    assert unique_names(sources) == [
        "lenet",
        "lenet/2",
        "lenet.keras",
        "lenet.keras-2",
        "x\\x1b",
        "lenet_mnist",
    ]


def test_a_model_that_gives_no_probabilities_is_refused(tmp_path):
    model = small_model()
    model.layers[-1].bias.assign([float("nan")] * 3)
    path = tmp_path / "bad.keras"
    save_model(model, path, described({"class_names": list(CLASSES)}, "x"))
    with pytest.raises(RunError, match="no class probabilities"):
        load(path)


def test_the_identity_changes_with_the_file(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"1")
    first = identity_of(path)
    path.write_bytes(b"2")
    assert identity_of(path) != first
    with pytest.raises(RunError, match="cannot be read"):
        identity_of(tmp_path / "none.keras")


def test_a_damaged_measurement_is_a_note(tiny, tmp_path):
    run = make_run(tiny)
    save_model(small_model(), run.model_path, described({"class_names": list(CLASSES)}, "x"))
    run.update(class_names=list(CLASSES))
    run.metrics_path("test").write_text("{")
    loaded = load(run)
    assert loaded.accuracy is None
    assert any("metrics.json is damaged" in note for note in loaded.notes)
    assert loaded.described("tiny")["kind"] == "run"
