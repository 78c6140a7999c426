"""The exported models of a run as texts, for the page and the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnnzoo.errors import RunError
from cnnzoo.exporting.record import file_digest, read_records
from cnnzoo.runs.run import Run
from cnnzoo.text import size_text


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One exported model: what was verified against Keras, its size and its speed.

    `outdated` is true if the run has another model by now.
    """

    format: str
    precision: str
    agreement: str
    difference: str
    accuracy: str
    size: str
    latency: str
    outdated: bool


def export_rows(run: Run) -> list[ExportRow]:
    """Return a row for each export of a run; raises RunError for a damaged record."""
    records = list(read_records(run))
    if not records:
        return []
    digest = file_digest(run.model_path)
    try:
        return [_row(record, record.get("model_sha256") != digest) for record in records]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"a record in {run.exports_path} is damaged: {type(error).__name__} {error}",
            hint="export the model again, or remove the record",
        ) from None


def _row(record: dict[str, Any], outdated: bool) -> ExportRow:
    verified, speed = record.get("verification"), record.get("speed")
    return ExportRow(
        record["format"],
        record["contract"]["precision"],
        f"{verified['agreement']['value']:.2%}" if verified else "not verified",
        f"{verified['largest_difference']:.1e}" if verified else "",
        f"{verified['accuracy_difference']['value']:+.4f}" if verified else "",
        size_text(record["bytes"]),
        f"{1000 * speed['exported']['latency']:.3g} ms" if speed else "",
        outdated,
    )
