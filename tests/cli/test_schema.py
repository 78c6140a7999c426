from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnzoo.cli import cli
from cnnzoo.config.data_names import NAMES
from cnnzoo.errors import UserError


def test_it_prints_the_schema() -> None:
    printed = CliRunner().invoke(cli, ["schema"], catch_exceptions=False).output
    schema = json.loads(printed)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    data_names = schema["$defs"]["DataConfig"]["anyOf"][1]["anyOf"][0]["enum"]
    assert data_names == list(NAMES)


def test_it_writes_the_schema_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "editor" / "schema.json"
    result = CliRunner().invoke(cli, ["schema", "--output", str(file)], catch_exceptions=False)
    assert result.output == f"written to {file}\n"
    assert file.read_text("utf-8") == CliRunner().invoke(cli, ["schema"]).output


def test_a_file_that_cannot_be_written_is_a_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        CliRunner().invoke(
            cli, ["schema", "--output", str(tmp_path / "file" / "x.json")], catch_exceptions=False
        )
