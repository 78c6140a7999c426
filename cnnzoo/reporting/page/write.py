"""Runs → one HTML page without other files or network access."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Any

import cnnzoo
from cnnzoo.datasets.check.check import FEW, UNEVEN
from cnnzoo.errors import UserError
from cnnzoo.extras import require
from cnnzoo.models.backend import without_retracing_warnings
from cnnzoo.reporting.findings import percent
from cnnzoo.reporting.page.comparison import compare_reports
from cnnzoo.reporting.page.view import view
from cnnzoo.reporting.report_data import ReportData, collect
from cnnzoo.runs.run import Run
from cnnzoo.text import printable, shorten
from cnnzoo.training.progress import Display

MAX_BYTES = 5_000_000
MAX_RUNS = 8
_LETTERS = 16  # of a class name next to the confusion matrix
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
    jinja2 = require("jinja2", "report")
    budget = (MAX_BYTES - len(reports) * _TEXT_BYTES) * 3 // 5 // len(reports)
    with without_retracing_warnings():
        views = [view(report, f"run{number}", budget) for number, report in enumerate(reports, 1)]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnnzoo.reporting.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"percent": percent, "thousands": "{:,}".format, "short": _short}
    style, script = _file("style.css") + _file("report.css"), _file("report.js")
    markup = require("markupsafe", "report").Markup
    page: str = environment.get_template("report.html").render(
        views=views,
        comparison=compare_reports(reports) if len(reports) > 1 else None,
        style=markup(style),
        style_hash=_hash(style),
        script=markup(script),
        script_hash=_hash(script),
        version=cnnzoo.__version__,
        few=FEW,
        uneven=f"{UNEVEN:g}",
    )
    if len(page.encode(errors="backslashreplace")) > MAX_BYTES:
        raise UserError(
            f"the page would be larger than {MAX_BYTES / 1e6:g} MB", hint="name fewer runs"
        )
    return page


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the hash by which the policy of the page allows a script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _short(name: str) -> str:
    return shorten(name, _LETTERS, "both")


def _visible(value: Any) -> Any:
    """Escape control and direction characters of a text."""
    if type(value) is not str:  # Markup is written by cnnzoo
        return value
    return "\n".join(map(printable, value.split("\n")))
