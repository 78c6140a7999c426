from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cnnzoo.terminal.streams import escaped

HOSTILE = "ev\x1b[2J3\x9b2J\u202egnp\r.png"
PROGRAM = """
import sys
from pathlib import Path
import click
from rich.table import Table
from rich.text import Text
from cnnzoo.terminal.console import Console, console, new_table, print_parts
from cnnzoo.terminal.output import open_output, print_data
from cnnzoo.terminal.streams import prepare_streams
prepare_streams()
name = {name!r}
table = new_table(name)
table.add_row(Text(name, style="bold"))
"""
PRINTS = (
    "print(name)",
    "click.echo(name)",
    "click.echo(name, err=True)",
    "sys.stderr.write(name)",
    "console().print(name)",
    "Console(stderr=True).print(Text(name))",
    "print_parts(table)",
    "print_data(name)",
    "with open_output(None) as stream: stream.write(name)",
)


def on_terminal(code: str) -> bytes:
    """What a program writes to a terminal, from standard output and standard error."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    written = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the program has ended
            break
        if not part:
            break
        written += part
    os.close(leader)
    assert process.wait() == 0, written
    return written


def test_no_way_to_print_lets_a_name_control_the_terminal():
    code = PROGRAM.format(name=HOSTILE) + "\n".join(PRINTS)
    written = on_terminal(code)
    assert written.count(rb"ev\x1b[2J3") == len(PRINTS) + 1  # the table has it twice
    for sign in (b"\x1b[2J", "\x9b".encode(), "\u202e".encode(), b"\r.png"):
        assert sign not in written
    assert b"\x1b[1m" in written  # what cnnzoo colors itself is colored


def test_data_in_a_file_are_not_escaped():
    code = PROGRAM.format(name=HOSTILE) + "print_data(name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode() == HOSTILE


def test_lines_tabs_and_spaces_are_kept():
    assert escaped("a\tb\n95\u00a0%\n") == "a\tb\n95\u00a0%\n"
    assert escaped("a\x07\u200f\udcff") == r"a\x07\u200f\udcff"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["list"], ["runs", "--runs-dir", "none"], ["--help"]])
def test_a_full_output_is_named(words, tmp_path):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cnnzoo", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error: the output cannot be written: No space left on device\n"
        "   hint: free some space where it is redirected to\n"
    )


def test_a_full_standard_error_ends_without_a_traceback(tmp_path):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cnnzoo", "show", "none"], stderr=full, cwd=tmp_path, check=False
        )
    assert done.returncode == 2
