"""Standard output and standard error of the commands.

Names of files, classes and runs may hold escape sequences, which a terminal obeys. Everything that
is printed is escaped, except what `cnnzoo.terminal.console` and the error printer write: they color
their output, and escape each text themselves.
"""

from __future__ import annotations

import codecs
import io
import sys
from typing import BinaryIO, TextIO, cast

from cnnzoo.errors import OutputError

# Characters of tables and messages, for streams whose encoding lacks them.
_PLAIN = {"→": "->", "…": "...", "\u00d7": "x", "±": "+/-", "\u2013": "-", "\u2019": "'", "│": "|"}
_ERRORS = "cnnzoo.plain"
_SPACES = "\n\t\u00a0\u202f\u3000"


class OutputStream(io.TextIOWrapper):
    """A text stream that can escape control characters; it raises OutputError if it is full.

    `unescaped` is a stream to the same file that does not escape.
    """

    unescaped: OutputStream

    def __init__(
        self, buffer: BinaryIO, encoding: str, errors: str, *, escapes: bool, newline: str | None
    ) -> None:
        super().__init__(
            buffer, encoding, errors, newline, line_buffering=buffer.isatty(), write_through=True
        )
        self.escapes = escapes

    def write(self, text: str) -> int:
        """Write a text; raise OutputError if it cannot be written."""
        try:
            super().write(escaped(text) if self.escapes else text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _output_error(error) from error
        return len(text)

    def flush(self) -> None:
        """Flush what was written; raise OutputError if it cannot be written."""
        try:
            super().flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _output_error(error) from error


def prepare_streams() -> None:
    """Let standard output and standard error escape what is printed, in any encoding.

    A character that the encoding lacks (`→` in ASCII) is written as a similar one, or escaped.
    """
    codecs.register_error(_ERRORS, _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and not isinstance(stream, OutputStream):
            stream.flush()
            pair = [
                OutputStream(
                    cast(BinaryIO, stream.buffer),
                    stream.encoding,
                    _ERRORS,
                    escapes=escapes,
                    newline=None,
                )
                for escapes in (True, False)
            ]
            pair[0].unescaped = pair[1]
            setattr(sys, name, pair[0])


def unescaped(stream: TextIO) -> TextIO:
    """Return the stream to the same file that writes escape sequences; for colored output."""
    return stream.unescaped if isinstance(stream, OutputStream) else stream


def escaped(text: str) -> str:
    """Return a text with control and direction characters as escapes; lines and tabs are kept."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in _SPACES else repr(char)[1:-1] for char in text
    )


def _output_error(error: OSError) -> OutputError:
    return OutputError(
        f"the output cannot be written: {error.strerror}",
        hint="free some space where it is redirected to",
    )


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks by plain ones, or by their escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    plain = "".join(
        _PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode() for char in text
    )
    return plain, error.end
