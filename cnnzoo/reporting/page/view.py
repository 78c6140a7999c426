"""ReportData → plain values for the template, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnzoo.errors import UserError
from cnnzoo.reporting import findings
from cnnzoo.reporting.exports import ExportRow, export_rows
from cnnzoo.reporting.figures import page_figures
from cnnzoo.reporting.gallery import surest_mistakes
from cnnzoo.reporting.metric_texts import MetricText, metric_texts
from cnnzoo.reporting.page import network
from cnnzoo.reporting.page.data_view import DataView, data_view
from cnnzoo.reporting.page.filter_types import filter_types_text
from cnnzoo.reporting.page.inline_svg import inline_svg
from cnnzoo.reporting.page.inspection import OVERLAYS, Inspection, inspect_model
from cnnzoo.reporting.page.matrix import Matrix, Shown, confusion, fill, shown
from cnnzoo.reporting.paths import run_label
from cnnzoo.reporting.report_data import ReportData
from cnnzoo.reporting.reproduction import Reproduction, reproduction

if TYPE_CHECKING:
    from markupsafe import Markup

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
    """A class and its metrics."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class View:
    """One run as the template shows it; the ids of its sections begin with `prefix`."""

    prefix: str
    label: str
    report: ReportData
    metrics: list[MetricText]
    questions: tuple[Question, ...]
    weakest: str
    figures: dict[str, list[Markup]]
    matrix: Matrix
    mistakes: list[Shown]
    wrong: int
    classes: list[ClassRow]
    hidden_classes: int
    inside: Inside
    network: Network
    data: DataView
    exports: list[ExportRow]
    reproduction: Reproduction


def view(report: ReportData, prefix: str, budget: int) -> View:
    """Return the view of one run; the images of cells take at most `budget` bytes."""
    measured, predictions = report.measured, report.predictions
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
        _figures(report, prefix),
        matrix,
        mistakes,
        int((predictions.predicted != predictions.labels).sum()),
        classes[:MAX_CLASSES],
        max(0, len(classes) - MAX_CLASSES),
        inside,
        Network(drawn, network.kinds_of(drawn), network.rows(report.architecture)),
        data_view(report),
        export_rows(report.run),
        reproduction(report),
    )


def _figures(report: ReportData, prefix: str) -> dict[str, list[Markup]]:
    """Return the figures of each section as SVG."""
    drawn: dict[str, list[Markup]] = {}
    for name, section, figure in page_figures(report):
        drawn.setdefault(section, []).append(inline_svg(figure, f"{prefix}-{name}"))
    return drawn


def _questions(report: ReportData, inside: Inside) -> tuple[Question, ...]:
    """Return questions, the section of the page that shows each answer, and the answers."""
    measured, record = report.measured, report.record
    held_out = record.get("data", {}).get("examples", {}).get("validation", 0)
    overfitting = findings.overfitting(
        report.history, record.get("best_epoch"), held_out, report.config
    )
    learned = findings.Answer("", inside.text or f"Not shown: {inside.why}.")
    return (
        ("Which classes are confused?", "confusion", findings.confused(measured)),
        ("Does it overfit?", "training", overfitting),
        ("Are the probabilities calibrated?", "calibration", findings.calibrated(measured)),
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
    row = report.typical_example
    try:
        inspection = inspect_model(report.classifier, report.examples, row, mistakes)
    except UserError as error:
        return Inside(why=error.mistakes[0].message)
    pixels = report.examples.images[np.array([row])][0]
    text = filter_types_text(inspection.filter_types, *inspection.window)
    return Inside(inspection, shown(pixels, report.predictions, row), text)


def class_rows(measured: Mapping[str, Any]) -> list[ClassRow]:
    """Return the classes, the lowest F1 first, those without examples last."""
    rows = [ClassRow(name, **each) for name, each in measured["per_class"].items()]
    return sorted(rows, key=lambda row: (not row.support, row.f1))
