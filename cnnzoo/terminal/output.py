"""Writing the files that a person names on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from cnnzoo.errors import UserError


def write_file(path: Path, text: str) -> None:
    """Write a text file atomically, its directory made where it is missing.

    Raises UserError where it cannot be written.
    """
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary path that becomes the file on success, its directory made where it is missing.

    Raises UserError where it cannot be written.
    """
    from cnnzoo.runs.files import replacing

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            yield temporary
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


@contextmanager
def open_output(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or the file that was named, which is there once it is complete.

    Raises UserError where the file cannot be written.
    """
    if output is None:
        yield sys.stdout
        return
    with (
        writing(output) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        yield file


def refuse_existing(path: Path, hint: str = "name another file, or remove this one first") -> None:
    """Raise UserError, with the way out, where a file is there already."""
    if path.exists() or path.is_symlink():
        raise UserError(f"{path} is there already", hint=hint)
