from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from conftest import loaded_modules
from PIL import Image

import cnnzoo.cli
from cnnzoo.cli import COMMANDS, cli

HEAVY = ("keras", "tensorflow", "jax", "torch", "numpy", "matplotlib", "sklearn", "pandas", "PIL")


def main_with(*words: str) -> str:
    """Python that runs the command line with these words."""
    return f"""
import sys
sys.argv = {["cnnzoo", *words]!r}
from cnnzoo.cli import main
try:
    main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)], ids=str)
def test_help_loads_nothing_heavy(words):
    assert loaded_modules(main_with(*words, "--help"), HEAVY) == []


@pytest.mark.parametrize("words", [("list",), ("show", "lenet"), ("check", "lenet")], ids=str)
def test_what_needs_no_framework_loads_none(words):
    assert loaded_modules(main_with(*words), ("keras", "tensorflow", "jax", "torch")) == []


@pytest.mark.parametrize(
    ("words", "drawing"),
    [
        (("predict", "lenet_mnist", "digit.png"), []),
        (("evaluate", "lenet_mnist", "--data", "mnist5k"), []),
        (("explain", "lenet_mnist", "digit.png", "--output", "explained"), ["matplotlib"]),
        (("report", "lenet_mnist", "--output", "report.html"), ["matplotlib"]),
    ],
    ids=lambda value: value[0] if value else "",
)
def test_a_command_loads_the_backend_and_what_it_uses(tmp_path, words, drawing):
    Image.new("L", (28, 28)).save(tmp_path / "digit.png")
    code = f"import os\nos.chdir({str(tmp_path)!r})\n{main_with(*words)}"
    code += "\nimport gc\nassert gc.isenabled() and gc.get_freeze_count()"
    needless = ("sklearn", "scipy", "pandas", "matplotlib", "mlxtend", "jax")
    loaded = loaded_modules(code, ("keras", "tensorflow", *needless))
    assert loaded == ["keras", "tensorflow", *drawing]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_with_examples(name):
    command = cli.get_command(click.Context(cli), name)
    assert command.name == name
    assert command.help
    assert "Example" in command.help
    assert f"cnnzoo {command.name}" in command.help
    assert all(option.help for option in command.params if option.param_type_name == "option")


def test_help_answers_in_a_fraction_of_the_time_that_keras_takes_to_load():
    """As a ratio, because machines differ: 0.25 s where keras takes 4 s."""

    def seconds(*words: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        return time.perf_counter() - started

    helps = statistics.median(seconds("-m", "cnnzoo", "--help") for _ in range(5))
    keras = min(seconds("-c", "import keras") for _ in range(2))
    assert helps < keras / 8


def test_the_version_is_that_of_the_package(in_process):
    import cnnzoo

    assert in_process("--version") == (0, f"cnnzoo {cnnzoo.__version__}\n", "")


def test_a_command_that_is_none_is_a_users_mistake(in_process):
    code, _, err = in_process("trian")
    assert code == 2
    assert "No such command 'trian'" in err


def test_a_mistake_of_ours_is_named_without_a_traceback(in_process, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("that should not have happened")

    monkeypatch.setattr("cnnzoo.terminal.zoo_table.zoo_rows", fail)
    code, _, err = in_process("list")
    assert code == 1
    assert "RuntimeError: that should not have happened" in err
    assert "--debug" in err
    assert "Traceback" not in err


def test_debug_shows_where(cnnzoo):
    done = cnnzoo("--debug", "train", "--config", "nothing")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_a_reader_that_has_enough_is_no_error(tmp_path):
    done = subprocess.run(
        f"{sys.executable} -m cnnzoo show alexnet --format json | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_all_commands_are_registered():
    modules = Path(cnnzoo.cli.__file__).parent.glob("*.py")
    commands = {path.stem for path in modules if f"def {path.stem}(" in path.read_text("utf-8")}
    assert set(COMMANDS) == commands


def test_a_command_does_not_load_others():
    assert loaded_modules(main_with("show", "--help"), ("cnnzoo.cli.train",)) == []
    assert loaded_modules(main_with("train", "--help"), ("cnnzoo.cli.train",)) != []


@pytest.mark.slow
def test_warnings_as_errors_do_not_stop_a_training(tiny, cnnzoo):
    done = cnnzoo("train", "tiny.yaml", "training.epochs=1", PYTHONWARNINGS="error")
    assert done.returncode == 0, done.stderr
    assert "1 epoch in" in done.stdout


def test_a_tilde_in_the_environment_is_the_home_directory(in_process, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CNNZOO_RUNS_DIR", "~/runs")
    code, _, err = in_process("evaluate")
    assert code == 2
    assert f"no runs in {tmp_path}/home/runs" in err


def test_the_summary_of_a_command_fits_in_its_line(in_process):
    code, out, _ = in_process("--help")
    assert code == 0
    commands = out.partition("Commands:")[2]
    assert "train" in commands
    assert "..." not in commands
