"""A comparison of runs for programs: JSON, and the disagreements as CSV."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnnzoo.architecture.alignment import Pair, Placed
from cnnzoo.errors import UserError
from cnnzoo.evaluation.compare.compare import Comparison
from cnnzoo.evaluation.compare.contrasts import Contrast
from cnnzoo.evaluation.compare.groups import Group
from cnnzoo.terminal.output import writing


def as_json(comparison: Comparison) -> str:
    """Return the whole comparison; of the examples with disagreements only the number."""
    letters = [group.letter for group in comparison.groups]
    plain = {
        "split": comparison.split,
        "groups": [_group(group) for group in comparison.groups],
        "settings": {
            key: dict(zip(letters, values, strict=True))
            for key, values in comparison.settings.items()
        },
        "metrics": {
            name: dict(zip(letters, values, strict=True))
            for name, values in comparison.metrics.items()
        },
        "contrasts": [_contrast(contrast) for contrast in comparison.contrasts],
        "disagreements": len(comparison.disagreements),
    }
    return json.dumps(plain, indent=2, ensure_ascii=False).encode(errors="replace").decode()


def write_disagreements(path: Path, comparison: Comparison) -> None:
    """Write `path`, `truth`, and the prediction of each run with its probability.

    A group with other examples than the baseline is omitted. Raises UserError if all are.
    """
    groups = comparison.paired
    if len(groups) < 2:
        raise UserError(
            f"{path} is not written: there are no two lines with the same examples",
            hint="--each compares the seeds of one configuration"
            if len(comparison.groups) < 2
            else "evaluate the runs on the same data",
        )
    members = [member for group in groups for member in group.members]
    said = comparison.baseline.first.predictions
    names = said.class_names
    runs = [str(member.run) for member in members]
    heads = (f"{what} of {run}" for run in runs for what in ("prediction", "probability"))
    # A name that is not UTF-8 is written as it is on disk, as in predictions.csv.
    with (
        writing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["path", "truth", *heads])
        for row in comparison.disagreements.tolist():
            cells = []
            for member in members:
                predictions = member.predictions
                name = names[predictions.predicted[row]]
                cells += [name, str(predictions.confidence[row])]
            writer.writerow([said.names[row], names[said.labels[row]], *cells])


def _group(group: Group) -> dict[str, Any]:
    architecture = group.first.architecture
    return {
        "letter": group.letter,
        "parameters": architecture.parameters,
        "macs": architecture.macs,
        "examples": len(group.first.predictions),
        "runs": [
            {
                "run": str(member.run),
                "seed": member.record.get("seed"),
                "accuracy": accuracy,
                "seconds": member.record.get("seconds"),
                "epochs": member.record.get("epochs"),
                "best_epoch": member.record.get("best_epoch"),
            }
            for member, accuracy in zip(group.members, group.accuracies(), strict=True)
        ],
    }


def _contrast(contrast: Contrast) -> dict[str, Any]:
    return {
        "group": contrast.group.letter,
        "accuracy_difference": contrast.difference,
        "paired": contrast.unpaired is None,
        "unpaired_because": contrast.unpaired,
        "lost": contrast.lost,
        "gained": contrast.gained,
        "test": contrast.test,
        "p": contrast.p,
        "p_holm": contrast.adjusted,
        "untested_because": contrast.untested,
        "classes": [asdict(change) for change in contrast.classes],
        "layers": [_pair(pair) for pair in contrast.layers if pair.kind != "equal"],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    sides = {"before": pair.before, "after": pair.after}
    return {"kind": pair.kind} | {side: _layer(placed) for side, placed in sides.items()}


def _layer(placed: Placed | None) -> dict[str, Any] | None:
    if placed is None:
        return None
    return {
        "number": placed.number,
        "name": placed.layer.name,
        "arguments": placed.arguments(),
        "output_shape": placed.layer.output_shape,
        "parameters": placed.layer.parameters,
    }
