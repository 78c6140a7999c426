"""The data of a run on a page: counts of examples, and problems."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from cnnzoo.datasets.check.check import in_classes
from cnnzoo.datasets.check.diagnosis import Finding
from cnnzoo.datasets.check.pictures import Pictures, count_classes
from cnnzoo.datasets.dataset import SPLITS, Dataset
from cnnzoo.reporting.paths import without_directories
from cnnzoo.reporting.report_data import ReportData

MAX_CLASSES = 100  # in a table with a row for each
MAX_SKIPPED = 20


@dataclass(frozen=True, slots=True)
class DataView:
    """Examples by split and class, findings, notes, and what was skipped with the reason.

    `classes` are (name, count of each split), without the `hidden` most frequent ones; they and
    the findings are empty if the data can no longer be read.
    """

    name: str
    fingerprint: str
    splits: tuple[tuple[str, int], ...]
    classes: tuple[tuple[str, tuple[int, ...]], ...]
    largest: int
    hidden: int
    findings: tuple[Finding, ...]
    skipped: int
    reasons: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def data_view(report: ReportData) -> DataView:
    """Return the data that a run was trained on."""
    data = report.record.get("data", {})
    counts = data.get("examples", {})
    skipped = data.get("skipped", {})
    table = _counts(report.dataset) if report.dataset else []
    return DataView(
        data.get("name", "not recorded"),
        data.get("fingerprint", "not recorded"),
        tuple((split, counts[split]) for split in SPLITS if split in counts),
        tuple(table[:MAX_CLASSES]),
        max((max(row) for _, row in table), default=0),
        max(0, len(table) - MAX_CLASSES),
        _findings(report.dataset) if report.dataset else (),
        skipped.get("count", 0),
        tuple(
            (without_directories(name), without_directories(why))
            for name, why in islice(skipped.get("reasons", {}).items(), MAX_SKIPPED)
        ),
        tuple(map(without_directories, data.get("notes", ())[:MAX_SKIPPED])),
    )


def _findings(dataset: Dataset) -> tuple[Finding, ...]:
    """Return the problems of the data, without absolute paths."""
    found = in_classes(Pictures(dataset))
    return tuple(replace(each, message=without_directories(each.message)) for each in found)


def _counts(dataset: Dataset) -> list[tuple[str, tuple[int, ...]]]:
    """Return each class and its counts in order; of many, those with the fewest examples first."""
    counts = count_classes(Pictures(dataset)).T
    order = np.arange(len(counts))
    if len(counts) > MAX_CLASSES:
        order = np.argsort(counts.sum(axis=1), kind="stable")
    return [(dataset.class_names[code], tuple(counts[code].tolist())) for code in order.tolist()]
