from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnnzoo.errors import RunError
from cnnzoo.exporting.record import read_records, record_path, record_text
from cnnzoo.runs.run import Run


def test_the_records_of_a_run_are_read_in_order(tmp_path):
    run = Run(tmp_path)
    assert list(read_records(run)) == []
    (tmp_path / "exports").mkdir()
    for name in ("b.tflite", "a.onnx"):
        record = {"format": name, "contract": {"precision": "int8"}, "bytes": 1}
        record_path(tmp_path / "exports" / name).write_text(record_text(record))
    assert [record["format"] for record in read_records(run)] == ["a.onnx", "b.tflite"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000])
def test_a_damaged_record_is_named(text, tmp_path):
    (tmp_path / "exports").mkdir()
    record_path(tmp_path / "exports" / "a.onnx").write_text(text)
    with pytest.raises(RunError, match=r"a\.onnx\.json is damaged"):
        list(read_records(Run(tmp_path)))


def test_the_record_is_next_to_the_model():
    assert record_path(Path("x/a.onnx")) == Path("x/a.onnx.json")


def test_a_record_that_is_not_a_regular_file_is_not_read(tmp_path):
    (tmp_path / "exports").mkdir()
    os.mkfifo(record_path(tmp_path / "exports" / "a.onnx"))
    with pytest.raises(RunError, match="is not a regular file"):
        list(read_records(Run(tmp_path)))
