"""`cnnzoo list`."""

from __future__ import annotations

import click


@click.command("list")
def list_zoo() -> None:
    """List the zoo: each architecture's input, size, and what it reached.

    \b
    Example:
      cnnzoo list
    """
    from cnnzoo.cli.tables import console, zoo_table

    console().print(zoo_table())
