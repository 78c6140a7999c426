"""`cnnzoo card`."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import device_option, output_option, runs_dir_option


@click.command()
@click.argument("run", required=False, metavar="[RUN]", shell_complete=complete_run)
@output_option
@runs_dir_option
@device_option
def card(run: str | None, output: Path | None, runs_dir: str, device: str) -> None:
    """Write the model card of a run, by default the latest one.

    Markdown as the Hugging Face Hub reads it: intended use, limits, data, figures with their
    intervals, how to use the model in plain Keras. What is not measured yet is measured first.
    Read it before you publish it: what nobody measured, only you can add.

    \b
    Examples:
      cnnzoo card
      cnnzoo card runs/lenet/1 --output README.md
    """
    from cnnzoo.reporting.card import model_card
    from cnnzoo.runs.run import latest_run, open_run
    from cnnzoo.terminal.output import print_or_write

    chosen = open_run(run) if run else latest_run(runs_dir)
    print_or_write(model_card(chosen, device=device), output)
