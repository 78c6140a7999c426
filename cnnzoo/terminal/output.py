"""Texts and files that a command writes: existing files, atomic writes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from cnnzoo.errors import UserError
from cnnzoo.terminal.streams import OutputStream


def print_data(text: str) -> None:
    """Print text that programs read (JSON, CSV, YAML) as UTF-8, whatever the terminal's encoding.

    A file name that is not valid Unicode is escaped.
    """
    with data_stream() as stream:
        stream.write(text)


@contextmanager
def data_stream() -> Iterator[TextIO]:
    """Yield standard output as UTF-8; on a terminal, control characters are escaped."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:  # a test's or notebook's text stream
        yield sys.stdout
        return
    sys.stdout.flush()
    stream = OutputStream(
        buffer, "utf-8", "backslashreplace", escapes=sys.stdout.isatty(), newline=""
    )
    try:
        yield stream
        stream.flush()
    finally:
        stream.detach()


def write_file(path: Path, text: str) -> None:
    """Write a text file atomically, and its missing directories.

    Raises:
        UserError: it cannot be written.

    """
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` on success; make missing directories.

    Raises:
        UserError: it cannot be written.

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
    """Print a text as UTF-8, or write it to the file that was named and report that."""
    if output is None:
        print_data(text)
    else:
        write_file(output, text)
        click.echo(f"written to {output}")


@contextmanager
def open_output(output: Path | None) -> Iterator[TextIO]:
    """Yield standard output as UTF-8, or a named file that appears once it is complete.

    Raises:
        UserError: the file cannot be written.

    """
    if output is None:
        with data_stream() as stream:
            yield stream
        return
    with (
        writing(output) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace") as file,
    ):
        yield file


def refuse_existing(path: Path | None, force: bool = False) -> None:
    """Raise UserError if a file exists that the user did not allow to be overwritten."""
    if path is not None and not force and (path.exists() or path.is_symlink()):
        raise UserError(
            f"{path} already exists", hint="name another file, or overwrite this one with --force"
        )
