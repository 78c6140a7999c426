from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnzoo.errors import RunError
from cnnzoo.evaluation.predictions import Predictions, read_predictions, write_predictions

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
        (",p_no", ",p_p", "row 1 is of the class 'no', which has no column"),
        ("0.25,0.75", "0.25", "row 1 has 5 fields, not 6"),
        ("0.25,", "much,", "could not convert string to float"),
        ("0.25,", "nan,", "a probability is no number"),
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
