"""What commands print as tables."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config
from cnnzoo.errors import printable
from cnnzoo.training.plan import plan


def console() -> Console:
    """Standard output; what is not a terminal is wide enough for every table."""
    output = Console(highlight=False)
    return output if output.is_terminal else Console(highlight=False, width=200)


def zoo_table() -> Table:
    """A line for each configuration of the zoo."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "input"):
        table.add_column(heading, no_wrap=True)
    for heading in ("parameters", "MACs"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("reference accuracy")
    for name in zoo.names():
        config = load_config(name)
        architecture = plan(config).architecture
        table.add_row(
            name,
            shape_text(architecture.input_shape),
            f"{architecture.parameters:,}",
            compact(architecture.macs),
            config.reference or "",
        )
    return table


def compact(number: int) -> str:
    """A large number in three digits or four: `417 k`, `1.14 G`."""
    for factor, prefix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {prefix}" if number < 1000 * factor else f"{number:,}"
    return str(number)


def metrics_table(measured: dict[str, Any]) -> Table:
    """The figures of one class a line, and of all of them in the last line."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("class", no_wrap=True)
    for heading in ("precision", "recall", "F1", "examples"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, figures in measured["per_class"].items():
        row = [f"{figures[key]:.3f}" for key in ("precision", "recall", "f1")]
        table.add_row(Text(printable(name)), *row, str(figures["support"]))
    return table


def headline(measured: dict[str, Any]) -> str:
    """The headline figures of a split in one line."""
    values = {name: figure["value"] for name, figure in measured["metrics"].items()}
    return (
        f"{measured['split']}: accuracy {values['accuracy']:.4f}, loss {values['loss']:.4f}, "
        f"macro F1 {values['macro_f1']:.4f}, balanced accuracy "
        f"{values['balanced_accuracy']:.4f} on {measured['examples']} examples"
    )
