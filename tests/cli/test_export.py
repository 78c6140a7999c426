from __future__ import annotations

import json

import pytest

import cnnzoo
from cnnzoo.exporting.formats import FORMATS
from cnnzoo.exporting.record import read_records


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory with a run that was trained for one epoch."""
    folder = tmp_path_factory.mktemp("export_command")
    from conftest import TINY

    (folder / "tiny.yaml").write_text(TINY.replace("epochs: 2", "epochs: 1"))
    cnnzoo.train(cnnzoo.load_config(folder / "tiny.yaml"), runs_dir=folder / "runs")
    return folder


@pytest.fixture
def command(in_process, home, monkeypatch):
    monkeypatch.chdir(home)
    return in_process


def test_an_exported_run_is_evaluated_compared_benchmarked_and_used(command, home):
    code, out, _ = command("export", "tiny", "--format", "onnx", "--precision", "int8")
    assert code == 0
    path = "runs/tiny/1/exports/tiny-int8.onnx"
    assert f"written to {path}\n" in out
    assert "labels: " in out
    assert "one image: " in out
    record = next(read_records(cnnzoo.open_run(home / "runs/tiny/1")))
    verified = record["verification"]

    code, out, _ = command(
        "evaluate", path, "--data", "digits", "--split", "test", "--format", "json"
    )
    assert code == 0
    measured = json.loads(out)
    assert measured["examples"] == verified["examples"]
    assert measured["metrics"]["accuracy"]["value"] == verified["accuracy"]["value"]

    code, out, _ = command("compare", "runs/tiny/1", path, "--format", "json")
    assert code == 0
    compared = json.loads(out)
    assert [group["runs"][0]["run"] for group in compared["groups"]] == ["runs/tiny/1", path]
    assert compared["disagreements"] == verified["disagreements"]

    code, out, _ = command("benchmark", path, "--format", "json")
    assert code == 0
    speed = json.loads(out)
    assert speed["input_shape"] == [8, 8, 1]
    assert 0 < speed["latency_low"] <= speed["latency"] <= speed["latency_high"]

    code, _, err = command("export", "tiny", "--format", "litert", "--output", path)
    assert code == 2
    assert "exists" in err
    code, _, err = command("compare", "runs/tiny/1", f"{home}/copy.onnx")
    assert code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "onxx"], "did you mean 'onnx'?"),
        (["--format", "onnx", "--precision", "int9"], "did you mean 'int8'?"),
        (["--format", "onnx", "--batch", "many"], "neither 'dynamic' nor a number"),
        (["--format", "onnx", "--batch", "0"], "neither 'dynamic' nor a number"),
        (["--format", "litert", "--opset", "15"], "an opset belongs to ONNX"),
        (["--format", "onnx", "--output", "x.pb"], "does not end in .onnx"),
        ([], "--format"),
    ],
)
def test_mistakes_are_explained(words, message, command):
    code, _, err = command("export", "tiny", *words)
    assert code == 2
    assert message in err


def test_the_help_names_every_format(command):
    _, out, _ = command("export", "--help")
    for name in FORMATS:
        assert name in out


def test_a_model_is_not_benchmarked_with_the_settings_of_a_training(command):
    code, _, err = command("benchmark", "runs/tiny/1", "--steps", "3")
    assert code == 2
    assert "omit KEY=VALUE and --steps" in err
