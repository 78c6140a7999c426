"""Run → model card: Markdown for the Hugging Face Hub; every number is measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from cnnzoo.datasets.check.kinds import NOTE
from cnnzoo.evaluation.metric_titles import title_of
from cnnzoo.extras import require
from cnnzoo.reporting import findings
from cnnzoo.reporting.caveats import caveats
from cnnzoo.reporting.exports import export_rows
from cnnzoo.reporting.markdown import escape_markdown, fenced
from cnnzoo.reporting.metric_texts import metric_texts
from cnnzoo.reporting.page.data_view import data_view
from cnnzoo.reporting.page.view import class_rows
from cnnzoo.reporting.report_data import ReportData, collect
from cnnzoo.reporting.reproduction import reproduction
from cnnzoo.reporting.snippet import snippet
from cnnzoo.runs.run import Run
from cnnzoo.text import listed
from cnnzoo.training.progress import Display

MAX_CLASSES = 100  # in the table
_LISTED = 20  # classes in a sentence

# Metrics → their names on the Hub.
_METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "matthews_correlation": "matthews_correlation",
    "roc_auc": "roc_auc",
    "brier": "brier_score",
}


class _Markdown(str):
    """Text that is Markdown already and is not escaped."""

    __slots__ = ()


def model_card(run: Run, *, device: str = "auto", display: Display | None = None) -> str:
    """Return the card of a run; what is missing is measured first.

    Raises UserError without jinja2; RunError and DataError as in `evaluate`.
    """
    jinja2 = require("jinja2", "report")
    report = collect(run, device=device, display=display)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cnnzoo.reporting", "."),
        autoescape=False,  # that is for HTML; `finalize` escapes every value for Markdown
        finalize=_escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "paragraph": lambda text: _Markdown(escape_markdown(text, paragraph=True)),
        "fenced": lambda text, language: _Markdown(fenced(text, language)),
        "thousands": "{:,}".format,
    }
    text: str = environment.get_template("card.md").render(_values(report))
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _escaped(value: Any) -> Any:
    """Escape a value of the template, whatever field of an untrusted run it comes from."""
    return value if isinstance(value, _Markdown) else escape_markdown(str(value))


def _values(report: ReportData) -> dict[str, Any]:
    record, measured, config = report.record, report.measured, report.config
    data, rows = data_view(report), class_rows(report.measured)
    names = report.class_names
    held_out = record.get("data", {}).get("examples", {}).get("validation", 0)
    return {
        "front_matter": _Markdown(
            yaml.safe_dump(front_matter(report), sort_keys=False, allow_unicode=True, width=1000)
        ),
        "name": config.name,
        "config": config,
        "architecture": report.architecture,
        "shape": report.classifier.fit.shape,
        "class_names": names,
        "class_list": listed(names, _LISTED),
        "data_name": data.name,
        "splits": data.splits,
        "skipped": data.skipped,
        "fingerprint": data.fingerprint,
        "zoo": record.get("zoo"),
        "findings": [each for each in data.findings if each.about.level != NOTE],
        "confused": findings.confused(measured),
        "weakest": findings.weakest(measured),
        "calibrated": findings.calibrated(measured),
        "overfitting": findings.overfitting(
            report.history, record.get("best_epoch"), held_out, config
        ),
        "caveats": caveats([config.name, config.description or "", data.name], names),
        "measured": measured,
        "metrics": metric_texts(measured),
        "classes": rows[:MAX_CLASSES],
        "hidden_classes": max(0, len(rows) - MAX_CLASSES),
        "exports": export_rows(report.run),
        "snippet": snippet(report.classifier),
        "reproduction": reproduction(report),
    }


def front_matter(report: ReportData) -> dict[str, Any]:
    """Return the metadata that the Hub reads: library, tags, metrics, results as model-index."""
    measured = report.measured
    data = measured.get("data", {}).get("name", report.record.get("data", {}).get("name", ""))
    results = [
        {"type": kind, "name": _result_name(name, measured), "value": round(value, 6)}
        for name, kind in _METRICS.items()
        if (value := measured["metrics"].get(name, {}).get("value")) is not None
    ]
    task = {"type": "image-classification", "name": "Image classification"}
    return {
        "library_name": "keras",
        "pipeline_tag": task["type"],
        "tags": ["image-classification", "keras", "cnn", "cnnzoo"],
        "metrics": [result["type"] for result in results],
        "model-index": [
            {
                "name": report.config.name,
                "results": [
                    {
                        "task": task,
                        "dataset": {"type": data, "name": data, "split": report.split},
                        "metrics": results,
                    }
                ],
            }
        ],
    }


def _result_name(name: str, measured: Mapping[str, Any]) -> str:
    title, figure = title_of(name).name, measured["metrics"][name]
    if figure["low"] is None:
        return title
    return f"{title} (95 % interval {figure['low']:.4f} to {figure['high']:.4f})"
