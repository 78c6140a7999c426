"""Values as short text for one line: names, counts, lists, durations."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

MOST_LETTERS = 60
MOST_NAMES = 10

_DIGITS = re.compile(r"([0-9]+)")


def printable(line: str) -> str:
    """Return a line with control and direction characters as escapes.

    A line may quote an untrusted file; escaped, it cannot control a terminal, start a new line or
    reverse its direction.
    """
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


def shorten(
    text: str, most: int = MOST_LETTERS, keep: Literal["start", "end", "both"] = "start"
) -> str:
    """Return a printable text of at most `most` letters; `…` replaces the part that is left out.

    `keep` is the part that stays: the start, the end, or both ends.
    """
    text = printable(text)
    if len(text) <= most:
        return text
    head = {"start": most - 1, "end": 0, "both": (most - 1) * 2 // 3}[keep]
    tail = most - 1 - head
    return f"{text[:head]}…{text[len(text) - tail :]}"


def listed(names: Iterable[object], most: int = MOST_NAMES) -> str:
    """Return names in a row, `a, b, c`; of more than `most`, the first ones and `… 3 more`."""
    shown = [shorten(str(name)) for name in names]
    if len(shown) > most:
        shown[most:] = [f"… {len(shown) - most:,} more"]
    return ", ".join(shown)


def joined(parts: Sequence[str], last: str = "and") -> str:
    """Return all parts as a phrase: `a`, `a and b`, `a, b and c`."""
    return f" {last} ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 class`, `1,200 classes`; the plural of `one` adds an s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def duration_text(seconds: float) -> str:
    """Return a time in a few letters: `4.6 s`, `3:05`, `1:02:03`, `2 d 03:04:05`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02}:{minutes:02}:{rest:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def rough_duration(seconds: float) -> str:
    """Return an estimated time in a unit that suits it: `14 s`, `3 min`, `5 h`, `2 d`."""
    for unit, length, least in (("d", 86_400, 2), ("h", 3600, 2), ("min", 60, 2)):
        if round(seconds / length) >= least:
            return f"{round(seconds / length):,} {unit}"
    return f"{max(1, round(seconds))} s"


def compact(number: int) -> str:
    """Return a large number in three or four digits: `417 k`, `1.14 G`."""
    for factor, prefix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {prefix}" if number < 1000 * factor else f"{number:,}"
    return str(number)


def nfc(text: str) -> str:
    """Return a name in Unicode's composed form, so that equal names compare equal.

    macOS stores `é` in a file name as two characters, most editors write it as one.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def natural_order(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers in names by size: `row 9` is before `row 10`."""
    return [
        (len(part.lstrip("0")), part.lstrip("0")) if part[:1].isdecimal() else (0, part)
        for part in _DIGITS.split(name)
    ]


def size_text(size: int) -> str:
    """Return a number of bytes in three digits: `250 kB`, `8.9 MB`."""
    for factor, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"
