"""`cnnzoo runs`."""

from __future__ import annotations

import click

from cnnzoo.cli.options import format_option, runs_dir_option


@click.command()
@click.argument("name", required=False, metavar="[NAME]")
@format_option("table", "json", help="How to print them.")
@runs_dir_option
def runs(name: str | None, form: str, runs_dir: str) -> None:
    """List the runs: status, best epoch, time, differences.

    Of runs of one NAME, those KEY=VALUE words of their configurations are shown in which they
    differ. The run that was started last is the last one.

    \b
    Examples:
      cnnzoo runs
      cnnzoo runs lenet
      cnnzoo runs --format json
    """
    from cnnzoo.runs.listing import list_runs
    from cnnzoo.terminal.run_table import as_json, as_table, next_step

    listed = list_runs(runs_dir, name)
    if form == "json":
        click.echo(as_json(listed))
        return
    if not listed:
        click.echo(f"there is no run below {runs_dir}; train one: cnnzoo train --config lenet")
        return
    from cnnzoo.terminal.tables import console

    output = console()
    output.print(as_table(listed, output.width))
    if line := next_step(listed):
        click.echo(line)
