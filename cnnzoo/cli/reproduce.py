"""`cnnzoo reproduce`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import device_option, note, runs_dir_option


@click.command()
@click.argument("run", required=False, metavar="[RUN]", shell_complete=complete_run)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory below which the second run is created; by default that of RUN.",
)
@runs_dir_option
@device_option
def reproduce(run: str | None, output: Path | None, runs_dir: str, device: str) -> None:
    """Train a run again and compare the weights bit for bit.

    RUN is a run directory or the name of a run; by default the latest run. Only its directory and
    its data are used. The exit code is 0 if weights and history are identical, otherwise 1.

    \b
    Examples:
      cnnzoo reproduce runs/lenet/1
      cnnzoo reproduce runs/lenet/1 --output again
    """
    from cnnzoo.runs.choose import choose_run
    from cnnzoo.terminal.console import console
    from cnnzoo.terminal.display import display_for
    from cnnzoo.training.reproduce import reproduce as reproduce_run

    found = reproduce_run(
        choose_run(run, runs_dir, note, trained=False),
        output,
        device=device,
        display=display_for(console()),
        command=["cnnzoo", *sys.argv[1:]],
    )
    if found.weights:
        name, largest = max(found.weights.items(), key=lambda item: item[1])
        click.echo(
            f"weights: {len(found.weights)} of {found.arrays} arrays differ, "
            f"by up to {largest:.1e} ({name})"
        )
    else:
        click.echo(f"weights: identical, {found.arrays} arrays")
    if found.epoch:
        click.echo(f"history: differs from epoch {found.epoch}")
    else:
        click.echo(f"history: identical, {len(found.run.history())} epochs")
    if not found.identical:
        for line in (*found.past, *found.environment):
            click.echo(f"   {line}")
        if not found.past and not found.environment:
            click.echo("   the recorded versions and machine are the same")
    click.echo(f"run: {found.run}")
    click.get_current_context().exit(0 if found.identical else 1)
