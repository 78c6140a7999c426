from __future__ import annotations

import sys

import pytest

from cnnzoo.errors import UserError
from cnnzoo.extras import require


def test_a_module_that_is_there_is_given():
    assert require("json.decoder", "report") is sys.modules["json.decoder"]


def test_a_missing_package_is_named_with_what_installs_it():
    with pytest.raises(UserError) as raised:
        require("no_such_package.figure", "report")
    assert "no_such_package, which is not installed" in str(raised.value)
    assert "pip install 'cnnzoo[report]'" in str(raised.value)


def test_a_package_that_is_damaged_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import not_there_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        require("half_there", "report")


def test_a_setting_that_asks_for_it_can_be_left():
    with pytest.raises(UserError, match=r"training\.mlflow needs no_such_package") as raised:
        require("no_such_package", "mlflow", "training.mlflow")
    assert "training.mlflow=false" in str(raised.value)
