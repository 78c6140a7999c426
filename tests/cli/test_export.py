from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import cnnzoo
from cnnzoo.exporting import formats
from cnnzoo.exporting.convert import convert
from cnnzoo.exporting.formats import FORMATS
from cnnzoo.exporting.job import Job
from cnnzoo.exporting.record import read_records
from cnnzoo.models.runtimes.contract import Contract
from cnnzoo.models.saved import load_model


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


@pytest.fixture(scope="module")
def exported(home):
    """The best model of the run in every format, and an image file."""
    run = cnnzoo.open_run(home / "runs/tiny/1")
    model = load_model(run.model_path)
    described = Contract(
        name="tiny",
        class_names=tuple(run.record()["class_names"]),
        input_shape=(8, 8, 1),
        cnnzoo="0",
    )
    run.exports_path.mkdir(exist_ok=True)
    for form, each in FORMATS.items():
        target = run.exports_path / f"{form}{each.suffix}"
        convert(model, Job(run.model_path, target, form, described))
    digit = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    Image.fromarray(digit).save(home / "digit.png")
    return {form: f"runs/tiny/1/exports/{form}{each.suffix}" for form, each in FORMATS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_a_model(form, exported, command):
    def result(*words, written="json"):
        code, out, err = command(*words, "--format", written)
        assert code == 0, err
        return json.loads(out)

    path, keras = exported[form], "runs/tiny/1/model.keras"
    mine, theirs = (
        result("predict", model, "digit.png", written="jsonl") for model in (path, keras)
    )
    for here, keras_class in zip(mine["classes"], theirs["classes"], strict=True):
        assert here["name"] == keras_class["name"]
        assert float(here["probability"]) == pytest.approx(
            float(keras_class["probability"]), abs=1e-4
        )
    data = ["--data", "digits", "--split", "test"]
    mine, theirs = (result("evaluate", model, *data)["metrics"] for model in (path, keras))
    assert mine["accuracy"] == theirs["accuracy"]
    compared = result("compare", "runs/tiny/1", path)
    assert compared["disagreements"] == 0
    assert result("benchmark", path)["images_per_second"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "litert"])
@pytest.mark.parametrize(
    "words",
    [["predict", "digit.png"], ["evaluate", "--data", "digits", "--split", "test"], ["benchmark"]],
    ids=["predict", "evaluate", "benchmark"],
)
def test_commands_do_not_load_a_framework(words, form, exported, home):
    code = (
        "import sys\n"
        "for name in ('keras', 'tensorflow'): sys.modules[name] = None\n"
        "from cnnzoo.cli import main\n"
        f"sys.argv = {['cnnzoo', words[0], exported[form], *words[1:]]!r}\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("form", ["onnx", "litert", "openvino"])
def test_a_missing_extra_is_named(form, command, monkeypatch):
    package = FORMATS[form].packages[-1]
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == package else name)
    monkeypatch.setitem(sys.modules, package, None)
    code, _, err = command("export", "tiny", "--format", form)
    assert code == 2
    assert f"needs {package}, which is not installed" in err
    assert f"pip install 'cnnzoo[{form}]'" in err


def test_a_place_that_cannot_be_written_is_named(command, home):
    (home / "file").write_text("")
    code, _, err = command("export", "tiny", "--format", "onnx", "--output", "file/a.onnx")
    assert code == 2
    assert "file/a.onnx cannot be written" in err
    assert "--output" in err
    assert not list(home.rglob(".export-*"))


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
