"""How to repeat a run: commands, configuration and environment, without absolute paths."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnzoo.config.writer import to_yaml
from cnnzoo.reporting.paths import run_label, shortened, shortened_command
from cnnzoo.reporting.report_data import ReportData
from cnnzoo.runs.run import CONFIG
from cnnzoo.text import duration_text, printable

Pairs = tuple[tuple[str, str], ...]

_INSTALLED = ("keras", "tensorflow", "jax", "torch", "numpy")


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Commands with a description each, the configuration as YAML, and the environment."""

    commands: Pairs
    config: str
    environment: Pairs


def reproduction(report: ReportData) -> Reproduction:
    """Return all that is needed to train and measure a run again."""
    run = shlex.quote(run_label(report.run))
    versions = report.record.get("versions", {})
    named = [f"{name}=={versions[name]}" for name in _INSTALLED if name in versions]
    split = "" if report.split == "test" else f" --split {report.split}"
    command = shortened_command(report.record.get("command") or "")
    commands = [
        ("the command that started this run", command),
        ("the same versions", f"pip install {' '.join(named)}" if named else ""),
        (
            "train with the configuration below, saved as config.yaml",
            f"cnnzoo train --config {CONFIG}",
        ),
        ("retrain from the run directory and compare every weight", f"cnnzoo reproduce {run}"),
        ("measure again", f"cnnzoo evaluate {run}{split}"),
        ("write this page again", f"cnnzoo report {run}"),
    ]
    return Reproduction(
        tuple((about, printable(words)) for about, words in commands if words),
        to_yaml(public_config(report)),
        environment(report.record),
    )


def public_config(report: ReportData) -> dict[str, Any]:
    """Return the configuration without directories, and without a class count that was not used.

    The data decide the number of classes; `model.classes` of the configuration may be another.
    """
    plain: dict[str, Any] = shortened(report.config.plain())
    if plain["model"].get("classes") not in (None, len(report.class_names)):
        del plain["model"]["classes"]
    return plain


def environment(record: Mapping[str, Any]) -> Pairs:
    """Return the environment of a run as pairs of a name and a text."""
    machine, versions = record.get("machine", {}), record.get("versions", {})
    pairs: dict[str, Any] = {
        "seed": record.get("seed"),
        "data fingerprint": record.get("data", {}).get("fingerprint"),
        "started": str(record.get("started", "")).partition(".")[0].replace("T", " "),
        "training time": duration_text(record["seconds"]) if record.get("seconds") else None,
        "backend": machine.get("backend"),
        "devices": ", ".join(map(str, machine.get("devices", []))),
        "processor": machine.get("cpu"),
        "cores": machine.get("usable_cores", machine.get("cores")),
        "system": machine.get("system"),
        **record.get("settings", {}),
        **versions,
    }
    return tuple(
        (name.replace("_", " "), printable(str(value)))
        for name, value in pairs.items()
        if value not in (None, "")
    )
