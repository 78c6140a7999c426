from __future__ import annotations

import json

import pytest
from exported_models import contract

from cnnzoo.errors import CnnzooError, RunError
from cnnzoo.models.runtimes.contract import MAX_BYTES, read_contract


def test_a_contract_is_read_back():
    resize = {"method": "crop", "interpolation": "nearest"}
    written = contract(precision="int8", resize=resize, pixel_range=(0.0, 4095.0))
    assert written.text().isascii()
    assert read_contract(written.text(), "x.onnx") == written
    assert read_contract(written.text().encode(), "x.onnx") == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "x.onnx does not name its classes"),
        (b"\xff", "x.onnx is damaged: its metadata are not JSON"),
        ("[" * 100_000, "its metadata are not JSON"),
        ("[]", "x.onnx is damaged"),
        ("{}", "x.onnx is damaged"),
        (" " * (MAX_BYTES + 1), "larger than 1 MiB"),
        ('{"version": 2}', "exported by a newer cnnzoo"),
    ],
)
def test_text_that_is_no_contract_is_refused(text, message):
    with pytest.raises(RunError, match=message):
        read_contract(text, "x.onnx")


@pytest.mark.parametrize(
    "change",
    [
        {"class_names": ["a", "a", "b"]},
        {"class_names": ["a"]},
        {"class_names": [""] * 3},
        {"input_shape": [8, 8, 2]},
        {"input_shape": [0, 8, 1]},
        {"input_shape": [100_000, 100_000, 3]},
        {"input_shape": [8, 8]},
        {"precision": "float8"},
        {"resize": {"method": "melt"}},
        {"code": "print()"},
        {"version": "1"},
    ],
)
def test_every_value_of_a_contract_is_validated(change):
    values = contract().plain() | change
    with pytest.raises(CnnzooError, match="damaged"):
        read_contract(json.dumps(values), "x.onnx")
