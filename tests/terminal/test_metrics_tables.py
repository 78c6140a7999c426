from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from cnnzoo.evaluation.metrics import measure_predictions
from cnnzoo.terminal.metrics_tables import binary_text, headline, metrics_tables, temperature_text


def measured(names, count=2000, right=0.7):
    """The figures of random predictions."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(names), count).astype(np.int32)
    probabilities = rng.dirichlet(np.full(len(names), 0.5), count) * (1 - right)
    probabilities[np.arange(count), labels] += right * rng.random(count)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return measure_predictions(probabilities.astype(np.float32), labels, tuple(names))


def printed(result, width=80):
    text = io.StringIO()
    console = Console(file=text, width=width)
    for table in metrics_tables(result):
        console.print(table)
    return text.getvalue()


@pytest.mark.parametrize("classes", [2, 10, 200])
def test_the_tables_fit_a_terminal_and_are_no_wall_of_numbers(classes):
    names = [
        f"{number} a class name that is much longer than it has to be" for number in range(200)
    ]
    lines = printed(measured(names[:classes])).splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) <= 80
    assert any("…" in line for line in lines)
    assert not any(line.rstrip().endswith("…") for line in lines)  # no number is cut


def test_of_many_classes_the_worst_are_shown():
    names = [f"class{number}" for number in range(100)]
    result = measured(names)
    worst = min(names, key=lambda name: result["per_class"][name]["f1"])
    text = printed(result)
    assert worst in text
    assert "the 20 lowest F1 of 100 classes" in text


def test_the_most_frequent_confusions_come_first():
    labels = np.array([0] * 10 + [1] * 4, np.int32)
    predicted = [0] * 7 + [2] * 3 + [0, 1, 1, 1]
    result = measure_predictions(np.eye(3, dtype=np.float32)[predicted], labels, ("a", "b", "c"))
    *_, first, second = [line.split() for line in printed(result).splitlines() if "%" in line]
    assert first == ["a", "c", "3", "30.0%"]
    assert second == ["b", "a", "1", "25.0%"]


def test_without_a_mistake_there_are_no_confusions():
    labels = np.array([0, 1], np.int32)
    assert "taken for" not in printed(
        measure_predictions(np.eye(2, dtype=np.float32), labels, "ab")
    )


def test_class_names_are_shown_as_they_are_and_obeyed_by_nobody():
    text = printed(measured(["[bold]a[/red]", "b\x1b[31m\n"]))
    assert "[bold]a[/red] " in text
    assert "b\\x1b[31m\\n " in text


def test_the_headline_has_the_interval_of_the_accuracy():
    result = measured("abc")
    accuracy = result["metrics"]["accuracy"]
    low, high = accuracy["low"], accuracy["high"]
    line = headline(result | {"split": "test"})
    assert line.startswith(
        f"test: accuracy {accuracy['value']:.4f} ({low:.3f} to {high:.3f}), loss "
    )
    assert line.endswith("on 2,000 examples")
    accuracy |= {"low": None, "high": None}  # as written by an older version
    assert headline(result | {"split": "test"}).startswith(
        f"test: accuracy {accuracy['value']:.4f},"
    )


def test_what_was_tuned_and_what_was_not_are_said():
    binary = {"positive": "a\n", "negative": "b", "threshold": {"value": None, "why": "of reasons"}}
    assert "no threshold was tuned: of reasons" in binary_text(binary)
    assert binary_text(binary).startswith("positive is a\\n; ")
    figures = {"accuracy": {"value": 0.5}, "sensitivity": {"value": None}}
    tuned = {"value": 0.25, "tuned_on": "validation", "metrics": figures}
    assert "at 0.2500, tuned on validation: accuracy 0.5000" in binary_text(
        binary | {"threshold": tuned}
    )
    assert temperature_text({"value": None, "why": "of reasons"}) == "no temperature: of reasons"
