"""`cnnzoo data cache`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from cnnzoo.datasets.cache import Stored

_KEY = 8  # characters of a key, enough to distinguish entries


@click.command("cache")
@click.argument("entries", nargs=-1, metavar="[NAME_OR_KEY]...")
@click.option("--clear", is_flag=True, help="Remove the listed entries.")
def cache_data(entries: tuple[str, ...], clear: bool) -> None:
    """List the cache of decoded images, or clear it.

    Cleared images are decoded again when they are next used; a training that uses them continues.
    CNNZOO_CACHE sets the directory.

    \b
    Examples:
      cnnzoo data cache
      cnnzoo data cache fer2013 --clear
      cnnzoo data cache --clear
    """
    from cnnzoo.datasets.cache import find_stored, remove_stored
    from cnnzoo.datasets.cache_directory import cache_directory
    from cnnzoo.errors import DataError
    from cnnzoo.terminal.console import print_parts

    stored = find_stored(entries)
    if not stored:
        click.echo(f"the cache {cache_directory()} is empty")
        return
    print_parts(_table(stored))
    kept = [entry for entry in stored if not (clear and remove_stored(entry))]
    verb, shown = ("freed", [e for e in stored if e not in kept]) if clear else ("used", stored)
    click.echo(f"{size_text(sum(entry.size for entry in shown))} {verb} in {cache_directory()}")
    if clear and kept:
        raise DataError(
            f"not cleared: {', '.join(entry.key[:_KEY] for entry in kept)}",
            hint="an entry that is being built, or that you may not remove, stays",
        )


def size_text(size: int) -> str:
    """Return a size as text: `850 KiB`, `71 MiB`, `1.5 GiB`."""
    if size >= 2**30:
        return f"{size / 2**30:.1f} GiB"
    return f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"


def ago(seconds: float) -> str:
    """Return a time span as text: `5 minutes ago`."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := int(seconds / length)) > 0:
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "now"


def _table(stored: Sequence[Stored]) -> Table:
    from rich.text import Text

    from cnnzoo.architecture.arithmetic import shape_text
    from cnnzoo.terminal.console import new_table

    table = new_table()
    for heading in ("key", "data"):
        table.add_column(heading, no_wrap=True)
    for heading in ("images", "shape", "size", "last used"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("source", overflow="fold")
    for entry in stored:
        images, *shape = entry.about.get("shape", (None,))
        source = entry.about.get("source", {})
        table.add_row(
            entry.key[:_KEY],
            Text(entry.about.get("name", f"({entry.state})")),
            f"{images:,}" if images else "",
            shape_text(shape) if shape else "",
            size_text(entry.size),
            ago(time.time() - entry.used),
            Text(", ".join(f"{key}: {value}" for key, value in source.items())),
        )
    return table
