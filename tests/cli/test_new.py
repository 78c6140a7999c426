from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from cnnzoo.cli import cli
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config
from cnnzoo.config.reader import read_yaml_file
from cnnzoo.errors import UserError

MODELINE = "# yaml-language-server: $schema="


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def new(*words: str) -> Result:
    return CliRunner().invoke(cli, ["new", *words], catch_exceptions=False)


@pytest.mark.parametrize("name", zoo.names())
def test_a_copy_is_the_same_configuration_under_its_own_name(name: str) -> None:
    new("mine.yaml", "--from", name)
    mine, original = load_config("mine.yaml"), load_config(name)
    assert mine.name == "mine"
    assert mine.model.plain() == original.model.plain()
    assert mine.training.plain() == original.training.plain()


@pytest.mark.parametrize("name", zoo.names())
def test_every_comment_stays(name: str) -> None:
    new("mine.yaml", "--from", name)
    lines = (zoo.directory() / f"{name}.yaml").read_text("utf-8").splitlines()
    copied = Path("mine.yaml").read_text("utf-8").splitlines()
    assert [line for line in copied[1:] if "#" in line] == [line for line in lines if "#" in line]


def test_its_first_line_leads_an_editor_to_a_schema_that_it_fits() -> None:
    result = new("nets/mine.yaml")
    file = Path("nets/mine.yaml")
    line = file.read_text("utf-8").splitlines()[0]
    assert line.startswith(MODELINE)
    schema_file = file.parent / line.removeprefix(MODELINE)
    jsonschema.validate(read_yaml_file(file), json.loads(schema_file.read_text("utf-8")))
    assert str(file) in result.output
    assert str(schema_file) in result.output


def test_a_copy_of_a_copy_has_the_line_once() -> None:
    new("one.yaml")
    new("two.yaml", "--from", "one.yaml")
    assert Path("two.yaml").read_text("utf-8").count(MODELINE) == 1
    assert load_config("two.yaml").name == "two"


def test_a_file_without_a_suffix_gets_one() -> None:
    new("mine")
    assert Path("mine.yaml").is_file()


def test_an_existing_file_is_only_overwritten_with_force() -> None:
    Path("mine.yaml").write_text("precious\n", "utf-8")
    with pytest.raises(UserError, match=r"mine\.yaml already exists") as caught:
        new("mine.yaml")
    assert caught.value.exit_code == 2
    assert caught.value.mistakes[0].hint
    assert Path("mine.yaml").read_text("utf-8") == "precious\n"
    new("mine.yaml", "--force")
    assert "name: mine" in Path("mine.yaml").read_text("utf-8")


def test_an_unknown_source_is_answered_with_near_names() -> None:
    with pytest.raises(UserError, match="lent") as caught:
        new("mine.yaml", "--from", "lent")
    assert "lenet" in str(caught.value.mistakes[0].hint)
    assert not Path("mine.yaml").exists()


def test_a_name_that_no_configuration_can_have_is_refused() -> None:
    with pytest.raises(UserError, match="cannot name a configuration"):
        new("my net.yaml")


def test_a_source_that_is_no_configuration_is_refused() -> None:
    Path("list.yaml").write_text("- 1\n", "utf-8")
    with pytest.raises(UserError, match="a configuration is a mapping"):
        new("mine.yaml", "--from", "list.yaml")


def test_a_name_is_added_where_there_is_none_and_its_comment_kept_where_there_is() -> None:
    Path("a.yaml").write_text("# head\n\nextends: lenet\n", "utf-8")
    Path("b.yaml").write_text('name: "b"  # why b\nextends: lenet\n', "utf-8")
    new("c.yaml", "--from", "a.yaml")
    new("d.yaml", "--from", "b.yaml")
    assert Path("c.yaml").read_text("utf-8").splitlines()[1:] == [
        "# head",
        "",
        "name: c",
        "extends: lenet",
    ]
    assert "name: d  # why b" in Path("d.yaml").read_text("utf-8")


def test_a_name_that_reads_as_a_number_stays_a_name() -> None:
    new("12.yaml")
    assert load_config("12.yaml").name == "12"


def test_what_a_source_extends_is_found_from_the_copy_too() -> None:
    Path("nets").mkdir()
    Path("nets/base.yaml").write_text("extends: lenet\nseed: 7\n", "utf-8")
    Path("nets/top.yaml").write_text("extends: base.yaml  # beside\nname: top\n", "utf-8")
    new("mine.yaml", "--from", "nets/top.yaml")
    assert "extends: nets/base.yaml  # beside" in Path("mine.yaml").read_text("utf-8")
    assert load_config("mine.yaml").seed == 7


def test_a_copy_named_like_what_it_extends_does_not_extend_itself() -> None:
    Path("top.yaml").write_text("extends: lenet.yaml\nseed: 7\n", "utf-8")
    new("lenet.yaml", "--from", "top.yaml")
    config = load_config("lenet.yaml")
    assert config.seed == 7
    assert config.model.plain() == load_config(zoo.directory() / "lenet.yaml").model.plain()


def test_what_a_copy_could_not_extend_is_said() -> None:
    Path("nets").mkdir()
    Path("nets/base.yaml").write_text("extends: lenet\n", "utf-8")
    Path("nets/top.yaml").write_text("extends: base.yaml\n", "utf-8")
    with pytest.raises(UserError, match=r"top\.yaml extends base\.yaml"):
        new("elsewhere/mine.yaml", "--from", "nets/top.yaml")
    assert not Path("elsewhere/mine.yaml").exists()


def test_the_copy_claims_nothing_that_only_its_source_has_reached(in_process, tmp_path):
    from cnnzoo.config.loader import load_config

    assert in_process("new", "mine.yaml", "--from", "lenet")[0] == 0
    assert load_config("lenet").reference
    assert load_config(tmp_path / "mine.yaml").reference is None
