from __future__ import annotations

import json

import numpy as np
import pytest

from cnnzoo.datasets.check.diagnosis import Diagnosis, Finding
from cnnzoo.datasets.check.pictures import Pictures
from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.errors import RunError, UserError
from cnnzoo.evaluation.label_check import check_labels
from cnnzoo.evaluation.predictions import MAX_COLUMNS, Predictions, write_predictions

COUNT = 20
WRONG = 7


def diagnosis(classes=("cat", "dog"), labels=None) -> Diagnosis:
    """Pictures of which every second one is a dog; number WRONG is a cat with the label dog."""
    labels = np.arange(COUNT) % 2 if labels is None else labels
    images = np.zeros((COUNT, 4, 4, 1), np.uint8)
    names = tuple(f"{number:02}.png" for number in range(COUNT))
    sizes = {"train": slice(0, 12), "validation": slice(12, 12), "test": slice(12, None)}
    splits = {
        split: Examples(images[rows], labels[rows].astype(np.int32), names[rows])
        for split, rows in sizes.items()
    }
    pictures = Pictures(Dataset("pets", classes, splits, "", {}))
    return Diagnosis("pets", pictures, (Finding("blank", 0, "", ()),))


def predictions(classes=("cat", "dog"), rows=range(COUNT), sure=0.9) -> Predictions:
    """Out-of-fold predictions that are right, except for the label of number WRONG."""
    rows = np.array(rows)
    probabilities = np.full((len(rows), len(classes)), (1 - sure) / (len(classes) - 1), np.float32)
    truth = np.where(rows == WRONG, 0, rows % 2)
    columns = np.array([classes.index(name) for name in ("cat", "dog")])
    probabilities[np.arange(len(rows)), columns[truth]] = sure
    labels = columns[rows % 2].astype(np.int32)
    return Predictions(tuple(f"{row:02}.png" for row in rows), labels, probabilities, classes)


def check(path, written: Predictions, checked: Diagnosis | None = None):
    """Returns the items that are found, the finding, and the notes."""
    notes: list[str] = []
    write_predictions(path, written)
    found = check_labels(checked or diagnosis(), path, notes.append)
    finding = next((each for each in found.findings if each.kind == "label_error"), None)
    return [each.name for each in finding.offenders] if finding else [], finding, notes


@pytest.fixture
def path(tmp_path):
    return tmp_path / "predictions.csv"


def test_a_wrong_label_is_found_with_the_suggested_one(path):
    names, finding, notes = check(path, predictions())
    assert (names, notes) == ([f"{WRONG:02}.png"], [])
    (offender,) = finding.offenders
    assert (offender.index, offender.suggested) == (WRONG, "cat")
    assert offender.reason == (
        "labelled dog, predicted cat with probability 0.90, and 0.10 for dog"
    )
    assert finding.message == (
        "predictions contradict the label; they estimate that 5.0 % of 20 labels are wrong"
    )
    found = check_labels(diagnosis(), path.parent, notes.append)  # a directory
    assert [each.kind for each in found.findings] == ["label_error", "blank"]
    (item,) = found.plain()["findings"][0]["items"]
    assert (item["class"], item["suggested"]) == ("dog", "cat")
    assert list(found.exclusions()) == names
    assert diagnosis().exclusions() == {}


def test_right_labels_are_not_found(path):
    labels = np.arange(COUNT) % 2
    labels[WRONG] = 0
    names, _, notes = check(path, predictions(), diagnosis(labels=labels))
    assert names == []
    assert notes == ["1 label changed since the predictions; those of the data are used"]


def test_classes_are_matched_by_name_and_rows_in_any_order(path):
    rows = np.random.default_rng(0).permutation(COUNT)
    assert check(path, predictions(("dog", "cat"), rows))[0] == [f"{WRONG:02}.png"]


def test_what_does_not_fit_is_noted(path):
    names, _, notes = check(path, predictions(rows=range(4, 30)))
    assert names == [f"{WRONG:02}.png"]
    assert notes == [
        "10 of 26 predictions are of images that pets does not have, and are not used",
        "4 of 20 images have no prediction, so that their labels are not checked",
    ]


def test_a_network_that_is_too_weak_is_noted(path):
    written = predictions()
    for row in range(0, COUNT, 3):
        written.probabilities[row] = written.probabilities[row, ::-1].copy()
    _, finding, notes = check(path, written)
    assert finding.count > COUNT / 4
    assert notes == [
        "the predictions agree with 60 % of the labels only; if most labels are right, the network "
        "is too weak to judge them, and needs a better training"
    ]


