"""`cnnzoo list`."""

from __future__ import annotations

import click


@click.command("list")
def list() -> None:
    """List the networks of the zoo: input, size, accuracy.

    \b
    Example:
      cnnzoo list
    """
    from cnnzoo.terminal.console import print_parts
    from cnnzoo.terminal.zoo_table import zoo_table

    print_parts(zoo_table())
