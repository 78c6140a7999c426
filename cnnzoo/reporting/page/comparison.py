"""Several runs beside each other: in what they differ, and what each reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnzoo.config.flat import differing, flat
from cnnzoo.reporting.metric_texts import Figure, figures
from cnnzoo.reporting.report_data import ReportData
from cnnzoo.runs.listing import short_keys
from cnnzoo.text import duration_text

_NOT_COMPARED = ("name", "description", "reference")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows of (heading, a text for each run); a figure's row has a Figure for each run, or None.

    `warnings` say where the figures are not of the same examples.
    """

    names: tuple[str, ...]
    differences: tuple[tuple[str, tuple[str, ...]], ...]
    figures: tuple[tuple[str, tuple[Figure | None, ...]], ...]
    costs: tuple[tuple[str, tuple[str, ...]], ...]
    warnings: tuple[str, ...]


def compare(reports: Sequence[ReportData]) -> Comparison:
    """What differs between runs."""
    configs = [flat(report.config.plain()) for report in reports]
    keys = [key for key in differing(configs) if key not in _NOT_COMPARED]
    named = short_keys(keys, {key for config in configs for key in config})
    measured = [{each.name: each for each in figures(m.measured)} for m in reports]
    titles = {name: each.title for found in measured for name, each in found.items()}
    architectures = [report.architecture for report in reports]
    seconds = [report.record.get("seconds") for report in reports]
    return Comparison(
        tuple(f"{m.config.name} {m.run.path.resolve().name}" for m in reports),
        tuple((named[key], tuple(config.get(key, "-") for config in configs)) for key in keys),
        tuple(
            (title, tuple(found.get(name) for found in measured)) for name, title in titles.items()
        ),
        (
            ("parameters", tuple(f"{each.parameters:,}" for each in architectures)),
            ("MACs an image", tuple(f"{each.macs:,}" for each in architectures)),
            ("training", tuple("-" if not each else duration_text(each) for each in seconds)),
        ),
        tuple(_warnings(reports)),
    )


def _warnings(reports: Sequence[ReportData]) -> list[str]:
    data = {
        (report.split, report.measured.get("data", {}).get("fingerprint")) for report in reports
    }
    if len(data) > 1:
        return ["The runs were not measured on the same examples: their figures do not compare."]
    return []
