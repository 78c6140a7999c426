"""`cnnzoo reproduce`."""

from __future__ import annotations

import sys

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.options import device_option


@click.command()
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.option("--runs-dir", metavar="DIR", help="Where the second run goes, instead of beside RUN.")
@device_option
def reproduce(run: str, runs_dir: str | None, device: str) -> None:
    """Train a run again from its directory alone, and say whether it came out the same.

    The exit status is 0 where weights and history are identical to the last bit, 1 where not.

    \b
    Examples:
      cnnzoo reproduce runs/lenet/1
      cnnzoo reproduce runs/lenet/1 --runs-dir /tmp/again
    """
    from cnnzoo.runs.run import open_run
    from cnnzoo.terminal.display import display_for
    from cnnzoo.terminal.tables import console
    from cnnzoo.training.reproduce import reproduce as reproduce_run

    found = reproduce_run(
        open_run(run),
        runs_dir,
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
        click.echo(f"history: differs from epoch {found.epoch} on")
    else:
        click.echo(f"history: identical, {len(found.run.history())} epochs")
    if not found.identical:
        for line in (*found.past, *found.environment):
            click.echo(f"   {line}")
        if not found.past and not found.environment:
            click.echo("   nothing that is recorded of versions and machine differs")
    click.echo(f"run: {found.run}")
    click.get_current_context().exit(0 if found.identical else 1)
