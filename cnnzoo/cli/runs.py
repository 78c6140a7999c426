"""`cnnzoo runs`: list runs, and delete them."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.cli.completion import complete_run
from cnnzoo.cli.group import DefaultGroup
from cnnzoo.cli.options import format_option, runs_dir_option


@click.group(cls=DefaultGroup)
def runs() -> None:
    """List runs with status, accuracy and differences; delete runs.

    `cnnzoo runs` is short for `cnnzoo runs list`.

    \b
    Examples:
      cnnzoo runs
      cnnzoo runs lenet
      cnnzoo runs rm runs/lenet/1
    """


@runs.command("list")
@click.argument("name", required=False, metavar="[NAME]")
@format_option("table", "json", help="How to print the runs.")
@runs_dir_option
def list_(name: str | None, form: str, runs_dir: str) -> None:
    """List runs: status, best epoch, test accuracy, time, differences.

    Runs of one NAME show the KEY=VALUE settings in which they differ. The run that was started
    last is at the end.

    \b
    Examples:
      cnnzoo runs
      cnnzoo runs lenet
      cnnzoo runs --format json
    """
    from cnnzoo.runs.listing import list_runs
    from cnnzoo.terminal.output import print_data
    from cnnzoo.terminal.run_table import as_json, as_table, next_step

    listed = list_runs(runs_dir, name)
    if form == "json":
        print_data(as_json(listed) + "\n")
        return
    if not listed:
        click.echo(f"no runs in {runs_dir}; train one: cnnzoo train lenet")
        return
    from cnnzoo.terminal.console import console, print_parts

    print_parts(as_table(listed, console().width))
    if line := next_step(listed):
        click.echo(line)


@runs.command("rm")
@click.argument("run", nargs=-1, required=True, metavar="RUN...", shell_complete=complete_run)
@click.option("--yes", is_flag=True, help="Delete without asking.")
def rm(run: tuple[str, ...], yes: bool) -> None:
    """Delete runs, after asking.

    Each RUN is a directory such as runs/lenet/1. A run that is being trained is never deleted.

    \b
    Examples:
      cnnzoo runs rm runs/lenet/1
      cnnzoo runs rm runs/lenet/* --yes
    """
    from cnnzoo.runs.remove import check_removable, remove_run

    chosen = [check_removable(Path(word)) for word in run]
    if not yes:
        listed = "\n".join(f"  {one}" for one in chosen)
        click.confirm(f"Delete these runs?\n{listed}\n", abort=True)
    for one in chosen:
        remove_run(one)
        click.echo(f"deleted {one}")
