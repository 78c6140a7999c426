from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cnnzoo.terminal import console as module
from cnnzoo.terminal.console import fit_columns, new_table, print_parts

WORD = st.text("abcdefgh=._/", min_size=1, max_size=30)
CELL = st.lists(WORD, max_size=8).map(" ".join)


def test_a_pipe_has_the_width_of_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "57")
    assert module.console().width == 57
    monkeypatch.delenv("COLUMNS")
    assert module.console().width == module.PIPE_WIDTH


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=5), st.integers(20, 120))
def test_no_word_is_broken_and_the_width_is_kept_where_words_allow(rows, width):
    table = new_table("first", "second", "third")
    for row in rows:
        table.add_row(*row)
    needed = fit_columns(table, Console(width=width))
    output = io.StringIO()
    Console(file=output, width=max(width, needed), highlight=False).print(table)
    printed = output.getvalue()
    words = sorted(word for row in rows for cell in row for word in cell.split())
    lines = [line for line in printed.splitlines() if line.strip() and "─" not in line]
    assert sorted(" ".join(lines[1:]).split()) == words
    longest = [
        max(len(word) for word in [heading, *(w for row in rows for w in row[index].split())])
        for index, heading in enumerate(("first", "second", "third"))
    ]
    borders = needed - sum(column.width or 0 for column in table.columns)
    assert needed <= max(width, sum(longest) + borders)


@pytest.mark.parametrize("columns", ["40", "80"])
def test_parts_are_printed_whole(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    table = new_table()
    table.add_column("run", no_wrap=True)
    table.add_column("settings")
    table.add_row("runs/tiny/1", "training.optimizer.Adam.learning_rate=0.001 seed=3")
    print_parts(table, "done")
    out = capsys.readouterr().out
    assert re.search(r"training\.optimizer\.Adam\.learning_rate=0\.001", out)
    assert out.endswith("done\n")
