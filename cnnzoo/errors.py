"""Errors that tell a person where the mistake is, what was expected, and how to continue.

An error is raised where the knowledge is and printed in one place (`cnnzoo.cli`). Its `exit_code`
is 2 for a user's mistake and 1 for a failed run.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TextIO

from cnnzoo.text import printable

_BOLD, _RED, _CYAN, _PLAIN = "\x1b[1m", "\x1b[1;31m", "\x1b[36m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a value: a file with a 1-based line and column.

    For a value from the command line, `file` is its `KEY=VALUE` and `line` is 0. `used_at` is the
    place that refers to this one, for example the layer that uses a block.
    """

    file: str
    line: int
    column: int
    used_at: Place | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: a message, its place, a hint how to continue, and lines of details."""

    message: str
    place: Place | None = None
    hint: str | None = None
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text()

    def text(self, *, color: bool = False) -> str:
        """Return the lines that are printed; with `color`, the labels have ANSI colors.

        Control characters in the message, the place and the details are escaped.
        """
        bold, red, cyan, plain = (_BOLD, _RED, _CYAN, _PLAIN) if color else ("", "", "", "")
        place = f"{bold}{printable(str(self.place))}:{plain} " if self.place else ""
        lines = [f"{place}{red}error:{plain} {printable(self.message)}"]
        used_at = self.place.used_at if self.place else None
        while used_at:
            lines.append(f"   used at {printable(str(used_at))}")
            used_at = used_at.used_at
        lines += [f"   {printable(detail)}" for detail in self.details]
        if self.hint:
            lines.append(f"   {cyan}hint:{plain} {printable(self.hint)}")
        return "\n".join(lines)


class CnnzooError(Exception):
    """A failure that cnnzoo explains: one or more mistakes and the exit code of the command."""

    exit_code = 1

    def __init__(
        self, message: str, *, place: Place | None = None, hint: str | None = None
    ) -> None:
        self.mistakes: tuple[Mistake, ...] = (Mistake(message, place, hint),)
        super().__init__(message)

    @classmethod
    def of(cls, mistakes: Iterable[Mistake]) -> Self:
        """Return an error with these mistakes (at least one)."""
        mistakes = tuple(mistakes)
        error = cls(mistakes[0].message)
        error.mistakes = mistakes
        return error

    def __str__(self) -> str:
        return self.text()

    def text(self, *, color: bool = False) -> str:
        """Return the lines of all mistakes; with `color`, the labels have ANSI colors."""
        return "\n".join(mistake.text(color=color) for mistake in self.mistakes)


class UserError(CnnzooError):
    """A request that cannot be fulfilled."""

    exit_code = 2


class ConfigError(UserError, ValueError):
    """A configuration that cannot be read or is not valid."""


class DataError(UserError):
    """Data that are missing, cannot be read, or do not fit the configuration."""


class RunError(UserError):
    """A run directory or model that is missing, damaged, or cannot be written."""


class DeviceError(UserError):
    """A requested device or backend that is not available."""


class OutputError(CnnzooError):
    """Standard output or standard error that cannot be written, for example on a full disk."""


class TrainingError(CnnzooError):
    """A training that started and failed."""


class DivergedError(TrainingError):
    """A training whose loss or weights became NaN or infinite."""


class TooLargeError(TrainingError):
    """A training that does not fit in memory."""


class Interrupted(CnnzooError, KeyboardInterrupt):  # noqa: N818 - the user's wish, not an error
    """A training that was stopped from the keyboard; its last checkpoint is kept."""

    exit_code = 130


class Terminated(Interrupted):
    """A training that was stopped by SIGTERM, for example before the machine shuts down."""

    exit_code = 143


def supports_color(stream: TextIO) -> bool:
    """Return whether a stream is a terminal with colors, and `NO_COLOR` is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'filters'?"` if a known word is similar, else an empty string."""
    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most similar, ignoring case; None if no word is similar.

    Of known words that differ only in case, the first is returned.
    """
    candidates: dict[str, str] = {}
    for name in known:
        candidates.setdefault(name.lower(), name)
    near = difflib.get_close_matches(word.lower(), candidates, n=5, cutoff=0.6)
    swapped = [name for name in near if sorted(name) == sorted(word.lower())]
    return candidates[(swapped or near)[0]] if near else None
