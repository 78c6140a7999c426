from __future__ import annotations

import json

import pytest
from crossvals import write_crossval

from cnnzoo.errors import RunError
from cnnzoo.studies.crossval_results import FoldResult, read_record, summarize
from cnnzoo.studies.outcomes import FINISHED


def result(number, **metrics):
    examples = {"train": 70, "validation": 10, "test": 20}
    return FoldResult(
        number=number,
        repeat=1,
        fold=number,
        outcome=FINISHED,
        examples=examples,
        metrics=metrics,
    )


def test_metrics_are_summarized_with_the_corrected_variance():
    values = [0.76, 0.78, 0.80, 0.82, 0.84]
    found = summarize(
        [result(number, accuracy=each, loss=1.0) for number, each in enumerate(values, 1)]
    )
    accuracy = found["accuracy"]
    assert accuracy.value == pytest.approx(0.8)
    assert accuracy.spread == pytest.approx(0.001**0.5)
    # The share of the fold is 20 / (70 + 10): the factor is 1/5 + 1/4.
    assert accuracy.high == pytest.approx(0.8 + 2.776445 * (0.001 * 0.45) ** 0.5, abs=1e-6)


def test_an_interval_stays_in_the_range_of_the_metric():
    found = summarize([result(1, accuracy=0.9, loss=0.1), result(2, accuracy=1.0, loss=3.0)])
    assert (found["accuracy"].low, found["accuracy"].high) == (pytest.approx(0.172, abs=1e-3), 1.0)
    assert found["loss"].low == 0
    assert found["loss"].high == pytest.approx(24.1, abs=0.1)


def test_a_metric_without_a_value_in_a_fold_has_no_mean():
    found = summarize(
        [
            result(n, accuracy=0.9, loss=1.0, roc_auc=each)
            for n, each in enumerate([0.9, None, 0.8], 1)
        ]
    )
    assert found["roc_auc"].value is None
    assert found["roc_auc"].why == "it has no value in 1 fold"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("examples", {}, "a finished fold should have the sizes of its splits"),
        ("metrics", {"loss": 1.0}, "a finished fold should have accuracy and loss"),
        (
            "examples",
            {"train": 0, "validation": 0, "test": 20},
            "a finished fold should have examples to train and to test",
        ),
        ("number", 2, "should have each training from 1 to 3 at most once"),
        ("number", 4, "should have each training from 1 to 3 at most once"),
        ("best_epoch", 0, "best_epoch is 0; expected greater than or equal to 1"),
    ],
)
def test_a_damaged_record_is_an_error(tmp_path, key, value, problem):
    directory = write_crossval(tmp_path)
    plain = json.loads(directory.results_path.read_text())
    plain["results"][0][key] = value
    directory.results_path.write_text(json.dumps(plain))
    with pytest.raises(RunError, match=problem):
        read_record(directory)