def test_several_predictions_of_an_image_are_averaged(path):
    one, two = predictions(sure=0.9), predictions(sure=0.7)
    both = Predictions(
        one.names + two.names,
        np.concatenate([one.labels, two.labels]),
        np.concatenate([one.probabilities, two.probabilities]),
        one.class_names,
    )
    names, finding, notes = check(path, both)
    assert names == [f"{WRONG:02}.png"]
    assert "cat with probability 0.80, and 0.20 for dog" in finding.offenders[0].reason
    assert notes == ["several predictions of one image, at most 2, are averaged"]


def test_one_file_in_several_rows_of_a_table_has_the_predictions_of_its_name(path):
    checked = diagnosis()
    labels = checked.pictures.labels
    checked.pictures.names = (*checked.pictures.names[:-1], "06.png")  # now a cat and a dog
    rows = [*range(COUNT - 1), 6]
    written = predictions(rows=rows)
    names, finding, _ = check(path, written, checked)
    assert sorted(names) == ["06.png", f"{WRONG:02}.png"]
    assert sorted(each.index for each in finding.offenders) == [WRONG, COUNT - 1]
    assert labels[COUNT - 1] == 1


def test_shortened_predictions_of_many_classes_are_used(path):
    classes = (*(f"bird {number}" for number in range(MAX_COLUMNS)), "cat", "dog")
    labels = MAX_COLUMNS + np.arange(COUNT) % 2
    names, finding, notes = check(path, predictions(classes), diagnosis(classes, labels))
    assert names == [f"{WRONG:02}.png"]
    assert finding.offenders[0].suggested == "cat"
    assert notes == [
        f"{path} has the 5 most probable of more than 200 classes; the others count as "
        "probability 0"
    ]


@pytest.mark.parametrize(
    ("split", "data", "noted"),
    [
        ("-train", {"in_training": 12}, True),
        ("", {"in_training": 0}, False),
        ("", {}, False),
        ("", {"in_training": 12}, True),
    ],
)
def test_predictions_of_training_images_are_noted(tmp_path, split, data, noted):
    (tmp_path / f"metrics{split}.json").write_text(json.dumps({"data": data, "folds": []}))
    names, _, notes = check(tmp_path / f"predictions{split}.csv", predictions())
    assert names == [f"{WRONG:02}.png"]
    assert notes == noted * [
        "the network was trained on 12 of the 20 predicted images, and repeats their wrong "
        "labels, so that few are found; predict out of fold: make them with cnnzoo crossval and "
        "the same data"
    ]


@pytest.mark.parametrize(
    ("written", "checked", "message"),
    [
        (
            predictions(),
            diagnosis(("cat", "hound")),
            "has predictions of other classes than pets: only one of them has dog, hound",
        ),
        (
            predictions(("cat", "dog", "cow")),
            diagnosis(),
            "has predictions of other classes than pets: only one of them has cow",
        ),
        (
            predictions(rows=range(40, 50)),
            diagnosis(),
            "has predictions of other images: pets has none of its 10 names, such as '40.png'",
        ),
        (
            predictions(),
            diagnosis(labels=np.arange(COUNT) // 2 % 2),
            "has other labels for 10 of 20 images, so it is not of these data",
        ),
        (predictions(rows=np.zeros(0, int)), diagnosis(), "has no predictions"),
        (
            predictions((*map(str, range(MAX_COLUMNS)), "cat", "dog")),
            diagnosis(),
            "is damaged: it has only the most probable of more than 200 classes",
        ),
        (
            Predictions(
                ("00.png",), np.zeros(1, np.int32), np.array([[3, 9]], "f4"), ("cat", "dog")
            ),
            diagnosis(),
            "no class probabilities",
        ),
    ],
)
def test_predictions_of_something_else_are_refused(path, written, checked, message):
    with pytest.raises(UserError) as raised:
        check(path, written, checked)
    assert message in str(raised.value)
    assert raised.value.mistakes[0].hint


def test_another_file_is_refused_and_cross_validation_recommended(tmp_path):
    path = tmp_path / "pets.yaml"
    path.write_text("name: pets\n")
    with pytest.raises(RunError, match=r"pets.yaml is damaged") as raised:
        check_labels(diagnosis(), path, print)
    assert "cnnzoo crossval" in (raised.value.mistakes[0].hint or "")


def test_a_directory_without_predictions_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"has no predictions\.csv"):
        check_labels(diagnosis(), tmp_path, print)
