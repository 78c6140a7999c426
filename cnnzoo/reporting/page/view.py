"""Material → what the template shows: plain values, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnzoo.errors import UserError
from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.evaluation.thresholds import POSITIVE
from cnnzoo.reporting.gallery import surest_mistakes
from cnnzoo.reporting.page import network, wording
from cnnzoo.reporting.page.charts import Chart, curve_chart, learning_charts, reliability_chart
from cnnzoo.reporting.page.data_view import DataView, data_view
from cnnzoo.reporting.page.headline import Figure, figures
from cnnzoo.reporting.page.leanings import leanings_text
from cnnzoo.reporting.page.material import Material
from cnnzoo.reporting.page.matrix import Matrix, Shown, confusion, fill, shown
from cnnzoo.reporting.page.repeating import Repeating, repeating
from cnnzoo.reporting.page.seeing import LOOKED, Seen, see

MISTAKES = 24
MAX_CLASSES = 100  # in a table with a row for each

Question = tuple[str, str, wording.Answer]


@dataclass(frozen=True, slots=True)
class Inside:
    """What is seen inside, of one example; without convolution or data, `why` there is nothing."""

    seen: Seen | None = None
    example: Shown | None = None
    text: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """The architecture, drawn and layer by layer."""

    drawn: list[network.Drawn]
    kinds: list[str]
    layers: list[network.Row]


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class and its figures."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class View:
    """One run as the template shows it; `prefix` begins the ids of its parts."""

    prefix: str
    material: Material
    figures: list[Figure]
    questions: tuple[Question, ...]
    weakest: str
    learning: list[Chart]
    matrix: Matrix
    mistakes: list[Shown]
    wrong: int
    classes: list[ClassRow]
    hidden_classes: int
    reliability: Chart
    curves: list[Chart]
    inside: Inside
    network: Network
    data: DataView
    repeating: Repeating


def view(material: Material, prefix: str, budget: int) -> View:
    """All that a page says of one run; pictures of cells take at most `budget` bytes."""
    record, measured, predictions = material.record, material.measured, material.predictions
    best_epoch = record.get("best_epoch")
    surest = surest_mistakes(predictions, MISTAKES).tolist()
    mistakes = _mistakes(material, surest)
    matrix = confusion(predictions, prefix)
    if material.examples:
        fill(matrix, predictions, material.examples.images, budget)
    inside = _inside(material, list(zip(surest, mistakes, strict=False))[:LOOKED])
    classes = class_rows(measured)
    drawn = network.draw(material.architecture)
    return View(
        prefix,
        material,
        figures(measured),
        _questions(material, inside),
        wording.weakest(measured),
        learning_charts(material.history, best_epoch),
        matrix,
        mistakes,
        int((predictions.predicted != predictions.labels).sum()),
        classes[:MAX_CLASSES],
        max(0, len(classes) - MAX_CLASSES),
        reliability_chart(measured["calibration"]["bins"]),
        _threshold_curves(predictions),
        inside,
        Network(drawn, network.kinds_of(drawn), network.rows(material.architecture)),
        data_view(material),
        repeating(material),
    )


def _questions(material: Material, inside: Inside) -> tuple[Question, ...]:
    """What a reader asks first, the part of the page that shows it, and the answer."""
    measured, record = material.measured, material.record
    held_out = record.get("data", {}).get("examples", {}).get("validation", 0)
    overfitting = wording.overfitting(
        material.history, record.get("best_epoch"), held_out, material.config
    )
    learned = wording.Answer("", inside.text or f"Not shown: {inside.why}.")
    return (
        ("Which classes are confused?", "confusion", wording.confused(measured)),
        ("Does it overfit?", "training", overfitting),
        ("Do probabilities mean what they say?", "calibration", wording.calibrated(measured)),
        ("What did the first layer learn?", "inside", learned),
    )


def _mistakes(material: Material, rows: Sequence[int]) -> list[Shown]:
    if not material.examples:
        return []
    pixels = material.examples.images[np.array(rows, np.intp)]
    return [shown(each, material.predictions, row) for each, row in zip(pixels, rows, strict=True)]


def _inside(material: Material, mistakes: Sequence[tuple[int, Shown]]) -> Inside:
    if not material.examples:
        return Inside(why=material.missing)
    row = _typical(material.predictions)
    try:
        seen = see(material.classifier, material.examples, row, mistakes)
    except UserError as error:
        return Inside(why=error.mistakes[0].message)
    pixels = material.examples.images[np.array([row])][0]
    text = leanings_text(seen.leanings, *seen.window)
    return Inside(seen, shown(pixels, material.predictions, row), text)


def _typical(predictions: Predictions) -> int:
    """An example that is right, and of those as sure as half of them; any where none is right."""
    rows = np.flatnonzero(predictions.predicted == predictions.labels)
    if not len(rows):
        return 0
    order = np.argsort(predictions.probabilities[rows].max(axis=1), kind="stable")
    return int(rows[order[len(order) // 2]])


def class_rows(measured: Mapping[str, Any]) -> list[ClassRow]:
    """The weakest first; classes without an example last."""
    rows = [ClassRow(name, **each) for name, each in measured["per_class"].items()]
    return sorted(rows, key=lambda row: (not row.support, row.f1))


def _threshold_curves(predictions: Predictions) -> list[Chart]:
    """ROC and precision over recall of two classes, where both have examples."""
    positive = predictions.labels == POSITIVE
    if len(predictions.class_names) != 2 or positive.all() or not positive.any():
        return []
    from sklearn import metrics

    scores, share = predictions.probabilities[:, POSITIVE], float(positive.mean())
    wrongly, found, _ = metrics.roc_curve(positive, scores)
    precision, recall, _ = metrics.precision_recall_curve(positive, scores)
    return [
        curve_chart(
            "ROC",
            list(zip(wrongly.tolist(), found.tolist(), strict=True)),
            [(0, 0), (1, 1)],
            ("false positive rate (1 - specificity)", "sensitivity"),
        ),
        curve_chart(
            "Precision and recall",
            list(zip(recall.tolist(), precision.tolist(), strict=True)),
            [(0, share), (1, share)],
            ("recall", "precision"),
        ),
    ]
