"""What commands print as tables."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cnnzoo.architecture.arithmetic import shape_text
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config
from cnnzoo.terminal.metrics_tables import interval_text
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


def headline(measured: dict[str, Any]) -> str:
    """The headline figures of a split in one line, the accuracy with its 95 % interval."""
    figures = measured["metrics"]
    values = {name: figure["value"] for name, figure in figures.items()}
    interval = interval_text(figures["accuracy"], 3)
    return (
        f"{measured['split']}: accuracy {values['accuracy']:.4f}"
        f"{f' ({interval})' if interval else ''}, loss {values['loss']:.4f}, "
        f"macro F1 {values['macro_f1']:.4f}, balanced accuracy "
        f"{values['balanced_accuracy']:.4f} on {measured['examples']:,} examples"
    )
