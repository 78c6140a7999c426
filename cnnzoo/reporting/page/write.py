"""Runs → one HTML page without other files or network access."""

from __future__ import annotations

from collections.abc import Sequence

from cnnzoo.datasets.check.check import FEW, UNEVEN
from cnnzoo.errors import UserError
from cnnzoo.extras import require
from cnnzoo.models.backend import without_retracing_warnings
from cnnzoo.reporting.page.comparison import compare_reports
from cnnzoo.reporting.page.render import MAX_BYTES, render
from cnnzoo.reporting.page.view import view
from cnnzoo.reporting.report_data import ReportData, collect
from cnnzoo.runs.run import Run
from cnnzoo.training.progress import Display

MAX_RUNS = 8
_TEXT_BYTES = 500_000  # of one run: tables, charts, filters, feature maps


def report_page(
    runs: Sequence[Run], *, device: str = "auto", display: Display | None = None
) -> str:
    """Return the page of runs as HTML of at most MAX_BYTES; what is missing is measured first.

    The page is one file and loads nothing from elsewhere; its policy forbids that.

    Raises:
        UserError: jinja2 or matplotlib is not installed, or there are more than MAX_RUNS runs.
        RunError, DataError: as in `evaluate`.

    """
    return page_of(collect_reports(runs, device=device, display=display))


def collect_reports(
    runs: Sequence[Run], *, device: str = "auto", display: Display | None = None
) -> list[ReportData]:
    """Read the runs of a page; raise the errors of `report_page`."""
    require("jinja2", "report")
    require("matplotlib", "report")
    if len(runs) > MAX_RUNS:
        raise UserError(
            f"a page has room for {MAX_RUNS} runs, not {len(runs)}",
            hint="name fewer runs; cnnzoo runs lists any number of them",
        )
    with without_retracing_warnings():
        return [collect(run, device=device, display=display) for run in runs]


def page_of(reports: Sequence[ReportData]) -> str:
    """Return the page of reports; raise the errors of `report_page`."""
    budget = (MAX_BYTES - len(reports) * _TEXT_BYTES) * 3 // 5 // len(reports)
    with without_retracing_warnings():
        views = [view(report, f"run{number}", budget) for number, report in enumerate(reports, 1)]
    return render(
        "report.html",
        styles=("style.css", "report.css"),
        scripts=("report.js",),
        views=views,
        comparison=compare_reports(reports) if len(reports) > 1 else None,
        few=FEW,
        uneven=f"{UNEVEN:g}",
    )
