"""How a run is repeated: the commands, the configuration, what it ran on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnzoo.config.writer import dump_config
from cnnzoo.reporting.report_data import ReportData
from cnnzoo.runs.run import CONFIG
from cnnzoo.text import duration_text, printable

Pairs = tuple[tuple[str, str], ...]

_INSTALLED = ("keras", "tensorflow", "jax", "torch", "numpy")


@dataclass(frozen=True, slots=True)
class Reproduction:
    """Commands with what each does, the configuration as YAML, and the environment."""

    commands: Pairs
    config: str
    environment: Pairs


def reproduction(report: ReportData) -> Reproduction:
    """All that it takes to train a run again, and to measure it again."""
    run = shlex.quote(str(report.run))
    versions = report.record.get("versions", {})
    named = [f"{name}=={versions[name]}" for name in _INSTALLED if name in versions]
    split = "" if report.split == "test" else f" --split {report.split}"
    began = report.record.get("command")
    commands = [
        ("what started this run", began),
        ("the same versions", f"pip install {' '.join(named)}" if named else ""),
        (
            "train it from the configuration below, saved as config.yaml",
            f"cnnzoo train --config {CONFIG}",
        ),
        ("train it again from its directory, and compare every weight", f"cnnzoo reproduce {run}"),
        ("measure it again", f"cnnzoo evaluate {run}{split}"),
        ("make this page again", f"cnnzoo report {run}"),
    ]
    return Reproduction(
        tuple((what, printable(command)) for what, command in commands if command),
        dump_config(report.config),
        environment(report.record),
    )


def environment(record: Mapping[str, Any]) -> Pairs:
    """What a run ran on, for reading."""
    machine, versions = record.get("machine", {}), record.get("versions", {})
    pairs: dict[str, Any] = {
        "seed": record.get("seed"),
        "data fingerprint": record.get("data", {}).get("fingerprint"),
        "started": str(record.get("started", "")).partition(".")[0].replace("T", " "),
        "training took": duration_text(record["seconds"]) if record.get("seconds") else None,
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
