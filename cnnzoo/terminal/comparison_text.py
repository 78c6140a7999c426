"""A comparison of runs as text: the same sheets as tables for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from cnnzoo.evaluation.compare.compare import Comparison
from cnnzoo.terminal.comparison_sheets import Sheet, sheets
from cnnzoo.terminal.console import new_table


def as_tables(comparison: Comparison) -> Iterator[Table | Text]:
    """The sheets for a terminal, each followed by what is to be said of it."""
    for sheet in sheets(comparison):
        if sheet.rows:
            yield _table(sheet)
        for note in sheet.notes:
            yield Text(note)


def as_markdown(comparison: Comparison) -> str:
    """The sheets as Markdown tables, each followed by what is to be said of it."""
    parts = []
    for sheet in sheets(comparison):
        if sheet.rows:
            rules = ["---:" if heading in sheet.right else "---" for heading in sheet.headings]
            head, *rows = ([*map(_cell, row)] for row in (sheet.headings, *sheet.rows))
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in (head, rules, *rows)))
        parts += map(_escaped, sheet.notes)
    return "\n\n".join(parts)


def _table(sheet: Sheet) -> Table:
    table = new_table()
    for heading in sheet.headings:
        table.add_column(
            heading,
            justify="right" if heading in sheet.right else "left",
            no_wrap=heading in sheet.whole,
            overflow="fold",
        )
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    return table


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|").replace("\n", "<br>")


def _escaped(text: str) -> str:
    """A text that Markdown shows as it is."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>#" else char for char in text)
