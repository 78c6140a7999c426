"""A comparison of runs as tables for the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from cnnzoo.evaluation.compare.compare import Comparison
from cnnzoo.reporting.comparison import tables
from cnnzoo.reporting.markdown import escape_markdown
from cnnzoo.terminal.console import new_table


def as_tables(comparison: Comparison) -> Iterator[Table | Text]:
    """Yield the tables for a terminal, each followed by its notes."""
    for table in tables.comparison_tables(comparison):
        if table.rows:
            yield _table(table)
        for note in table.notes:
            yield Text(note)


def as_markdown(comparison: Comparison) -> str:
    """Return the tables as Markdown, each followed by its notes."""
    parts = []
    for table in tables.comparison_tables(comparison):
        if table.rows:
            rules = ["---:" if heading in table.right else "---" for heading in table.headings]
            head, *rows = ([*map(_cell, row)] for row in (table.headings, *table.rows))
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in (head, rules, *rows)))
        parts += map(escape_markdown, table.notes)
    return "\n\n".join(parts)


def _table(table: tables.Table) -> Table:
    drawn = new_table()
    for heading in table.headings:
        drawn.add_column(
            heading,
            justify="right" if heading in table.right else "left",
            no_wrap=heading in table.whole,
            overflow="fold",
        )
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn


def _cell(text: str) -> str:
    return "<br>".join(map(escape_markdown, text.split("\n")))
