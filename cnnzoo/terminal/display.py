"""The display of a training: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from rich.console import Console

from cnnzoo.terminal.bars import Bars
from cnnzoo.terminal.lines import Lines
from cnnzoo.training.progress import Display


def display_for(console: Console) -> Display:
    """Return bars for a terminal and plain lines for anything else."""
    return Bars(console) if console.is_terminal else Lines(console)
