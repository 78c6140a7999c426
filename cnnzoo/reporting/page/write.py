"""Runs → one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Sequence
from importlib import resources
from typing import Any

import cnnzoo
from cnnzoo.datasets.check.check import FEW, UNEVEN
from cnnzoo.errors import UserError
from cnnzoo.extras import require
from cnnzoo.reporting.findings import percent
from cnnzoo.reporting.page.comparison import compare_reports
from cnnzoo.reporting.page.view import view
from cnnzoo.reporting.report_data import collect
from cnnzoo.runs.run import Run
from cnnzoo.text import printable, shorten
from cnnzoo.training.progress import Display

MAX_BYTES = 5_000_000
MAX_RUNS = 8
_LETTERS = 16  # of a class name beside the confusion matrix
_TEXT_BYTES = 500_000  # of one run: tables, charts, filters, feature maps


def report_page(
    runs: Sequence[Run], *, device: str = "auto", display: Display | None = None
) -> str:
    """The page of runs as HTML of at most MAX_BYTES; what was not measured is measured first.

    The page carries everything in itself, and forbids itself to ask anyone for anything.

    Raises:
        UserError: jinja2 or matplotlib is not installed, or there are more than MAX_RUNS runs.
        RunError, DataError: as `evaluate` raises them.

    """
    jinja2 = require("jinja2", "report")
    require("matplotlib", "report")
    if len(runs) > MAX_RUNS:
        raise UserError(
            f"a page has room for {MAX_RUNS} runs, not {len(runs)}",
            hint="name fewer; cnnzoo runs lists any number of them",
        )
    # Every run has a model of its own, and models of its parts; TensorFlow takes them for mistakes.
    logging.getLogger("tensorflow").addFilter(_no_retracing)
    try:
        reports = [collect(run, device=device, display=display) for run in runs]
        budget = (MAX_BYTES - len(runs) * _TEXT_BYTES) * 3 // 5 // len(runs)
        views = [view(report, f"run{number}", budget) for number, report in enumerate(reports, 1)]
    finally:
        logging.getLogger("tensorflow").removeFilter(_no_retracing)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnnzoo.reporting.page", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"percent": percent, "thousands": "{:,}".format, "short": _short}
    style, script = _file("report.css"), _file("report.js")
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


def _no_retracing(record: logging.LogRecord) -> bool:
    return "retracing" not in record.getMessage()


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """The name of a script or style by which the page's own policy lets it in, and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _short(name: str) -> str:
    return shorten(name, _LETTERS, "both")


def _visible(value: Any) -> Any:
    """A text in which what would turn the direction of a line, or end it, is an escape."""
    if type(value) is not str:  # markup is ours
        return value
    return "\n".join(map(printable, value.split("\n")))
