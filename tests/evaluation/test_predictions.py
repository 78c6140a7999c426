from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnzoo.errors import RunError
from cnnzoo.evaluation.predictions import (
    MAX_COLUMNS,
    Predictions,
    read_predictions,
    write_predictions,
)

TEXT = st.text(min_size=1, max_size=8) | st.sampled_from(['a,"b"', "é\r", "p_x", "\n", " ", "'"])
FLOATS = st.floats(0, 1, width=32)


@given(
    st.lists(TEXT.filter(lambda text: "\0" not in text), min_size=2, max_size=5, unique=True),
    st.integers(0, 5),
    st.data(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path, classes, count, data):
    rows = st.lists(FLOATS, min_size=len(classes), max_size=len(classes))
    written = Predictions(
        tuple(data.draw(st.lists(TEXT, min_size=count, max_size=count))),
        np.array([data.draw(st.integers(0, len(classes) - 1)) for _ in range(count)], np.int32),
        np.array([data.draw(rows) for _ in range(count)], np.float32).reshape(-1, len(classes)),
        tuple(classes),
    )
    write_predictions(tmp_path / "p.csv", written)
    read = read_predictions(tmp_path / "p.csv")
    assert (read.names, read.class_names) == (written.names, written.class_names)
    assert read.labels.tolist() == written.labels.tolist()
    assert read.labels.dtype == np.int32
    assert read.probabilities.tobytes() == written.probabilities.tobytes()


def example():
    names = ("a.png", os.fsdecode(b"\xff.png"))
    probabilities = np.array([[0.25, 0.75], [0.6, 0.4]], np.float32)
    return Predictions(names, np.array([0, 0], np.int32), probabilities, ("yes, of course", "no"))


def test_a_row_says_what_was_right_and_what_was_said(tmp_path):
    write_predictions(tmp_path / "p.csv", example())
    assert (tmp_path / "p.csv").read_bytes().splitlines() == [
        b'path,truth,prediction,probability,"p_yes, of course",p_no',
        b'a.png,"yes, of course",no,0.75,0.25,0.75',
        b'\xff.png,"yes, of course","yes, of course",0.6,0.6,0.4',
    ]
    assert read_predictions(tmp_path / "p.csv").names == example().names


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("path,truth", "path,label", "its columns are not"),
        (",p_no", ",p_p", "row 1 has the class 'no', which is not known"),
        ("0.25,0.75", "0.25", "row 1 has 5 fields, not 6"),
        ("0.25,", "much,", "could not convert string to float"),
        ("0.25,", "nan,", "a probability is not a finite number"),
        ("a.png", '"a.png', "damaged"),
    ],
)
def test_damage_is_named(tmp_path, old, new, message):
    path = tmp_path / "p.csv"
    predictions = Predictions(
        ("a.png",), np.array([1], np.int32), np.array([[0.25, 0.75]], np.float32), ("yes", "no")
    )
    write_predictions(path, predictions)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(RunError, match=message):
        read_predictions(path)


def test_an_empty_or_missing_file_is_said(tmp_path):
    with pytest.raises(RunError, match="cannot be read: No such file"):
        read_predictions(tmp_path / "none.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(RunError, match=r"empty\.csv is damaged"):
        read_predictions(tmp_path / "empty.csv")


def test_very_many_classes_are_written_with_the_most_probable_ones(tmp_path):
    classes = MAX_COLUMNS + 100
    rng = np.random.default_rng(0)
    names = tuple(f"k{number}" for number in range(classes))
    labels = rng.integers(0, classes, 30).astype(np.int32)
    values = rng.dirichlet(np.ones(classes), 30).astype(np.float32)
    whole = Predictions(tuple(map(str, range(30))), labels, values, names)
    path = tmp_path / "p.csv"
    write_predictions(path, whole)
    assert path.stat().st_size < 30 * 200
    assert path.read_text().splitlines()[0] == (
        "path,truth,prediction,probability,p_truth,class_2,p_2,class_3,p_3,class_4,p_4,class_5,p_5"
    )
    read = read_predictions(path, names)
    for found in (read, whole.shortened()):
        assert (found.predicted == whole.predicted).all()
        assert (found.confidence == whole.confidence).all()
        assert (found.true_class_probability == whole.true_class_probability).all()
        assert found.probabilities.shape == (30, 6)
    with pytest.raises(RunError, match="is damaged"):
        read_predictions(path)


@pytest.mark.parametrize("end", range(1, 40, 7))
def test_a_file_that_is_cut_off_is_refused(tmp_path, end):
    path = tmp_path / "p.csv"
    write_predictions(path, example())
    path.write_bytes(path.read_bytes()[:-end])
    with pytest.raises(RunError, match="is damaged"):
        read_predictions(path)


def test_a_prediction_that_is_not_the_most_probable_class_is_refused(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(path, example())
    path.write_bytes(path.read_bytes().replace(b",no,0.75", b',"yes, of course",0.75'))
    with pytest.raises(RunError, match="row 1 does not predict its most probable class"):
        read_predictions(path)


def test_a_sparse_file_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "predictions.csv"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(RunError, match="is damaged: it has a line of more than 1,048,576 letters"):
        read_predictions(path)
