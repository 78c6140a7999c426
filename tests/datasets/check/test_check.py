from __future__ import annotations

import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import cnnzoo
from cnnzoo.datasets.check.check import check_data
from cnnzoo.datasets.check.contact_sheet import COLUMNS, MAX_TILES, TILE, contact_sheet
from cnnzoo.datasets.check.diagnosis import Diagnosis, Finding, Offender
from cnnzoo.datasets.check.kinds import KINDS, LABEL_ERROR
from cnnzoo.datasets.load import load_dataset

SHAPE = (32, 32, 3)


def photo(seed: int, width: int = 80, height: int = 60) -> Image.Image:
    """A picture that is like no other: colours that change slowly, with some noise."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray(
        (pixels + rng.integers(-4, 5, pixels.shape)).clip(0, 255).astype("uint8")
    )


def encoded(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


class Folder:
    """A folder of pictures; `put` plants one, and gives back its name."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seed = 0

    def put(self, name: str, content: Image.Image | bytes) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kinds = {".png": "PNG", ".bmp": "BMP", ".gif": "GIF"}
        if isinstance(content, Image.Image):
            content = encoded(content, kinds.get(path.suffix, "JPEG"))
        path.write_bytes(content)
        return name

    def fill(self, folder: str, count: int) -> None:
        """Pictures without a fault."""
        for _ in range(count):
            self.seed += 1
            self.put(f"{folder}/{self.seed:04}.jpg", photo(self.seed))


def config(folder: Folder, **values) -> cnnzoo.DataConfig:
    splits = {"validation": 0.0}
    return cnnzoo.DataConfig.model_validate(
        {"folder": str(folder.root), "splits": splits, **values}
    )


def clean(root: Path) -> Folder:
    folder = Folder(root)
    for name, count in (("cat", 60), ("dog", 40)):
        folder.fill(f"train/{name}", count)
        folder.fill(f"test/{name}", 5)
    return folder


def found(diagnosis) -> dict[str, list[str]]:
    return {f.kind: sorted(o.name for o in f.offenders) for f in diagnosis.findings}


