"""Every command in the README is run, in the README's order, in one directory."""

from __future__ import annotations

import re
import shlex

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    lines = [line[2:] for block in blocks("console") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("cnnzoo ")]


@pytest.mark.slow
def test_every_command_of_the_readme_works(cnnzoo, tmp_path):
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    assert commands(), "the README shows no command"
    for words in commands():
        done = cnnzoo(*words[1:])
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    made = {path.name for path in (tmp_path / "runs/mine/1").iterdir()}
    described = re.findall(r"^\| `([\w.]+)` \|", README, re.MULTILINE)
    assert made == set(described)


def test_the_scripts_of_the_readme_exist():
    named = re.findall(r"scripts/[\w-]+", README)
    assert {"scripts/quickstart", "scripts/test"} <= set(named)
    for name in named:
        assert (ROOT / name).is_file(), name


def test_the_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
