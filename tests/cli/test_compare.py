from __future__ import annotations

import csv
import json

import pytest
from compared_runs import CLASSES, make_run

WIDE = "model.layers.1.Conv2D.filters=8"


@pytest.fixture
def narrow_terminal(monkeypatch):
    """The tables are printed as on a terminal of 80 letters."""
    from rich.console import Console

    narrow = Console(highlight=False, width=80)
    monkeypatch.setattr("cnnzoo.terminal.console.console", lambda: narrow)


@pytest.fixture
def two(tiny, in_process):
    make_run(tiny, wrong=range(20), machine={"cores": 1})
    make_run(tiny, WIDE, "training.epochs=3", wrong=range(2), machine={"cores": 2})
    return "runs/tiny/1", "runs/tiny/2"


@pytest.mark.usefixtures("narrow_terminal")
def test_everything_that_differs_is_printed(in_process, two):
    code, out, err = in_process("compare", *two)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    rows = [line.split() for line in out.splitlines()]
    assert ["epochs", "2", "3"] in rows
    assert "filters 4 → 8; 6x6x4 → 6x6x8; 40 → 80 parameters" in out
    assert next(row[:6] for row in rows if row[:1] == ["accuracy"]) == [
        "accuracy",
        "0.6667",
        "(0.541",
        "to",
        "0.773)",
        "0.9667",
    ]
    difference = next(row for row in rows if row[:3] == ["B", "-", "A"])
    assert difference[3] == "+0.3000"
    assert difference[-4:] == ["0", "18", "<", "0.001"]
    assert "B is more accurate than A (McNemar)" in out
    assert "trained on different machines" in out
    assert "A, B disagree on 18 of 60 examples" in out
    assert "[b]owl|" in out


@pytest.mark.usefixtures("narrow_terminal")
def test_many_runs_and_long_names_fit_and_what_is_not_shown_is_said(in_process, tiny):
    names = [f"{number}.{'photo' * 30}.png" for number in range(60)]
    for epochs in range(1, 6):
        make_run(tiny, f"training.epochs={epochs}", wrong=range(epochs * 5), names=names)
    make_run(tiny, "training.epochs=5", "seed=1", wrong=range(25), names=names)
    make_run(tiny, "data.seed=1")
    runs = [f"runs/tiny/{number}" for number in range(1, 8)]
    code, out, err = in_process("compare", *runs)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "runs/tiny/{5,6}" in out
    assert "Holm: p adjusted" in out
    # p is 2 / 2^5, 2 / 2^10 and 2 / 2^15.
    rows = [line.split() for line in out.splitlines() if " - A " in line]
    assert [row[-2:] for row in rows[:2]] == [["0.062", "0.062"], ["0.002", "0.004"]]
    assert rows[2][-4:] == ["<", "0.001", "<", "0.001"]
    assert "F and A were measured on different examples" in out
    assert "E and A are not tested: one of them has one seed" in out
    assert "A, B, C, D, E disagree on 20 of 60 examples" in out
    assert "--disagreements" in out
    assert "layers of A and B: the same" in out


@pytest.mark.usefixtures("narrow_terminal")
def test_no_number_is_cut_beside_long_class_names(in_process, tiny):
    names = tuple(f"{number} a class name that is longer than it has to be" for number in range(3))
    make_run(tiny, wrong=range(20), class_names=names)
    make_run(tiny, WIDE, wrong=range(2), class_names=names)
    code, out, _ = in_process("compare", "runs/tiny/1", "runs/tiny/2")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    rows = [line.split() for line in out.splitlines() if line.startswith(" 1 a class")]
    assert ["20", "0.650", "0.950", "+0.300", "0", "6"] in [row[-6:] for row in rows]


def test_runs_that_differ_in_their_seed_only_are_one_line(in_process, tiny):
    for seed in (0, 1):
        make_run(tiny, f"seed={seed}", wrong=[seed])
    runs = ("runs/tiny/1", "runs/tiny/2")
    code, out, _ = in_process("compare", *runs)
    assert code == 0
    assert "--each compares them" in out
    assert "0.9833 ± 0.0000" in out
    code, out, err = in_process("compare", *runs, "--disagreements", "d.csv")
    assert (code, out) == (2, "")
    assert "--each compares the seeds" in err
    assert "A, B disagree on 2 of 60" in in_process("compare", *runs, "--each")[1]


def test_the_disagreements_are_written(in_process, two, tmp_path):
    code, _, err = in_process("compare", *two, "--disagreements", "out/d.csv")
    assert (code, err) == (0, "written to out/d.csv: 18 examples\n")
    with (tmp_path / "out/d.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"] for row in rows} == {f"{number}.png" for number in range(2, 20)}
    first = next(row for row in rows if row["path"] == "3.png")
    assert list(first.values()) == ["3.png", "cat", "dog", "0.8", "cat", "0.8"]
    assert list(first)[2:4] == ["prediction of runs/tiny/1", "probability of runs/tiny/1"]


def test_as_json(in_process, two):
    code, out, _ = in_process("compare", *two, "--format", "json")
    assert code == 0
    compared = json.loads(out)
    assert [group["runs"][0]["run"] for group in compared["groups"]] == list(two)
    assert compared["settings"] == {"training.epochs": {"A": ["2"], "B": ["3"]}}
    (contrast,) = compared["contrasts"]
    assert (contrast["lost"], contrast["gained"], contrast["paired"]) == (0, 18, True)
    assert [change["name"] for change in contrast["classes"]] == list(CLASSES)
    assert contrast["layers"][0]["after"]["arguments"]["filters"] == 8
    assert compared["disagreements"] == 18


def test_as_markdown_every_row_has_as_many_cells_as_its_heading(in_process, two):
    code, out, _ = in_process("compare", *two, "--format", "markdown")
    assert code == 0
    tables = [part.splitlines() for part in out.split("\n\n") if part.startswith("|")]
    assert len(tables) == 7
    for table in tables:
        cells = {row.replace("\\|", "").count("|") for row in table}
        assert len(cells) == 1
        assert set(table[1]) <= set("|-: ")
    assert "\\[b\\]owl\\|" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--runs-dir", "none"), "two runs are compared, and none has 0"),
        (("runs/tiny/1", "runs/tiny/1"), "runs/tiny/1 is named twice"),
        (("runs/tiny/1", "runs/tiny/9"), "the run 'runs/tiny/9' does not exist"),
        (("runs/tiny/1", "runs/tiny/2", "--split", "all"), "'all' is not one of"),
    ],
)
def test_what_cannot_be_compared_is_said(in_process, two, words, message):
    code, out, err = in_process("compare", *words)
    assert (code, out) == (2, "")
    assert message in err
