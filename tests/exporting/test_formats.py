from __future__ import annotations

import pytest

from cnnzoo.errors import UserError
from cnnzoo.exporting import formats
from cnnzoo.exporting.formats import FORMATS, find_format


def test_each_format_is_found():
    for name, each in FORMATS.items():
        assert find_format(name, each.precisions[-1]) is each


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("onxx", "float32"), "unknown format 'onxx'; did you mean 'onnx'"),
        (("onnx", "int9"), "no precision 'int9'; did you mean 'int8'"),
        (("openvino", "int8"), "int8 needs --format onnx or litert"),
        (("litert", "float32", 15), "an opset belongs to ONNX, not to litert"),
    ],
)
def test_other_words_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        find_format(*arguments)


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx", None)
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "tf2onnx" else name)
    with pytest.raises(UserError, match=r"pip install 'cnnzoo\[onnx\]'"):
        find_format("onnx", "float32")
