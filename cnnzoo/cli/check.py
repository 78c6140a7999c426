"""`cnnzoo check`."""

from __future__ import annotations

import click

from cnnzoo.cli.completion import complete_config
from cnnzoo.errors import CnnzooError


@click.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILES...", shell_complete=complete_config
)
def check(files: tuple[str, ...]) -> None:
    """Report every mistake in configurations.

    Each as file:line:column: error: ..., which editors parse. Loads no framework. The exit code
    is 2 if there is a mistake.

    \b
    Examples:
      cnnzoo check my.yaml
      cnnzoo check configs/*.yaml
    """
    from cnnzoo.config.loader import load_config
    from cnnzoo.config.wording import counted
    from cnnzoo.training.plan import plan

    mistakes = 0
    for file in files:
        try:
            plan(load_config(file))
        except CnnzooError as error:
            click.echo(str(error))
            mistakes += len(error.mistakes)
    found = counted(mistakes, "mistake") if mistakes else "no mistakes"
    click.echo(f"{counted(len(files), 'file')} checked, {found}", err=True)
    if mistakes:
        raise SystemExit(2)
