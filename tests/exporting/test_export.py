from __future__ import annotations

import base64
import functools
import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported_models import CLASSES, SHAPE, small_model
from filelock import FileLock
from PIL import Image

from cnnzoo.config import zoo
from cnnzoo.config.data import Resize
from cnnzoo.errors import CnnzooError, DataError, RunError, Terminated, UserError
from cnnzoo.evaluation.evaluate import evaluate
from cnnzoo.evaluation.predict import predict
from cnnzoo.evaluation.speed import measure_speed
from cnnzoo.exporting import export as export_module
from cnnzoo.exporting.export import Options, export
from cnnzoo.exporting.verify import VerificationError
from cnnzoo.exporting.web.page import CODE, WASM
from cnnzoo.models.saved import Description, save_model


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory with a model and pictures of many kinds, sorted by what the model says."""
    folder = tmp_path_factory.mktemp("export")
    description = Description(class_names=CLASSES, resize=Resize(method="crop"))
    model = small_model()
    save_model(model, folder / "small.keras", description)
    rng = np.random.default_rng(3)
    (folder / "all").mkdir()
    for number in range(60):
        height, width = rng.integers(8, 70, 2)
        coarse = rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
        picture = Image.fromarray(coarse).resize(
            (int(width), int(height)), Image.Resampling.BICUBIC
        )
        path = folder / "all" / f"{number:02}"
        if number % 4 == 0:
            exif = Image.Exif()
            exif[0x0112] = number % 8 + 1
            picture.save(path.with_suffix(".jpg"), quality=90, exif=exif)
        elif number % 4 == 1:
            picture.convert("L").save(path.with_suffix(".png"))
        elif number % 4 == 2:
            picture.putalpha(picture.convert("L"))
            picture.save(path.with_suffix(".png"))
        else:
            gray = np.asarray(picture.convert("L")).astype(np.uint16) * 257
            Image.fromarray(gray).save(path.with_suffix(".png"))
    found = predict(folder / "small.keras", [folder / "all"])
    logits = np.log([[*each.probabilities.values()] for each in found])
    head = model.layers[-1]
    head.bias.assign(np.asarray(head.bias) - logits.mean(axis=0))  # all classes occur
    save_model(model, folder / "small.keras", description)
    for prediction in predict(folder / "small.keras", [folder / "all"]):
        (label, _), *_ = prediction.top(1)
        (folder / "pictures" / label).mkdir(parents=True, exist_ok=True)
        name = Path(prediction.path).name
        (folder / "all" / name).rename(folder / "pictures" / label / name)
    return folder


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    quick = functools.partial(measure_speed, rounds=1, round_seconds=0)
    monkeypatch.setattr(export_module, "measure_speed", quick)


@pytest.fixture(scope="module")
def done(home):
    quick = functools.partial(measure_speed, rounds=1, round_seconds=0)
    web = home / "onnxruntime-web"
    (web / "dist").mkdir(parents=True)
    (web / "package.json").write_text('{"name": "onnxruntime-web", "version": "1.30.0"}')
    for part in (CODE, WASM):
        (web / part).write_bytes(b"runtime")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_module, "measure_speed", quick)
        return export(
            home / "small.keras",
            Options("onnx", output=home / "out" / "small.onnx", example=True, web_runtime=web),
            data=[f"folder={home / 'pictures'}", "splits={validation: 0, test: 0.5}"],
        )


def test_the_files_are_complete(done, home):
    names = ["small.onnx", "small.onnx.py", "small.onnx.html", "small.onnx.json"]
    assert [path.name for path in done.files] == names
    assert sorted(path.name for path in (home / "out").iterdir()) == sorted(names)
    assert json.loads((home / "out" / "small.onnx.json").read_text()) == done.record
    page = (home / "out" / "small.onnx.html").read_text()
    assert json.dumps(done.record["golden"]) in page
    model = re.search(r'id="model">(.*)</script>', page).group(1)
    assert gzip.decompress(base64.b64decode(model)) == done.files[0].read_bytes()


def test_the_record_says_what_was_measured(done):
    record = done.record
    verified = record["verification"]
    assert verified["split"] == "test"
    assert verified["agreement"]["value"] == verified["accuracy"]["value"] == 1
    assert 20 < verified["examples"] < 40
    assert 0 < verified["largest_difference"] < 1e-5
    assert record["bytes"] == done.files[0].stat().st_size
    assert record["contract"]["class_names"] == list(CLASSES)
    assert record["contract"]["resize"]["method"] == "crop"
    assert record["speed"]["exported"]["latency"] > 0
    assert "onnxruntime" in record["versions"]


def test_the_golden_examples_hold_in_the_runtime_alone(done):
    import onnxruntime

    session = onnxruntime.InferenceSession(done.files[0])
    assert len(done.record["golden"]) == 10
    for example in done.record["golden"]:
        with Image.open(io.BytesIO(base64.b64decode(example["png"]))) as image:
            pixels = np.asarray(image).reshape(1, *SHAPE)
        given = session.run(None, {"image": pixels})[0][0]
        assert np.abs(given - example["probabilities"]).max() < 1e-5


def test_the_example_gives_the_labels_of_cnnzoo(done, home):
    files = sorted(map(str, (home / "pictures").rglob("*.*")))
    code = (
        "import sys, runpy\n"
        "for name in ('cnnzoo', 'keras', 'tensorflow'): sys.modules[name] = None\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')"
    )
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            code.replace("sys.argv[1]", "sys.argv.pop(1)"),
            str(done.files[1]),
            *files,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split("\t") for line in ran.stdout.splitlines()]
    expected = list(predict(home / "small.keras", files))
    assert len(lines) == len(expected) == 60
    for (label, probability, path), prediction in zip(lines, expected, strict=True):
        (best, most), *_ = prediction.top(1)
        assert path == prediction.path
        assert (label, float(probability)) == (best, pytest.approx(most, abs=0.02)), path
    assert {label for label, _, _ in lines} == set(CLASSES)


def test_the_exported_file_is_a_model(done, home):
    words = [f"folder={home / 'pictures'}"]
    measured = evaluate(done.files[0], "all", data=words)
    assert measured["metrics"]["accuracy"]["value"] == 1
    assert measured["examples"] == 60
    with pytest.raises(RunError, match="is an exported model"):
        export(done.files[0], Options("litert"), data=words)


def left_over(folder):
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def test_a_wrong_export_is_not_kept(home, tmp_path, monkeypatch):
    def wrong(*arguments):
        raise VerificationError("the exported model is wrong")

    monkeypatch.setattr(export_module, "check_agreement", wrong)
    with pytest.raises(VerificationError) as failure:
        export(
            home / "small.keras",
            Options("onnx", output=tmp_path / "out" / "small.onnx"),
            data=[f"folder={home / 'pictures'}"],
        )
    assert failure.value.exit_code == 1
    assert left_over(tmp_path / "out") == []


def test_a_killed_conversion_leaves_nothing(home, tmp_path, monkeypatch):
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(CnnzooError, match="killed by signal 9") as failure:
        export(
            home / "small.keras", Options("onnx", output=tmp_path / "out" / "a.onnx", verify=False)
        )
    assert "too little memory" in str(failure.value)
    assert left_over(tmp_path / "out") == []


def test_a_terminated_export_leaves_nothing(home, tmp_path, monkeypatch):
    terminating = tmp_path / "terminating"
    terminating.write_text(f"#!/bin/sh\nkill -TERM {os.getpid()}\nsleep 60\n")
    terminating.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(terminating))
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated, match="nothing was written"):
        export(
            home / "small.keras",
            Options("onnx", output=tmp_path / "out" / "a.onnx", verify=False),
        )
    assert signal.getsignal(signal.SIGTERM) == before
    assert left_over(tmp_path / "out") == []


def test_the_files_of_killed_exports_are_removed(home, tmp_path):
    out = tmp_path / "out"
    for name in (".export-killed", ".export-running"):
        (out / name).mkdir(parents=True)
        (out / name / "lock").touch()
        (out / name / "large").write_bytes(b"x")
    (out / ".export-other").mkdir()  # not of cnnzoo: it has no lock
    with FileLock(out / ".export-running" / "lock"), pytest.raises(UserError):
        export(home / "small.keras", Options("onnx", output=out / "a.onnx", web_runtime=out))
    assert sorted(left_over(out)) == [".export-other", ".export-running"]


def test_a_failed_conversion_says_its_last_line(home, tmp_path, monkeypatch):
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho 'ImportError: no such thing' >&2\nexit 3\n")
    failing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(failing))
    with pytest.raises(CnnzooError, match="conversion failed: ImportError: no such thing"):
        export(home / "small.keras", Options("onnx", output=tmp_path / "a.onnx", verify=False))
    assert left_over(tmp_path) == ["failing"]


@pytest.mark.parametrize(
    ("options", "data", "error", "message"),
    [
        (Options("onxx"), (), UserError, "did you mean 'onnx'"),
        (Options("onnx"), (), RunError, "does not name the data to verify the export on"),
        (Options("onnx", "int8", verify=False), (), RunError, "int8 is calibrated on images"),
        (Options("litert"), ("folder=nowhere",), DataError, "nowhere"),
        (Options("litert", web_runtime=Path()), (), UserError, "browsers runs ONNX, not litert"),
        (Options("onnx", web_runtime=Path()), (), UserError, "npm install onnxruntime-web"),
    ],
)
def test_mistakes_are_explained(options, data, error, message, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        export(home / "small.keras", options, data=data)
    assert not left_over(tmp_path)


def test_data_of_the_training_that_are_gone_can_be_replaced(home, tmp_path, monkeypatch):
    def gone(*_):
        raise DataError("folder: photos does not exist", hint="set data.folder")

    monkeypatch.setattr(export_module, "choose_data", gone)
    trained = zoo.directory() / "trained" / "lenet_mnist"
    with pytest.raises(DataError, match="--data mnist5k") as error:
        export(trained, Options("onnx", output=tmp_path / "a.onnx"))
    assert "photos does not exist" in str(error.value)
    assert "data.folder" not in str(error.value)
    with pytest.raises(DataError, match=r"hint: set data\.folder"):
        export(home / "small.keras", Options("onnx"), data=["folder=photos"])


def test_other_suffixes_and_unwritable_places_are_refused(home, tmp_path):
    with pytest.raises(UserError, match=r"a\.pb does not end in \.onnx"):
        export(home / "small.keras", Options("onnx", output=tmp_path / "a.pb"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"a\.onnx cannot be written: File exists"):
        export(home / "small.keras", Options("onnx", output=tmp_path / "file" / "a.onnx"))
