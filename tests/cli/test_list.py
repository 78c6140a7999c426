from __future__ import annotations

import pytest
from conftest import loaded_modules

from cnnzoo.config import zoo
from cnnzoo.terminal.zoo_table import zoo_rows
from cnnzoo.text import compact


def test_every_network_of_the_zoo_is_listed_with_its_size(in_process):
    code, out, err = in_process("list")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert set(zoo.names()) <= set(lines)
    assert "28x28x1" in lines["lenet"]
    assert "61,706" in lines["lenet"]
    assert "417 k" in lines["lenet"]


def test_networks_are_listed_below_their_purpose_with_the_time_of_a_training(in_process):
    lines = [line.strip() for line in in_process("list")[1].splitlines()]
    group = lines[lines.index("small gray images") + 1 :]
    group = group[: group.index("")]
    assert [line.split()[0] for line in group] == [
        "lenet",
        "lenet_mnist",
        "simple_cnn",
        "simple_cnn_fashion",
    ]
    seconds = 20 * 1000 / zoo.speeds().images_per_cpu_second["lenet"]
    assert f" {seconds:.0f} s " in group[0]


def test_the_list_fits_a_narrow_terminal(in_process, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert {len(line) for line in in_process("list")[1].splitlines()} == {80}


def test_what_was_computed_once_is_listed_without_reading_a_configuration():
    zoo_rows()
    code = "from cnnzoo.cli import cli\ncli.main(['list'], standalone_mode=False)"
    assert loaded_modules(code, ("rich", "pydantic", "yaml", "numpy")) == ["rich"]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (416_520, "417 k"), (7_570_194_432, "7.57 G"), (10**10, "10 G")],
)
def test_large_numbers_are_short(number, text):
    assert compact(number) == text
