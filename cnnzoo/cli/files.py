"""Writing the files that a person names on the command line."""

from __future__ import annotations

from pathlib import Path

import click

from cnnzoo.errors import UserError


def write_file(path: Path, text: str) -> None:
    """Write a text file atomically, its directory made where it is missing.

    Raises UserError where it cannot be written.
    """
    from cnnzoo.runs import write_text

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}", hint="name another file"
        ) from error


def print_or_write(text: str, output: Path | None) -> None:
    """Print a text, or write it to the file that was named and say so."""
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)
        click.echo(f"written to {output}")


def refuse_existing(path: Path) -> None:
    """Raise UserError where a file is there already."""
    if path.exists() or path.is_symlink():
        raise UserError(
            f"{path} is there already", hint="name another file, or remove this one first"
        )
