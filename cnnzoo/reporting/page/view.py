"""ReportData → what the template shows: plain values, part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnzoo.errors import UserError
from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.evaluation.thresholds import POSITIVE
from cnnzoo.reporting import findings
from cnnzoo.reporting.gallery import surest_mistakes
from cnnzoo.reporting.metric_texts import MetricText, metric_texts
from cnnzoo.reporting.page import network
from cnnzoo.reporting.page.charts import Chart, curve_chart, learning_charts, reliability_chart
from cnnzoo.reporting.page.data_view import DataView, data_view
from cnnzoo.reporting.page.filter_types import filter_types_text
from cnnzoo.reporting.page.inspection import OVERLAYS, Inspection, inspect_model
from cnnzoo.reporting.page.matrix import Matrix, Shown, confusion, fill, shown
from cnnzoo.reporting.paths import run_label
from cnnzoo.reporting.report_data import ReportData
from cnnzoo.reporting.reproduction import Reproduction, reproduction

MISTAKES = 24
MAX_CLASSES = 100  # in a table with a row for each

Question = tuple[str, str, findings.Answer]


@dataclass(frozen=True, slots=True)
class Inside:
    """The inspection of one example; `why` is the reason if there is none."""

    inspection: Inspection | None = None
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
    label: str
    report: ReportData
    metrics: list[MetricText]
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
    reproduction: Reproduction


def view(report: ReportData, prefix: str, budget: int) -> View:
    """All that a page says of one run; pictures of cells take at most `budget` bytes."""
    record, measured, predictions = report.record, report.measured, report.predictions
    best_epoch = record.get("best_epoch")
    surest = surest_mistakes(predictions, MISTAKES).tolist()
    mistakes = _mistakes(report, surest)
    matrix = confusion(predictions, prefix)
    if report.examples:
        fill(matrix, predictions, report.examples.images, budget)
    inside = _inside(report, list(zip(surest, mistakes, strict=False))[:OVERLAYS])
    classes = class_rows(measured)
    drawn = network.draw(report.architecture)
    return View(
        prefix,
        run_label(report.run),
        report,
        metric_texts(measured),
        _questions(report, inside),
        findings.weakest(measured),
        learning_charts(report.history, best_epoch),
        matrix,
        mistakes,
        int((predictions.predicted != predictions.labels).sum()),
        classes[:MAX_CLASSES],
        max(0, len(classes) - MAX_CLASSES),
        reliability_chart(measured["calibration"]["bins"]),
        _threshold_curves(predictions),
        inside,
        Network(drawn, network.kinds_of(drawn), network.rows(report.architecture)),
        data_view(report),
        reproduction(report),
    )


def _questions(report: ReportData, inside: Inside) -> tuple[Question, ...]:
    """What a reader asks first, the part of the page that shows it, and the answer."""
    measured, record = report.measured, report.record
    held_out = record.get("data", {}).get("examples", {}).get("validation", 0)
    overfitting = findings.overfitting(
        report.history, record.get("best_epoch"), held_out, report.config
    )
    learned = findings.Answer("", inside.text or f"Not shown: {inside.why}.")
    return (
        ("Which classes are confused?", "confusion", findings.confused(measured)),
        ("Does it overfit?", "training", overfitting),
        ("Do probabilities mean what they say?", "calibration", findings.calibrated(measured)),
        ("What did the first layer learn?", "inside", learned),
    )


def _mistakes(report: ReportData, rows: Sequence[int]) -> list[Shown]:
    if not report.examples:
        return []
    pixels = report.examples.images[np.array(rows, np.intp)]
    return [shown(each, report.predictions, row) for each, row in zip(pixels, rows, strict=True)]


def _inside(report: ReportData, mistakes: Sequence[tuple[int, Shown]]) -> Inside:
    if not report.examples:
        return Inside(why=report.missing)
    row = _typical(report.predictions)
    try:
        inspection = inspect_model(report.classifier, report.examples, row, mistakes)
    except UserError as error:
        return Inside(why=error.mistakes[0].message)
    pixels = report.examples.images[np.array([row])][0]
    text = filter_types_text(inspection.filter_types, *inspection.window)
    return Inside(inspection, shown(pixels, report.predictions, row), text)


def _typical(predictions: Predictions) -> int:
    """An example that is right, and of those as sure as half of them; any where none is right."""
    rows = np.flatnonzero(predictions.predicted == predictions.labels)
    if not len(rows):
        return 0
    order = np.argsort(predictions.confidence[rows], kind="stable")
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