def test_nothing_is_found_where_nothing_is_wrong(tmp_path):
    diagnosis = check_data(config(clean(tmp_path)), image_shape=SHAPE)
    assert diagnosis.findings == ()
    assert not diagnosis.serious
    assert diagnosis.exclusions() == {}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A folder with every kind of fault, and the names of those that are to be found."""
    folder = clean(tmp_path_factory.mktemp("planted"))
    put = folder.put
    jpeg = encoded(photo(1000), quality=95)
    planted = {
        "unreadable": [
            put("train/cat/empty.jpg", b""),
            put("train/cat/truncated.jpg", jpeg[: len(jpeg) // 2]),
            put("train/dog/truncated.png", encoded(photo(1001), "PNG")[:2000]),
            put("train/dog/page.jpg", b"<!DOCTYPE html><title>404 Not Found</title>"),
            put("test/dog/text.png", b"not a picture"),
            put("train/loose.jpg", photo(1002)),
        ],
        "blank": [
            put("train/cat/black.png", Image.new("RGB", (40, 40))),
            put("train/cat/placeholder.gif", Image.new("L", (1, 1), 200)),
            put(
                "train/dog/paper.jpg",
                Image.fromarray(
                    np.random.default_rng(0).integers(250, 254, (40, 40, 3), dtype=np.uint8)
                ),
            ),
        ],
        "duplicate": [
            put("train/cat/9000_same_bytes.jpg", (folder.root / "train/cat/0001.jpg").read_bytes()),
            put("train/cat/9001_other_format.bmp", Image.open(folder.root / "train/cat/0002.jpg")),
            put("train/dog/cat.jpg", (folder.root / "train/cat/0003.jpg").read_bytes()),
            put("train/cat/in_test.jpg", (folder.root / "test/cat/0061.jpg").read_bytes()),
        ],
        "conflict": ["train/dog/cat.jpg", "train/cat/0003.jpg"],
        "leakage": ["train/cat/in_test.jpg"],
        "near_duplicate": [
            put("train/cat/9002_compressed.jpg", encoded(photo(4), quality=30)),
            put("train/cat/9003_smaller.jpg", photo(5).resize((56, 42))),
            put("train/cat/9004_brighter.png", photo(6).point(lambda value: value * 0.8 + 40)),
            put("train/cat/9005_cut.png", photo(7).crop((1, 1, 78, 59))),
            put("train/dog/9006_cat.jpg", encoded(photo(8), quality=60)),
            put("train/dog/9007_in_test.jpg", encoded(photo(106), quality=60)),
        ],
        "near_conflict": ["train/dog/9006_cat.jpg", "train/cat/0008.jpg"],
        "near_leakage": ["train/dog/9007_in_test.jpg"],
        "untrained_class": ["hen"],
        "unmeasured_class": ["newt"],
        "tiny_class": ["newt"],
        "imbalance": ["bird", "newt"],
        "empty_folder": ["train/empty"],
        "extreme_shape": [
            put("train/dog/panorama.jpg", photo(1003, 300, 40)),
            put("train/dog/tower.jpg", photo(1004, 30, 200)),
        ],
        "mixed_colours": [
            put("train/cat/gray.png", photo(1005).convert("L")),
            put("train/cat/gray_as_colour.jpg", photo(1006).convert("L").convert("RGB")),
            put("train/cat/glass.png", transparent(photo(1007))),
            "train/cat/placeholder.gif",
            "train/cat/black.png",
            "train/dog/paper.jpg",
        ],
        "mixed_formats": [
            "train/cat/9001_other_format.bmp",
            "train/cat/9004_brighter.png",
            "train/cat/9005_cut.png",
            "train/cat/black.png",
            "train/cat/glass.png",
            "train/cat/gray.png",
            "train/cat/icon.png",
            "train/cat/placeholder.gif",
        ],
        "enlarged": [put("train/cat/icon.png", photo(1008, 9, 9)), "train/cat/placeholder.gif"],
        "mixed_sizes": [
            "train/cat/placeholder.gif",
            put("train/cat/huge.jpg", photo(1009, 800, 700)),
        ],
        "stray_file": [
            put("train/cat/.DS_Store", b"\0\0\0\1Bud1"),
            put("train/cat/Thumbs.db", b"\xd0\xcf\x11\xe0"),
            put("notes.txt", b"remember the milk"),
        ],
    }
    folder.fill("train/bird", 20)
    folder.fill("test/bird", 5)
    folder.fill("train/newt", 3)
    folder.fill("test/hen", 5)
    (folder.root / "train/empty/deeper").mkdir(parents=True)
    (folder.root / ".git").mkdir()
    return folder, {kind: sorted(names) for kind, names in planted.items()}


def transparent(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


@pytest.fixture(scope="module")
def diagnosis(planted):
    return check_data(config(planted[0]), image_shape=SHAPE)


ELSEWHERE = ("too_alike", LABEL_ERROR)  # kinds with tests of their own


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ELSEWHERE])
def test_what_was_planted_is_found_and_nothing_else(planted, diagnosis, kind):
    assert found(diagnosis).get(kind) == planted[1][kind]


def test_a_finding_says_why(diagnosis):
    reasons = {
        (finding.kind, offender.name): offender.reason
        for finding in diagnosis.findings
        for offender in finding.offenders
    }
    assert reasons["unreadable", "train/cat/empty.jpg"] == "is empty"
    assert "is not an image" in reasons["unreadable", "train/dog/page.jpg"]
    assert reasons["conflict", "train/dog/cat.jpg"] == "dog here, cat there"
    assert reasons["leakage", "train/cat/in_test.jpg"] == "in train, is test/cat/0061.jpg in test"
    assert reasons["imbalance", "bird"].startswith("20 of ")
    assert reasons["mixed_colours", "train/cat/gray_as_colour.jpg"] == "gray stored as colour"
    assert reasons["extreme_shape", "train/dog/panorama.jpg"] == "300x40 pixels"


def test_the_worst_comes_first(diagnosis):
    kinds = [finding.kind for finding in diagnosis.findings]
    assert kinds == [kind for kind in KINDS if kind not in ELSEWHERE]
    assert diagnosis.serious


def test_without_what_is_excluded_nothing_of_it_is_found(planted, diagnosis, tmp_path):
    folder, names = planted
    excluded = diagnosis.exclusions()
    assert set(excluded) == {
        name
        for kind, about in KINDS.items()
        if about.excluded and kind not in ELSEWHERE
        for name in names[kind]
    }
    path = tmp_path / "exclude.csv"
    path.write_text("name\n" + "".join(f"{name}\n" for name in excluded))
    again = check_data(config(folder, exclude=str(path)), image_shape=SHAPE)
    assert not [finding.kind for finding in again.findings if finding.about.excluded]
    # And what stops a training does so no more.
    load_dataset(config(folder, exclude=str(path)), image_shape=SHAPE)


def test_only_some_kinds_can_be_excluded(planted, diagnosis):
    assert sorted(diagnosis.exclusions(["blank"])) == planted[1]["blank"]
    assert sorted(diagnosis.exclusions(["enlarged", "blank"])) == sorted(
        {*planted[1]["blank"], *planted[1]["enlarged"]}
    )


def test_one_gif_among_jpegs_is_mentioned_whatever_its_suffix(tmp_path):
    folder = clean(tmp_path)
    folder.put("train/cat/drawing.jpg", encoded(photo(3000), "GIF"))
    (finding,) = check_data(config(folder), image_shape=SHAPE).findings
    assert finding.kind == "mixed_formats"
    assert finding.message == "110 JPEG, 1 GIF"
    (offender,) = finding.offenders
    assert (offender.name, offender.reason) == ("train/cat/drawing.jpg", "GIF")


def test_classes_and_strangers_are_no_exclusions(diagnosis):
    assert diagnosis.exclusions(["imbalance", "tiny_class", "stray_file", "empty_folder"]) == {}


def test_what_is_too_alike_is_said(tmp_path, monkeypatch):
    folder = clean(tmp_path)
    folder.put("train/cat/copy.jpg", photo(1))
    monkeypatch.setattr("cnnzoo.datasets.check.duplicates._MIN_PAIRS", -1)
    monkeypatch.setattr("cnnzoo.datasets.check.duplicates._PAIRS_EACH", -1)
    folder.put("train/cat/near.jpg", encoded(photo(2), quality=40))
    diagnosis = check_data(config(folder), image_shape=SHAPE)
    assert found(diagnosis) == {"too_alike": [], "duplicate": ["train/cat/copy.jpg"]}


def test_a_training_finds_the_pictures_decoded(planted, diagnosis):
    told = []
    values = config(planted[0], on_error="skip")
    load_dataset(values, image_shape=SHAPE, on_progress=lambda done, total: told.append(done))
    assert not told


def test_a_contact_sheet_shows_the_offenders_and_is_bounded(tmp_path):
    folder = clean(tmp_path)
    for number in range(5 * MAX_TILES):
        folder.put(f"train/cat/blank{number}.jpg", Image.new("RGB", (40, 40), (number, 60, 0)))
    folder.put("train/cat/Müller [1] 猫.jpg", b"")
    diagnosis = check_data(config(folder), image_shape=SHAPE)
    sheet = contact_sheet(diagnosis)
    rows = MAX_TILES // COLUMNS + 1  # of the blank ones, and one of what cannot be read
    assert [finding.kind for finding in diagnosis.findings] == ["unreadable", "blank", "imbalance"]
    assert rows * TILE < sheet.height < 2 * rows * TILE
    assert sheet.width < (COLUMNS + 1) * TILE
    assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > MAX_TILES


def test_a_contact_sheet_writes_a_name_on_one_line(tmp_path, monkeypatch):
    folder = clean(tmp_path)
    folder.put("train/cat/a\nb.jpg", b"")
    diagnosis = check_data(config(folder), image_shape=SHAPE)
    written = []
    monkeypatch.setattr(
        ImageDraw.ImageDraw, "text", lambda self, at, text, *_: written.append(text)
    )
    contact_sheet(diagnosis)
    assert any(text.endswith(r"a\nb.jpg") for text in written)
    assert not any("\n" in text for text in written)


@pytest.mark.parametrize(
    ("given", "suggested", "line"),
    [
        ("3", "8", "3 -> 8"),
        ("cat", "tabby cat", "cat -> tabby cat"),
        ("automobile", "truck", "automob -> truck"),
        ("automobile", "submarine", "automo -> submar"),
        ("cat", "submarine ship", "cat -> submarine"),
    ],
)
def test_a_contact_sheet_shows_the_suggested_label(tmp_path, monkeypatch, given, suggested, line):
    drawn = []
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda self, at, text, *_: drawn.append(text))
    folder = Folder(tmp_path)
    for name in (given, suggested):
        folder.fill(name, 2)
    diagnosis = check_data(config(folder), image_shape=SHAPE)
    index = diagnosis.pictures.labels.tolist().index(diagnosis.pictures.class_names.index(given))
    offender = Offender("x", "", index, suggested=suggested)
    contact_sheet(Diagnosis("x", diagnosis.pictures, (Finding(LABEL_ERROR, 1, "", (offender,)),)))
    assert drawn[-1] == line


def test_a_contact_sheet_of_nothing_says_so(tmp_path):
    diagnosis = check_data(config(clean(tmp_path)), image_shape=SHAPE)
    assert np.asarray(contact_sheet(diagnosis)).min() == 0


def test_arrays_are_checked_too(tmp_path):
    pictures = np.stack([np.asarray(photo(seed, 32, 32)) for seed in range(100)])
    pictures[1] = pictures[0]
    pictures[2] = 17
    pictures[3] = pictures[3].mean(axis=-1, keepdims=True)
    labels = np.arange(100) % 2
    path = tmp_path / "data.npz"
    np.savez(path, images=pictures, labels=labels)
    values = cnnzoo.DataConfig.model_validate({"arrays": str(path)})
    diagnosis = check_data(values, image_shape=SHAPE)
    counts = {finding.kind: finding.count for finding in diagnosis.findings}
    counts.pop("leakage", None)  # depends on the splits
    assert counts == {"conflict": 2, "blank": 1, "duplicate": 1, "mixed_colours": 2}


def test_a_table_of_paths_is_checked_like_a_folder(tmp_path):
    folder = Folder(tmp_path)
    folder.fill("pictures", 60)
    folder.put("pictures/long.jpg", photo(2000, 300, 40))
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    rows = [f"pictures/{name},{'ab'[number % 2]}\n" for number, name in enumerate(names)]
    (tmp_path / "table.csv").write_text("path,label\n" + "".join(rows))
    values = cnnzoo.DataConfig.model_validate({"csv": str(tmp_path / "table.csv")})
    diagnosis = check_data(values, image_shape=SHAPE)
    assert found(diagnosis)["extreme_shape"] == ["pictures/long.jpg"]


@pytest.mark.parametrize(("name", "shape"), [("digits", (8, 8, 1)), ("cartoon_faces", (32, 32, 3))])
def test_a_clean_sample_is_called_clean(name, shape):
    values = cnnzoo.DataConfig.model_validate({"name": name})
    diagnosis = check_data(values, image_shape=shape)
    kinds = {finding.kind: finding.count for finding in diagnosis.findings}
    assert kinds.pop("near_duplicate", 0) <= 5
    assert not kinds.keys() - {"near_leakage"}


def real(name: str) -> Path:
    root = os.environ.get("CNNZOO_TEST_DATA")
    if not root:
        pytest.skip("CNNZOO_TEST_DATA names no folder with real data")
    return Path(root) / name


def test_fer2013_is_as_it_is_known_to_be():
    values = cnnzoo.DataConfig.model_validate({"folder": str(real("fer2013"))})
    diagnosis = check_data(values, image_shape=(48, 48, 1))
    counts = Counter({finding.kind: finding.count for finding in diagnosis.findings})
    assert counts["blank"] == 13
    assert counts["duplicate"] == 1521
    assert 600 < counts["near_duplicate"] < 1000
    assert counts["conflict"] == 117
    assert counts["leakage"] > 200
    assert found(diagnosis)["imbalance"] == ["disgust"]
    assert not counts.keys() & {"unreadable", "mixed_colours", "mixed_sizes", "stray_file"}


def test_gender_faces_are_as_they_are_known_to_be():
    values = cnnzoo.DataConfig.model_validate({"folder": str(real("gender_faces"))})
    diagnosis = check_data(values, image_shape=(100, 100, 1))
    counts = Counter({finding.kind: finding.count for finding in diagnosis.findings})
    assert counts["duplicate"] == 3
    assert 6 <= counts["near_duplicate"] <= 10
    assert counts["mixed_colours"] == 64
    assert counts["mixed_sizes"] > 1000
    assert counts["enlarged"] == 5
    assert not counts.keys() & {"unreadable", "blank", "imbalance", "stray_file"}
