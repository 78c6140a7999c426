"""`cnnzoo card`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import (
    device_option,
    force_option,
    note,
    output_option,
    runs_dir_option,
)


@click.command()
@click.argument("run", required=False, metavar="[RUN]", shell_complete=complete_run)
@output_option
@force_option
@runs_dir_option
@device_option
def card(run: str | None, output: Path | None, force: bool, runs_dir: str, device: str) -> None:
    """Print the model card of a run as Markdown.

    RUN is a run directory or the name of a run; by default the latest run. The card has the form
    that the Hugging Face Hub reads: intended use, limits, data, metrics with intervals, and how to
    use the model in plain Keras. A run that was not evaluated yet is evaluated first. Read the card
    and complete it before you publish it.

    \b
    Examples:
      cnnzoo card
      cnnzoo card runs/lenet/1 --output README.md
    """
    from cnnzoo.reporting.card import model_card
    from cnnzoo.runs.choose import choose_run
    from cnnzoo.terminal.output import print_or_write, refuse_existing

    refuse_existing(output, force)
    print_or_write(model_card(choose_run(run, runs_dir, note), device=device), output)
