from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnzoo.cli import cli
from cnnzoo.errors import UserError


def eject(*words: str) -> str:
    return CliRunner().invoke(cli, ["eject", *words], catch_exceptions=False).output


def test_it_prints_python_with_the_overrides_in_it() -> None:
    script = eject("lenet", "training.epochs=3", "model.layers.1.Conv2D.filters=9")
    compile(script, "script.py", "exec")
    assert "\nEPOCHS = 3\n" in script
    assert "layers.Conv2D(9, 5, " in script


def test_it_writes_a_file_and_overwrites_none(tmp_path: Path) -> None:
    file = tmp_path / "scripts" / "lenet.py"
    assert eject("lenet", "--output", str(file)) == f"written to {file}\n"
    assert file.read_text("utf-8") == eject("lenet")
    with pytest.raises(UserError, match="already exists"):
        eject("lenet", "--output", str(file))
