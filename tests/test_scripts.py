from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_run_and_say_what_they_do(script):
    assert os.access(script, os.X_OK)
    first, second = script.read_text().splitlines()[:2]
    assert first.startswith("#!/usr/bin/env ")
    assert second.startswith(("# ", '"""'))


def environment_script(folder: Path, body: str, path: str, **environment: str):
    """Runs shell code after sourcing the scripts' common part, with only `path` on the path."""
    return subprocess.run(
        ["/bin/bash", "-eu", "-c", f". {ROOT}/scripts/lib/environment.sh; {body}"],
        cwd=folder,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def test_a_python_that_is_too_old_is_named_with_what_to_install(tmp_path):
    program(tmp_path / "bin", "python3", 'case "$1" in --version) echo Python 3.9.2;; esac; exit 1')
    done = environment_script(tmp_path, "find_python", str(tmp_path / "bin"))
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert "hint: install one" in done.stderr


def test_a_python_without_venv_is_named_with_what_to_install(tmp_path):
    program(tmp_path / "bin", "python3", 'case "$2" in *venv*) exit 1;; esac; exit 0')
    done = environment_script(tmp_path, "make_environment", str(tmp_path / "bin"))
    assert done.returncode == 2
    assert "comes without venv" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_uv_does_the_work_where_it_is_on_the_path(tmp_path):
    program(tmp_path / "bin", "uv", 'echo "uv $*" >>uv.log')
    done = environment_script(tmp_path, "make_environment", f"{tmp_path / 'bin'}:/bin")
    assert done.returncode == 0
    assert (tmp_path / "uv.log").read_text().startswith("uv venv")


def test_what_is_installed_already_is_left_alone(tmp_path):
    """The second call only compares; a changed pyproject.toml installs again."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    program(tmp_path / "bin", "uv", "echo installed >>uv.log")
    active = {"VIRTUAL_ENV": str(tmp_path / "venv")}
    path = f"{tmp_path / 'bin'}:/bin:/usr/bin"
    for _ in range(2):
        done = environment_script(tmp_path, 'install_into_environment ""', path, **active)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "uv.log").read_text() == "installed\n"
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = ['more']\n")
    environment_script(tmp_path, 'install_into_environment ""', path, **active)
    assert (tmp_path / "uv.log").read_text() == "installed\n" * 2


def test_a_failed_installation_fails_the_script(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    program(tmp_path / "bin", "uv", "exit 1")
    done = environment_script(
        tmp_path,
        'install_into_environment "[test]"; echo went on',
        f"{tmp_path / 'bin'}:/bin:/usr/bin",
        VIRTUAL_ENV=str(tmp_path / "venv"),
    )
    assert done.returncode == 2
    assert "the installation failed" in done.stderr
    assert "went on" not in done.stdout
