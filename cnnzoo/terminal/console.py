"""The console, and tables that never break inside a word."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from cnnzoo.terminal.streams import escaped, unescaped

PIPE_WIDTH = 200  # letters of a line, if neither a terminal nor COLUMNS has a width
_UNLIMITED = 100_000


class Console(RichConsole):
    """A console that escapes control characters in texts: they may come from untrusted files."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        file = unescaped(sys.stderr if stderr else sys.stdout)
        super().__init__(file=file, highlight=False, width=width)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Yield the segments of a renderable, with their texts escaped."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else escaped(text), style, control)

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError again, for the caller to record how the run ended."""
        raise


def console() -> Console:
    """Return standard output with the width of the terminal, or of COLUMNS in a pipe."""
    output = Console()
    if output.is_terminal or os.environ.get("COLUMNS", "").isdigit():
        return output
    return Console(width=PIPE_WIDTH)


def new_table(*headings: str, **options: Any) -> Table:
    """Return an empty table in the style of all tables."""
    return Table(*headings, box=SIMPLE_HEAD, pad_edge=False, caption_justify="left", **options)


def print_parts(*parts: RenderableType) -> None:
    """Print tables and texts; a table whose words need more width than there is gets it."""
    for part in parts:
        output = console()
        if isinstance(part, Table):
            width = fit_columns(part, output)
            if width > output.width:
                output = Console(width=width)
        output.print(part)


def fit_columns(table: Table, output: Console) -> int:
    """Set the widths of columns so that no word is broken, and return the width of the table.

    Each column gets its longest word; the rest of the console's width goes to the columns that
    need more for their longest lines, the narrowest first.
    """
    least = [_longest_word(column) for column in table.columns]
    most = [_longest_line(column) for column in table.columns]
    options = output.options.update(max_width=_UNLIMITED)
    borders = Measurement.get(output, options, table).maximum - sum(most)
    left = output.width - borders - sum(least)
    widths = list(least)
    missing = sorted(range(len(widths)), key=lambda index: most[index] - least[index])
    for position, index in enumerate(missing):
        share = max(left, 0) // (len(missing) - position)
        widths[index] += min(share, most[index] - least[index])
        left -= widths[index] - least[index]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    return sum(widths) + borders


def _longest_word(column: Column) -> int:
    if column.no_wrap:
        return _longest_line(column)
    return max((cell_len(word) for text in _texts(column) for word in text.split()), default=1)


def _longest_line(column: Column) -> int:
    return max((cell_len(line) for text in _texts(column) for line in text.split("\n")), default=1)


def _texts(column: Column) -> list[str]:
    cells = [column.header, *column.cells]
    return [cell.plain if isinstance(cell, Text) else str(cell) for cell in cells]
