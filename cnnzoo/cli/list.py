"""`cnnzoo list`."""

from __future__ import annotations

import click


@click.command("list")
def list_zoo() -> None:
    """List the networks of the zoo: input, size, accuracy.

    \b
    Example:
      cnnzoo list
    """
    from cnnzoo.terminal.tables import console, zoo_table

    console().print(zoo_table())
