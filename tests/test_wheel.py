"""The wheel: what is installed without a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from zipfile import ZipFile

import pytest
from conftest import ROOT
from PIL import Image

from cnnzoo.config import zoo
from cnnzoo.runs.trained import trained_names


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the contents of the wheel."""
    pytest.importorskip("hatchling.build", reason="hatchling builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with ZipFile(folder / done.stdout.split()[-1]) as wheel:
        wheel.extractall(folder / "packages")
    return folder / "packages"


def test_the_zoo_and_its_trained_networks_are_in_the_wheel(installed):
    folder = installed / "cnnzoo" / "configs"
    assert {path.stem for path in folder.glob("*.yaml")} == {*zoo.names()}
    for name in trained_names():
        here = {path.name for path in (zoo.trained_directory() / name).iterdir()}
        assert {path.name for path in (folder / "trained" / name).iterdir()} == here


@pytest.mark.slow
def test_an_installed_wheel_predicts_with_a_trained_network(installed, tmp_path):
    Image.new("L", (28, 28)).save(tmp_path / "digit.png")
    words = ["cnnzoo", "predict", "lenet_mnist", "digit.png"]
    code = (
        f"import sys; sys.argv = {words}; from cnnzoo import cli; print(cli.__file__); cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    file, prediction = done.stdout.splitlines()
    assert file.startswith(str(installed))
    assert prediction.endswith("digit.png")
