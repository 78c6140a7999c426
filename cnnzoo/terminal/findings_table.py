"""What `cnnzoo data check` prints."""

from __future__ import annotations

from collections import Counter

from rich.table import Table
from rich.text import Text

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.datasets.check.check import Diagnosis, Finding, Offender
from cnnzoo.datasets.check.kinds import ERROR, NOTE, WARNING
from cnnzoo.terminal.console import new_table
from cnnzoo.text import counted, printable

EXAMPLES = 3

_COLOURS = {ERROR: "red", WARNING: "yellow", NOTE: "blue"}


def findings_table(diagnosis: Diagnosis) -> Table:
    """A line for each finding: how bad, what, how many, what it means, examples and the way out."""
    table = new_table()
    table.add_column("")
    table.add_column("found", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("what it is, for example, and what to do")
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
    """How much was looked at, and how much was found, in one line."""
    pictures = diagnosis.pictures
    sizes = Counter(map(pictures.split_of, range(len(pictures))))
    splits = ", ".join(f"{sizes[split]:,} {split}" for split in pictures.split_names)
    levels = Counter(finding.about.level for finding in diagnosis.findings)
    found = ", ".join(counted(levels[level], level) for level in _COLOURS if levels[level])
    return (
        f"{diagnosis.name} at {shape_text(pictures.shape)}: {splits} in "
        f"{len(pictures.class_names)} classes; "
        f"{found or 'nothing wrong'}"
    )


def _lines(finding: Finding) -> list[Text]:
    examples = [
        Text(f"  {printable(f'{offender.name}: {offender.reason}')}", "dim")
        for offender in _different(finding)
    ]
    return [Text(finding.message), *examples, Text(f"→ {finding.about.advice}")]


def _different(finding: Finding) -> list[Offender]:
    """A few offenders, each with another reason where there are such."""
    by_reason = {offender.reason: offender for offender in reversed(finding.offenders)}
    chosen = [o for o in finding.offenders if by_reason[o.reason] is o]
    chosen += [o for o in finding.offenders if by_reason[o.reason] is not o]
    return chosen[:EXAMPLES]
