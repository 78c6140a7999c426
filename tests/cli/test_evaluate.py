from __future__ import annotations

import io

import pytest
from rich.console import Console

from cnnzoo.cli.tables import metrics_table


@pytest.fixture
def trained(in_process, tiny):
    assert in_process("train", "--config", "tiny.yaml", "training.epochs=1")[0] == 0
    return tiny.parent / "runs" / "tiny" / "1"


def test_the_latest_run_is_taken(in_process, trained):
    code, out, err = in_process("evaluate")
    assert (code, err) == (0, "")
    assert "test: accuracy" in out
    assert "runs/tiny/1/metrics.json" in out


def test_a_run_and_a_split_can_be_named(in_process, trained):
    code, out, _ = in_process("evaluate", str(trained), "--split", "validation")
    assert code == 0
    assert "validation: accuracy" in out
    assert (trained / "metrics-validation.json").exists()


def test_class_names_are_shown_as_they_are_and_obeyed_by_nobody():
    figures = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 3}
    text = io.StringIO()
    table = metrics_table({"per_class": {"[bold]a[/red]": figures, "b\x1b[31m\n": figures}})
    Console(file=text, width=100).print(table)
    assert "[bold]a[/red] " in text.getvalue()
    assert "b\\x1b[31m\\n " in text.getvalue()


def test_runs_are_looked_up_where_the_environment_says(in_process, trained, monkeypatch):
    trained.parents[1].rename(trained.parents[2] / "elsewhere")
    assert in_process("evaluate")[0] == 2
    monkeypatch.setenv("CNNZOO_RUNS_DIR", "elsewhere")
    assert in_process("evaluate")[0] == 0


def test_a_damaged_model_is_one_clear_message(in_process, trained):
    model = trained / "model.keras"
    model.write_bytes(model.read_bytes()[:1000])
    code, _, err = in_process("evaluate")
    assert code == 2
    assert "model.keras is damaged" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "there is no run below runs"),
        (("runs/none/1",), "there is no run 'runs/none/1'"),
        ((".",), "is not a run directory"),
        (("--split", "all"), "'all' is not one of"),
    ],
)
def test_what_cannot_be_evaluated_is_said(in_process, words, message):
    code, _, err = in_process("evaluate", *words)
    assert code == 2
    assert message in err
