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
    from rich.console import Console

    from cnnzoo.cli.tables import zoo_table

    Console().print(zoo_table())
