from __future__ import annotations

import json

import pytest
from crossvals import TEXT, write_crossval


@pytest.mark.slow
def test_a_cross_validation_is_run_and_reported(in_process, tmp_path):
    (tmp_path / "quick.yaml").write_text(TEXT)
    code, out, err = in_process("crossval", "quick.yaml", "--folds", "2", "training.epochs=1")
    assert (code, err) == (0, "")
    assert "folds: all 24 images, stratified by class; one of 2 folds is the test split" in out
    assert "run 2 of 2: fold 2" in out
    assert "95 % interval" in out
    assert "out-of-fold predictions: crossval/quick/predictions.csv" in out
    code, again, _ = in_process("crossval", "--resume")
    assert code == 0
    assert "run 2 of 2" not in again
    assert "crossval/quick is complete; its results:" in again
    code, out, _ = in_process("runs", "--runs-dir", "crossval", "--format", "json")
    assert [run["run"] for run in json.loads(out)] == ["crossval/quick/1", "crossval/quick/2"]


def test_a_cross_validation_has_a_report(in_process, tmp_path):
    write_crossval(tmp_path)
    words = ("report", "crossval/quick", "--figures", "figures", "--format", "png")
    code, out, _ = in_process(*words)
    assert code == 0
    assert out.startswith("written to crossval/quick/report.html")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {"metrics.png", "curves.png", "confusion.png"}


def test_a_fold_that_failed_is_reported(in_process, tmp_path, monkeypatch):
    write_crossval(tmp_path, failed=True)
    from cnnzoo.studies import crossval, crossval_results

    monkeypatch.setattr(
        crossval, "run_crossval", lambda directory, **_: crossval_results.read_record(directory)
    )
    code, out, err = in_process("crossval", "--resume")
    assert code == 1
    assert "diverged" in out
    assert "mean" not in out
    assert "no mean over fewer folds is given" in err
    assert "1 fold of 3 without a result: fold 3 diverged: the loss became NaN" in err
    assert "cnnzoo crossval --resume crossval/quick" in err


def test_users_mistakes_are_explained(in_process, tmp_path):
    (tmp_path / "quick.yaml").write_text(TEXT)
    cases = [
        (("crossval",), "Missing argument 'CONFIG'"),
        (("crossval", "--resume"), "no cross-validations in crossval"),
        (("crossval", "--resume", "other"), "the cross-validation 'other' does not exist"),
        (("crossval", "--resume", "--folds", "3"), "continues with the values of the start"),
        (("crossval", "quick.yaml", "--folds", "1"), "not in the range 2"),
        (("crossval", "quick.yaml", "--folds", "20"), "too few for 20 folds"),
        (("crossval", "a.yaml", "b.yaml"), "one configuration is cross-validated"),
        (("crossval", "quick.yaml", "data.group=x"), "data has 'group', which belongs to folder"),
    ]
    for words, message in cases:
        code, _, err = in_process(*words)
        assert (code, message in err) == (2, True), (words, err)
