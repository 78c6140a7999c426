"""What can go wrong, said so that a person can act on it.

An error is raised where the knowledge is, with what came, what was expected and how to go on; it
is shown in one place (`cnnzoo.cli`). `exit_code` is 2 for a user's mistake and 1 for a failed run.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from cnnzoo.text import printable


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written: a file and its 1-based line and column.

    A value from the command line has its `KEY=VALUE` for a file, and line 0. `used_at` is the place
    that brought this value in, for example the layer that uses a block.
    """

    file: str
    line: int
    column: int
    used_at: Place | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: what, where, and the way out; `details` are lines printed below."""

    message: str
    place: Place | None = None
    hint: str | None = None
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.place}: error: {self.message}" if self.place else f"error: {self.message}"]
        used_at = self.place.used_at if self.place else None
        while used_at:
            lines.append(f"   used at {used_at}")
            used_at = used_at.used_at
        lines += [f"   {detail}" for detail in self.details]
        if self.hint:
            lines.append(f"   hint: {self.hint}")
        return "\n".join(map(printable, lines))


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
        """The error that carries these mistakes (at least one)."""
        mistakes = tuple(mistakes)
        error = cls(mistakes[0].message)
        error.mistakes = mistakes
        return error

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)


class UserError(CnnzooError):
    """Something that the user asked for cannot be done as asked."""

    exit_code = 2


class ConfigError(UserError, ValueError):
    """A configuration that cannot be read or does not make sense."""


class DataError(UserError):
    """Data that are not there, cannot be read, or do not fit the configuration."""


class RunError(UserError):
    """A run directory that is none, is damaged, or cannot be written."""


class DeviceError(UserError):
    """A device or backend that was asked for and is not there."""


class TrainingError(CnnzooError):
    """A training that began and failed."""


class Interrupted(CnnzooError, KeyboardInterrupt):  # noqa: N818 - the user's wish, not an error
    """A training that was stopped from the keyboard; what it reached is kept."""

    exit_code = 130


class Terminated(Interrupted):
    """A training that was stopped by SIGTERM, as a machine does before it goes away."""

    exit_code = 143


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'filters'?"` for a near miss of a known word, else an empty string."""
    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a word nearly is, in whatever case; None where none is near.

    Of words that differ in case only, the first is meant.
    """
    candidates: dict[str, str] = {}
    for name in known:
        candidates.setdefault(name.lower(), name)
    near = difflib.get_close_matches(word.lower(), candidates, n=5, cutoff=0.6)
    swapped = [name for name in near if sorted(name) == sorted(word.lower())]
    return candidates[(swapped or near)[0]] if near else None
