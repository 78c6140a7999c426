from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import TINY
from PIL import Image

from cnnzoo.config.loader import load_config
from cnnzoo.evaluation.predict import predict
from cnnzoo.reporting.card import model_card
from cnnzoo.runs.run import Run
from cnnzoo.training.train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("card")
    path = folder / "tiny.yaml"
    path.write_text(TINY)
    overrides = ["training.epochs=1", "data.limit=300", "description=Reads <b>digits</b>."]
    return train(load_config(path, overrides), folder / "runs")


@pytest.fixture(scope="module")
def card(run: Run) -> str:
    return model_card(run)


def test_the_front_matter_has_what_the_hub_reads(run, card):
    _, front, _ = card.split("---\n", 2)
    matter = yaml.safe_load(front)
    assert matter["library_name"] == "keras"
    assert "image-classification" in matter["tags"]
    (model,) = matter["model-index"]
    (result,) = model["results"]
    assert result["task"]["type"] == "image-classification"
    figures = run.metrics()["metrics"]
    accuracy, f1, *_ = result["metrics"]
    assert accuracy["value"] == pytest.approx(figures["accuracy"]["value"], abs=1e-6)
    assert (
        f"{figures['accuracy']['low']:.4f} to {figures['accuracy']['high']:.4f}" in accuracy["name"]
    )
    assert f1["type"] == "f1"
    assert matter["metrics"][:2] == ["accuracy", "f1"]


def test_every_part_is_there_and_what_others_wrote_is_no_markup(card):
    for part in ("Intended use", "Limits", "Training data", "Evaluation", "How to use"):
        assert f"\n## {part}\n" in card
    assert r"Reads \<b\>digits\</b\>." in card
    assert "Faces" not in card
    assert "\n\n\n" not in card


def test_the_program_in_the_card_says_what_cnnzoo_says(run, card, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert "cnnzoo" not in code
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    shutil.copy(run.model_path, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "card", "exec"), {})  # noqa: S102 - our own program
    ((name, probability),) = next(iter(predict(run, [Path("photo.png")]))).top(1)
    assert capsys.readouterr().out == f"{name}: {probability:.3f}\n"


def test_the_configuration_in_the_card_is_that_of_the_run(run, card, tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", card, re.DOTALL)
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert load_config(path).plain() == run.config().plain()


def test_no_field_of_a_run_becomes_markup(run, tmp_path):
    strange = "](https://x.y)<img src=x>`|**\n# h"
    copied = Run(Path(shutil.copytree(run.path, tmp_path / "tiny" / "1")))
    record = copied.record()
    measured = copied.metrics()
    measured["metrics"][strange] = {"value": 1.0, "low": None, "high": None}
    copied.metrics_path("test").write_text(json.dumps(measured))
    copied.update(
        data=record["data"] | {"fingerprint": strange, "name": strange},
        versions={strange: strange},
        machine={"cpu": strange, "backend": strange},
        settings={strange: strange},
    )
    card = model_card(copied)
    _, _, body = card.split("---\n", 2)
    body = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    escaped = re.compile(r"\\.")
    assert "<" not in escaped.sub("", body)
    assert "](" not in escaped.sub("", body)
    assert "https:" not in escaped.sub("", body)
    assert "\n# h" not in body
    assert body.count(r"\<img src=x\>") >= 6


def test_the_card_has_no_absolute_path(run, tmp_path):
    copied = Run(Path(shutil.copytree(run.path, tmp_path / "tiny" / "1")))
    copied.update(command=f"cnnzoo train --config {tmp_path}/tiny.yaml data.folder={tmp_path}/x")
    card = model_card(copied)
    assert str(tmp_path) not in card
    assert str(run.path.parent) not in card


def test_a_class_count_that_the_data_replaced_is_not_shown(run, tmp_path):
    copied = Run(Path(shutil.copytree(run.path, tmp_path / "tiny" / "1")))
    path = copied.path / "config.yaml"
    path.write_text(path.read_text().replace("model:\n", "model:\n  classes: 7\n"))
    assert copied.config().model.classes == 7
    (text,) = re.findall(r"```yaml\n(.*?)```", model_card(copied), re.DOTALL)
    assert "classes: 7" not in text


def test_exported_models_are_mentioned_with_their_figures(run, card):
    from cnnzoo.exporting.record import record_path, record_text

    assert "Exported models" not in card
    run.exports_path.mkdir()
    path = record_path(run.exports_path / "a.onnx")
    record = {"format": "onnx", "contract": {"precision": "int8"}, "bytes": 82_441}
    path.write_text(record_text(record))
    try:
        written = model_card(run)
    finally:
        path.unlink()
    assert "## Exported models" in written
    assert "| onnx | int8 | not verified |" in written
    assert "82.4 kB" in written
    assert "exports: onnx." in written
