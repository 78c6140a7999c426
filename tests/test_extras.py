from __future__ import annotations

import re
import sys
import tomllib
from itertools import chain
from pathlib import Path

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


def test_every_extra_that_a_message_or_another_extra_names_exists():
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    nested = re.findall(r"cnnzoo\[([\w,]+)\]", "\n".join(chain.from_iterable(extras.values())))
    source = "\n".join(path.read_text() for path in (root / "cnnzoo").rglob("*.py"))
    required = re.findall(r"require\(\s*[\w.\"]+,\s*\"(\w+)\"", source)
    documents = "\n".join((root / name).read_text() for name in ("README.md", "CONTRIBUTING.md"))
    installed = re.findall(r"cnnzoo\[([\w,]+)\]", documents)
    named = {extra for names in [*nested, *installed] for extra in names.split(",")} | set(required)
    assert len(named) > 8
    assert named <= set(extras)
