"""What a page says of the data: how many of what, and what is wrong with the counts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np

from cnnzoo.datasets.check.check import in_classes
from cnnzoo.datasets.check.diagnosis import Finding
from cnnzoo.datasets.check.pictures import Pictures, count_classes
from cnnzoo.datasets.dataset import SPLITS, Dataset
from cnnzoo.reporting.report_data import ReportData

MAX_CLASSES = 100  # in a table with a row for each
MAX_SKIPPED = 20


@dataclass(frozen=True, slots=True)
class DataView:
    """Examples by split and class, findings, and what was skipped with the reason.

    `classes` are (name, count of each split), without the `hidden` most frequent; they and the
    findings are empty where the data are not there any more.
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


def data_view(report: ReportData) -> DataView:
    """The data of a run, as it was trained on."""
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
        tuple(in_classes(Pictures(report.dataset))) if report.dataset else (),
        skipped.get("count", 0),
        tuple(islice(skipped.get("reasons", {}).items(), MAX_SKIPPED)),
    )


def _counts(dataset: Dataset) -> list[tuple[str, tuple[int, ...]]]:
    """Each class and its counts, in order; of many those with the fewest examples first."""
    counts = count_classes(Pictures(dataset)).T
    order = np.arange(len(counts))
    if len(counts) > MAX_CLASSES:
        order = np.argsort(counts.sum(axis=1), kind="stable")
    return [(dataset.class_names[code], tuple(counts[code].tolist())) for code in order.tolist()]
