from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The processes of pytest-xdist ignore Ctrl-C, and what they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Tables are as wide as in a pipe, whatever the width of the terminal that runs the tests.
os.environ.pop("COLUMNS", None)

# Tests that import Keras themselves compute as cnnzoo does (`cnnzoo.models.backend`).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# How long an example takes says something of the machine, not of cnnzoo.
settings.register_profile("cnnzoo", deadline=None)
settings.load_profile("cnnzoo")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tests decode into a directory of their own, once for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


# A network that trains in a second on data that every installation has.
TINY = """
name: tiny
model:
  input_shape: [8, 8, 1]
  layers:
    - Rescaling: 1/255
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - Flatten
    - Dropout: 0.1
    - Dense: {units: $classes, activation: softmax}
data: digits
training:
  epochs: 2
  batch_size: 64
  optimizer: {Adam: {learning_rate: {CosineDecay: [1e-2, $steps]}}}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of a small configuration."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cnnzoo(tmp_path: Path) -> Command:
    """Runs `python -m cnnzoo WORDS` as a process of its own, in a temporary directory."""

    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cnnzoo", *words],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "100", **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture
def in_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process: (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        from cnnzoo.cli import main

        monkeypatch.setattr(sys, "argv", ["cnnzoo", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return run


def loaded_modules(statement: str, modules: Sequence[str]) -> list[str]:
    """Which of these modules a statement loads, in an interpreter of its own."""
    code = f"{statement}\nimport sys\nprint([m for m in {list(modules)!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    result: list[Any] = eval(done.stdout.strip().splitlines()[-1])  # noqa: S307 - our own output
    return result
