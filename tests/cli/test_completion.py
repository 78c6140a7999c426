from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

import cnnzoo
from cnnzoo.cli import COMMANDS, cli
from cnnzoo.config import zoo


@pytest.fixture(autouse=True)
def _in_a_directory_with_configurations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("mine.yaml", "notes.txt", "nets/deep.yml", "nets/deeper/one.yaml"):
        (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / file).touch()


def offered(*words: str) -> list[str]:
    *before, incomplete = words
    shell = ShellComplete(cli, {}, "cnnzoo", "_CNNZOO_COMPLETE")
    return [item.value for item in shell.get_completions(before, incomplete)]


def make_run(path: Path) -> None:
    path.mkdir(parents=True)
    for name in ("run.json", "config.yaml"):
        (path / name).write_text("{}", "utf-8")


def test_commands_are_offered() -> None:
    assert offered("tr") == ["train"]
    assert set(offered("")) == set(COMMANDS)


@pytest.mark.parametrize(
    "words",
    [("train", "--config"), ("show",), ("check",), ("check", "a.yaml"), ("new", "a", "--from")],
)
def test_configurations_are_zoo_names_and_yaml_files(words: tuple[str, ...]) -> None:
    assert offered(*words, "") == [*zoo.names(), "mine.yaml", "nets/deep.yml"]
    assert offered(*words, "mi") == ["mine.yaml"]
    assert offered(*words, "nets/") == ["nets/deep.yml", "nets/deeper/one.yaml"]
    assert offered(*words, "nowhere/") == []


def test_runs_are_those_below_the_runs_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    for run in ("runs/lenet/2", "runs/lenet/10", "runs/mine/1", "other/lenet/1"):
        make_run(Path(run))
    Path("runs/lenet/3").mkdir()
    assert offered("evaluate", "") == ["runs/lenet/2", "runs/lenet/10", "runs/mine/1"]
    assert offered("evaluate", "runs/m") == ["runs/mine/1"]
    assert offered("evaluate", "--runs-dir", "other", "") == ["other/lenet/1"]
    assert offered("evaluate", "--runs-dir", "nowhere", "") == []
    monkeypatch.setenv("CNNZOO_RUNS_DIR", "other")
    assert offered("evaluate", "") == ["other/lenet/1"]


def test_sweeps_are_those_below_the_sweeps_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sweeps/one", "other/two"):
        Path(name).mkdir(parents=True)
        Path(name, "sweep.yaml").touch()
    assert offered("sweep", "") == [*zoo.names(), "mine.yaml", "nets/deep.yml"]
    assert offered("sweep", "--resume", "") == ["one"]
    assert offered("sweep", "--best", "--sweeps-dir", "other", "") == ["two"]
    assert offered("report", "") == ["sweeps/one"]
    monkeypatch.setenv("CNNZOO_SWEEPS_DIR", "other")
    assert offered("sweep", "--best", "") == ["two"]


def test_cross_validations_are_those_below_their_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("crossval/one", "other/two"):
        Path(name).mkdir(parents=True)
        Path(name, "crossval.yaml").touch()
    assert offered("crossval", "") == [*zoo.names(), "mine.yaml", "nets/deep.yml"]
    assert offered("crossval", "--resume", "") == ["one"]
    assert offered("report", "c") == ["crossval/one"]
    monkeypatch.setenv("CNNZOO_CROSSVAL_DIR", "other")
    assert offered("crossval", "--resume", "") == ["two"]


def test_completing_loads_no_framework() -> None:
    code = (
        "import sys; from click.shell_completion import ShellComplete; from cnnzoo.cli import cli\n"
        "shell = ShellComplete(cli, {}, 'cnnzoo', '_CNNZOO_COMPLETE')\n"
        "assert shell.get_completions(['train', '--config'], 'len')\n"
        "shell.get_completions(['evaluate'], '')\n"
        "print(*{'keras', 'tensorflow', 'numpy', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(cnnzoo.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""


NAMES = ("$(touch pwned)", "a b", "it's", "plain")


@pytest.mark.parametrize("shell", ["bash_complete", "zsh_complete", "fish_complete"])
def test_a_name_cannot_run_as_a_command(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        make_run(Path("runs") / name / "1")
    make_run(Path("runs") / "line\nbreak" / "1")
    Path("$(id).keras").touch()
    monkeypatch.setenv("_CNNZOO_COMPLETE", shell)
    paths = sorted(f"runs/{name}/1" for name in NAMES)
    if shell.startswith("bash"):
        assert offered("evaluate", "runs/") == [
            "'runs/$(touch pwned)/1'",
            "'runs/a b/1'",
            "'runs/it'\"'\"'s/1'",
            "runs/plain/1",
        ]
        assert offered("evaluate", "$") == ["'$(id).keras'"]
    else:
        assert offered("evaluate", "runs/") == paths


def test_bash_does_not_run_a_completed_name() -> None:
    make_run(Path("runs") / "$(touch pwned)" / "1")
    script = (
        'eval "$(_CNNZOO_COMPLETE=bash_source cnnzoo)"\n'
        "COMP_WORDS=(cnnzoo card r) COMP_CWORD=2\n"
        "_cnnzoo_completion cnnzoo\n"
        'eval "echo ${COMPREPLY[0]}"\n'
    )
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": programs},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "runs/$(touch pwned)/1\n", done.stderr
    assert not Path("pwned").exists()
