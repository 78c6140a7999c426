from __future__ import annotations

import pytest


@pytest.fixture
def trained(in_process, tiny):
    assert in_process("train", "--config", "tiny.yaml", "training.epochs=1")[0] == 0
    return tiny.parent / "runs" / "tiny" / "1"


def test_the_latest_run_is_taken(in_process, trained):
    code, out, err = in_process("evaluate")
    assert (code, err) == (0, "")
    assert "test: accuracy" in out
    assert "runs/tiny/1/metrics.json" in out
    assert "runs/tiny/1/predictions.csv" in out


def test_a_run_and_a_split_can_be_named(in_process, trained):
    code, out, _ = in_process("evaluate", str(trained), "--split", "validation")
    assert code == 0
    assert "validation: accuracy" in out
    assert (trained / "metrics-validation.json").exists()


def test_a_model_alone_is_measured_on_data_that_are_named(in_process, trained, tmp_path):
    model = str(trained / "model.keras")
    code, out, err = in_process("evaluate", model, "--data", "digits", "--split", "test")
    assert (code, err) == (0, "")
    assert "not saved: name a directory with --output" in out
    code, out, _ = in_process(
        *("evaluate", model, "--data", "name=digits", "--data", "limit=30", "--output", "here")
    )
    assert code == 0
    assert "all: accuracy" in out
    assert "on 300 examples" in out
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == [
        "metrics.json",
        "predictions.csv",
    ]


def test_calibration_is_asked_for(in_process, trained):
    _, out, _ = in_process("evaluate", "--calibrate")
    assert "temperature " in out
    assert "fitted on validation" in out


def test_parquet_without_pyarrow_is_one_clear_message(in_process, monkeypatch):
    monkeypatch.setattr("cnnzoo.evaluation.predictions.find_spec", lambda name: None)
    code, _, err = in_process("evaluate", "--parquet")
    assert code == 2
    assert "Parquet needs pyarrow" in err


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
        ((), "no runs in runs"),
        (("runs/none/1",), "the run 'runs/none/1' does not exist"),
        ((".",), "is not a run directory"),
        (("--split", "tset"), "'tset' is not one of"),
        (("none.keras", "--data", "digits"), "the model 'none.keras' does not exist"),
    ],
)
def test_what_cannot_be_evaluated_is_said(in_process, words, message):
    code, _, err = in_process("evaluate", *words)
    assert code == 2
    assert message in err
