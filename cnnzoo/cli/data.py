"""`cnnzoo data`: what is wrong with the data, and what is kept of them."""

from __future__ import annotations

import click

from cnnzoo.cli.group import OrderedGroup


@click.group(cls=OrderedGroup)
def data() -> None:
    """Check data, and manage what was decoded of them."""


for command in ():
    data.add_command(command)
