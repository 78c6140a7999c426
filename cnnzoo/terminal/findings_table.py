"""Format the result of `cnnzoo data check`."""

from __future__ import annotations

from collections import Counter

from rich.table import Table
from rich.text import Text

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.datasets.check.diagnosis import Diagnosis, Finding, Offender
from cnnzoo.datasets.check.kinds import ERROR, NOTE, WARNING
from cnnzoo.terminal.console import new_table
from cnnzoo.text import counted, printable

EXAMPLES = 3

_COLOURS = {ERROR: "red", WARNING: "yellow", NOTE: "blue"}


def findings_table(diagnosis: Diagnosis) -> Table:
    """Return a row for each finding: level, kind, count, description, examples and advice."""
    table = new_table()
    table.add_column("")
    table.add_column("found", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("description, examples and advice")
    for finding in diagnosis.findings:
        level = finding.about.level
        table.add_row(
            Text(level, _COLOURS[level]),
            finding.kind.replace("_", " "),
            f"{finding.count:,}",
            Text("\n").join(_lines(finding)),
        )
    return table


def summary(diagnosis: Diagnosis) -> str:
    """Return one line with the number of pictures and of findings."""
    pictures = diagnosis.pictures
    sizes = Counter(map(pictures.split_of, range(len(pictures))))
    splits = ", ".join(f"{sizes[split]:,} {split}" for split in pictures.split_names)
    levels = Counter(finding.about.level for finding in diagnosis.findings)
    found = ", ".join(counted(levels[level], level) for level in _COLOURS if levels[level])
    return (
        f"{diagnosis.name} at {shape_text(pictures.shape)}: {splits} in "
        f"{len(pictures.class_names)} classes; "
        f"{found or 'no problems'}"
    )


def _lines(finding: Finding) -> list[Text]:
    examples = [
        Text(f"  {printable(f'{offender.name}: {offender.reason}')}", "dim")
        for offender in _different(finding)
    ]
    return [Text(finding.message), *examples, Text(f"→ {finding.about.advice}")]


def _different(finding: Finding) -> list[Offender]:
    """Return a few offenders, if possible with different reasons."""
    by_reason = {offender.reason: offender for offender in reversed(finding.offenders)}
    chosen = [o for o in finding.offenders if by_reason[o.reason] is o]
    chosen += [o for o in finding.offenders if by_reason[o.reason] is not o]
    return chosen[:EXAMPLES]
