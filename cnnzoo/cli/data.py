"""`cnnzoo data`: check data, and manage the cache of decoded images."""

from __future__ import annotations

import click

from cnnzoo.cli.data_cache import cache_data
from cnnzoo.cli.data_check import check_data
from cnnzoo.cli.group import OrderedGroup


@click.group(cls=OrderedGroup)
def data() -> None:
    """Check data, and manage the cache of decoded images.

    \b
    Examples:
      cnnzoo data check my.yaml
      cnnzoo data cache
    """


for command in (check_data, cache_data):
    data.add_command(command)
