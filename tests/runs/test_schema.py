from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from cnnzoo.errors import RunError
from cnnzoo.evaluation.metrics import measure_predictions
from cnnzoo.runs.schema import Metrics, RunRecord, read_history, read_json

RECORD = {
    "status": "finished",
    "started": "2026-01-01T00:00:00+00:00",
    "class_names": ["a", "b"],
    "best_epoch": 1,
    "seconds": 3,
    "data": {"name": "d", "fingerprint": "f", "examples": {"train": 3}},
    "own": [1],
}


@pytest.fixture(scope="module")
def measured():
    values = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]], np.float32)
    return {"split": "test"} | measure_predictions(
        values, np.array([0, 1, 0], np.int32), ("a", "b")
    )


def changed(plain, keys, value):
    plain = copy.deepcopy(plain)
    inner = plain
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return plain


def test_what_cnnzoo_writes_is_read_as_it_was_written(tmp_path, measured):
    for name, schema, plain in (("r", RunRecord, RECORD), ("m", Metrics, measured)):
        (tmp_path / name).write_text(json.dumps(plain))
        assert read_json(tmp_path / name, schema) == plain


@pytest.mark.parametrize(
    ("keys", "value", "problem"),
    [
        (("status",), ["paused"], 'status is ["paused"]; expected a valid string'),
        (("status",), 0, "status is 0"),
        (("best_epoch",), "1", 'best_epoch is "1"; expected a valid integer'),
        (("best_epoch",), 0, "best_epoch is 0"),
        (("seconds",), [], "seconds is []"),
        (("class_names",), "ab", "class_names"),
        (("class_names",), ["a", 2], "class_names.1 is 2; expected a valid string"),
        (("data",), 3, "data is 3"),
        (("data", "examples"), {"train": "3"}, 'data.examples.train is "3"'),
    ],
)
def test_a_wrong_type_in_a_record_is_named_with_its_key(tmp_path, keys, value, problem):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(changed(RECORD, keys, value)))
    with pytest.raises(RunError) as caught:
        read_json(path, RunRecord)
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "value", "problem"),
    [
        (("metrics", "accuracy", "value"), "high", "metrics.accuracy.value"),
        (("metrics", "accuracy", "low"), None, "metrics.accuracy"),
        (("metrics",), {}, "metrics should have accuracy"),
        (("per_class",), {}, "one row and one column for each class"),
        (("per_class", "a"), {"precision": 1}, "per_class.a.recall is missing"),
        (("confusion",), [[1, 2]], "one row and one column for each class"),
        (("confusion",), {"classes": 2, "cells": [[0, 2, 1]]}, "the classes of per_class"),
        (("confusion",), {"classes": 2, "cells": [[0, 1]]}, "confusion"),
        (("calibration", "bins"), [{}], "calibration.bins.0.low is missing"),
        (("examples",), 0, "examples is 0"),
    ],
)
def test_wrong_metrics_are_named_with_their_key(tmp_path, measured, keys, value, problem):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(changed(measured, keys, value)))
    with pytest.raises(RunError) as caught:
        read_json(path, Metrics, "measure it again")
    assert problem in str(caught.value)
    assert "hint: measure it again" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b'{"status": "fini', b"\xff", b"[" * 100_000, b"{}x"]
)
def test_what_is_not_an_object_of_json_is_refused(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json is damaged"):
        read_json(path, RunRecord)


def test_every_cut_off_file_is_refused(tmp_path, measured):
    path = tmp_path / "metrics.json"
    text = json.dumps(measured)
    for end in range(0, len(text), 97):
        path.write_text(text[:end])
        with pytest.raises(RunError, match="is damaged"):
            read_json(path, Metrics)


def test_a_history_is_read_as_numbers(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n1,0.5\n2,nan\n")
    first, second = read_history(path)
    assert first == {"epoch": 1.0, "loss": 0.5}
    assert np.isnan(second["loss"])
    path.write_text("epoch,loss\n")
    assert read_history(path) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epoch,loss\n1,many\n", "row 1, loss: 'many' is not a number"),
        ("epoch,loss\n1\n", "row 1 has 1 values for 2 columns"),
        ("epoch,loss\n1,0.5\n2,0.2", "its last row is cut off"),
        ("epoch,loss\n1,0.5\n3,0.2\n", "row 2 is of epoch 3"),
        ("loss\n0.5\n", "epoch among them"),
        ("epoch,loss,loss\n1,2,3\n", "epoch among them"),
        ("\x00\xff", "epoch among them"),
    ],
)
def test_a_damaged_history_is_named_with_its_row(tmp_path, text, problem):
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(RunError) as caught:
        read_history(path)
    assert problem in str(caught.value)
