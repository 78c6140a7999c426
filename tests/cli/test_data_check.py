from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from conftest import loaded_modules
from PIL import Image

from cnnzoo.datasets.check.kinds import KINDS
from cnnzoo.evaluation.predictions import Predictions, write_predictions


def put(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((48, 48), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def photos(tmp_path):
    """A folder with nothing serious: 60 pictures and one blank one."""
    for number in range(60):
        put(tmp_path / f"photos/{'ab'[number % 2]}/{number:02}.png", number)
    Image.new("RGB", (48, 48), (0, 0, 40)).save(tmp_path / "photos/a/night [1].png")
    return tmp_path / "photos"


@pytest.fixture
def broken(photos):
    """The same with what is serious."""
    (photos / "b/page.jpg").write_text("<html>")
    (photos / "b/copy.png").write_bytes((photos / "a/00.png").read_bytes())
    return photos


def test_a_table_says_what_is_wrong_and_what_to_do(in_process, photos):
    code, out, err = in_process("data", "check", "lenet", "data.folder=photos")
    assert code == 0
    assert "warning   blank" in out
    assert "a/night [1].png: pixels differ by 0.0 of 255" in out
    assert "→ exclude them" in out
    assert out.splitlines()[-1] == (
        "photos at 28x28x1: 42 train, 5 validation, 14 test in 2 classes; 1 warning"
    )
    assert err == ""


def test_what_is_serious_has_an_exit_code(in_process, broken):
    code, out, _ = in_process("data", "check", "lenet", "data.folder=photos")
    assert code == 1
    assert "b/page.jpg: is not an image in a known format, but a web page or SVG" in out
    assert "a here, b there" in out


def test_a_folder_is_enough(in_process, photos):
    code, out, _ = in_process("data", "check", "photos/")
    assert code == 0
    assert "photos at 64x64x3" in out
    assert in_process("data", "check", "photos", "data.limit=20")[1].count("blank") <= 1


def test_a_name_of_the_zoo_is_no_folder(in_process, tmp_path):
    (tmp_path / "lenet").mkdir()
    _, out, _ = in_process("data", "check", "lenet", "data=digits")
    assert "digits at 28x28x1" in out


def test_json_names_every_item(in_process, broken):
    code, out, _ = in_process("data", "check", "photos", "--format", "json")
    report = json.loads(out)
    assert code == 1
    assert report["data"] == "photos"
    assert report["image_shape"] == [64, 64, 3]
    assert sum(sum(split.values()) for split in report["examples"].values()) == 62
    by_kind = {finding["kind"]: finding for finding in report["findings"]}
    assert by_kind["unreadable"] == {
        "kind": "unreadable",
        "level": "error",
        "count": 1,
        "message": "cannot be used as an image",
        "advice": KINDS["unreadable"].advice,
        "items": [
            {
                "name": "b/page.jpg",
                "reason": "is not an image in a known format, but a web page or SVG",
            }
        ],
    }
    (copy,) = by_kind["duplicate"]["items"]
    assert {copy["name"], copy["copy_of"]} == {"a/00.png", "b/copy.png"}
    assert copy["class"] == copy["name"][0]
    assert copy["split"] in report["examples"]


def test_what_is_written_can_be_excluded(in_process, broken):
    code, _, err = in_process(
        "data", "check", "photos", "--write-exclusions", "out/exclude.csv",
        "--contact-sheet", "out/found.png",
    )  # fmt: skip
    assert code == 1
    assert "data.exclude=out/exclude.csv" in err
    with open("out/exclude.csv", encoding="utf-8", newline="") as file:  # noqa: PTH123
        rows = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert rows == {
        "b/page.jpg": "unreadable: is not an image in a known format, but a web page or SVG",
        "a/00.png": "conflict: a here, b there",
        "b/copy.png": "conflict: b here, a there",
        "a/night [1].png": "blank: pixels differ by 0.0 of 255",
    }
    with Image.open("out/found.png") as sheet:
        assert sheet.format == "PNG"
    code, out, _ = in_process("data", "check", "photos", "data.exclude=out/exclude.csv")
    assert code == 0
    assert out.endswith("no problems\n")


def test_only_one_kind_can_be_written(in_process, broken):
    in_process("data", "check", "photos", "--write-exclusions", "x.csv", "--kind", "blank")
    with open("x.csv", encoding="utf-8", newline="") as file:  # noqa: PTH123
        assert [row["name"] for row in csv.DictReader(file)] == ["a/night [1].png"]


def put_stripes(path, vertical, seed):
    """A picture of stripes with noise."""
    rng = np.random.default_rng(seed)
    stripes = np.arange(24) // 4 % 2 * rng.integers(60, 150) + rng.integers(20, 80)
    pixels = np.tile(stripes, (24, 1)) + rng.normal(0, 20, (24, 24))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((pixels if vertical else pixels.T).clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def stripes(tmp_path):
    """A folder of 80 pictures, of which four are in the wrong one of two classes."""
    for number in range(80):
        vertical = number % 2 == 1
        label = vertical != (number in (3, 14, 20, 41))
        put_stripes(tmp_path / f"stripes/{'ab'[label]}/{number:02}.png", vertical, number)
    return [f"a/{number}.png" for number in ("03", "41")] + ["b/14.png", "b/20.png"]


def predict_out_of_fold(folder, path):
    """Predict the class of the nearest mean picture of the other folds."""
    files = sorted(folder.rglob("*.png"))
    pixels = np.array([np.asarray(Image.open(file), np.float32).ravel() / 255 for file in files])
    labels = np.array([file.parent.name == "b" for file in files]).astype(np.int32)
    folds = np.random.default_rng(0).permutation(len(files)) % 5
    scores = np.zeros((len(files), 2))
    for fold in range(5):
        for label in (0, 1):
            mean = pixels[(folds != fold) & (labels == label)].mean(axis=0)
            scores[folds == fold, label] = -((pixels[folds == fold] - mean) ** 2).mean(axis=1)
    scores = np.exp(50 * (scores - scores.max(axis=1, keepdims=True)))
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    names = tuple(str(file.relative_to(folder)) for file in files)
    write_predictions(path, Predictions(names, labels, probabilities, ("a", "b")))


def test_wrong_labels_are_found_drawn_and_excluded(in_process, tmp_path, stripes):
    predict_out_of_fold(tmp_path / "stripes", tmp_path / "predictions.csv")
    words = ("data", "check", "lenet", "data.folder=stripes")
    code, out, err = in_process(*words, "--predictions", "predictions.csv")
    assert (code, err) == (0, "")
    assert "label error" in out
    assert ": labelled a, predicted b with probability" in out
    assert "→ look at them; correct wrong labels, or exclude them" in out
    _, out, _ = in_process(
        *words, "--predictions", ".", "--format", "json",
        "--contact-sheet", "found.png", "--write-exclusions", "x.csv",
    )  # fmt: skip
    (finding,) = json.loads(out)["findings"]
    assert sorted(item["name"] for item in finding["items"]) == stripes
    assert all(item["suggested"] == "ab"[item["class"] == "a"] for item in finding["items"])
    with open("x.csv", encoding="utf-8", newline="") as file:  # noqa: PTH123
        rows = list(csv.DictReader(file))
    assert sorted(row["name"] for row in rows) == stripes
    assert rows[0]["reason"].startswith("label_error: labelled ")
    with Image.open("found.png") as sheet:
        assert sheet.height > 100
    _, out, err = in_process(*words, "data.exclude=x.csv", "--predictions", "predictions.csv")
    assert out.endswith("no problems\n")
    assert "4 of 80 predictions are of images that stripes does not have" in err


def test_labels_are_only_judged_by_predictions(in_process, stripes):
    code, out, _ = in_process("data", "check", "lenet", "data.folder=stripes")
    assert out.endswith("no problems\n")
    words = ("--write-exclusions", "x.csv", "--kind", "label_error")
    code, _, err = in_process("data", "check", "lenet", "data.folder=stripes", *words)
    assert code == 2
    assert "--kind label_error needs --predictions" in err


def test_names_that_are_no_text_are_printed_and_excluded(in_process, photos):
    odd = "a/odd\udcff\x1b[31m.jpg"
    try:
        (photos / odd).write_bytes(b"")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such name")
    _, out, _ = in_process("data", "check", "photos", "--write-exclusions", "x.csv")
    assert "a/odd\\udcff\\x1b[31m.jpg: is empty" in out
    code, out, _ = in_process("data", "check", "photos", "data.exclude=x.csv")
    assert (code, out[-12:]) == (0, "no problems\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "no configuration 'nowhere'"),
        (["resnet50", "data.folder=nowhere"], "nowhere"),
        (["photos", "--kind", "blnk"], "'blnk' is not one of 'unreadable', 'conflict'"),
        (["photos", "--write-exclusions", "photos/a/00.png/x.csv"], "cannot be written"),
        (["photos", "--predictions", "nowhere"], "'nowhere' does not exist"),
        (["photos", "--predictions", "photos"], "photos has no predictions.csv"),
        (["photos", "--predictions", "photos/a/00.png"], "photos/a/00.png is damaged"),
        (["photos", "--contact-sheet", "photos/a/00.png/x.png"], "cannot be written"),
    ],
)
def test_a_mistake_of_the_user_is_no_finding(in_process, photos, words, message):
    code, _, err = in_process("data", "check", *words)
    assert code == 2
    assert message in err


def test_a_configuration_without_data_has_none_to_check(in_process, tmp_path, tiny):
    tiny.write_text(tiny.read_text().replace("data: digits\n", ""))
    code, _, err = in_process("data", "check", "tiny.yaml")
    assert code == 2
    assert "tiny has no data to check" in err


def test_help_loads_nothing_heavy():
    heavy = ("numpy", "PIL", "imagehash", "keras", "rich")
    assert loaded_modules("import cnnzoo.cli.data_check", heavy) == []
