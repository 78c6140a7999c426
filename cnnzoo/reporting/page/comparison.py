"""The comparison on a page of several runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnzoo.errors import UserError
from cnnzoo.evaluation.compare.compare import compare
from cnnzoo.reporting.comparison.tables import Table, comparison_tables
from cnnzoo.reporting.paths import run_label, without_directories
from cnnzoo.reporting.report_data import TEST, VALIDATION, ReportData


@dataclass(frozen=True, slots=True)
class PageComparison:
    """The names of the runs, and tables that compare them; `problem` is why there are none."""

    names: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    problem: str = ""


def compare_reports(reports: Sequence[ReportData]) -> PageComparison:
    """Compare the runs with the first one, as `cnnzoo compare` does."""
    names = tuple(f"{each.config.name} {each.run.path.resolve().name}" for each in reports)
    split = TEST if all(each.split == TEST for each in reports) else VALIDATION
    try:
        comparison = compare([each.run for each in reports], split)
    except UserError as error:
        return PageComparison(names, problem=without_directories(error.mistakes[0].message))
    return PageComparison(names, tuple(comparison_tables(comparison, run_label)))
