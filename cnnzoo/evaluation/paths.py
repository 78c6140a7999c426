"""Arguments → image files: files, folders, patterns, and a list on standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from cnnzoo.datasets.images.decode import FORMATS
from cnnzoo.errors import DataError

Found = tuple[str, str | None]  # a path, and the reason why it has no files, or None

_SUFFIXES = tuple(FORMATS)


def find_files(
    words: Iterable[str | os.PathLike[str]], stdin: BinaryIO | None = None
) -> Iterator[Found]:
    """Return the files that these words name, in their order.

    A word is a file, a folder (all images below it, sorted), a pattern as the shell's (`**` is any
    number of folders), or `-`: the files listed on `stdin`, one a line or ended by a NUL. Files
    are found as they are requested, apart from the first one.

    Raises DataError if they name no file.
    """
    words = [words] if isinstance(words, str | os.PathLike) else words
    found = chain.from_iterable(_named(os.fspath(word), stdin) for word in words)
    problems: list[Found] = []
    for path, problem in found:
        if problem is None:
            return chain(problems, [(path, None)], found)
        problems.append((path, problem))
    raise DataError(
        "no file to predict: " + "; ".join(f"{path} {problem}" for path, problem in problems[:3])
        if problems
        else "no file to predict",
        hint=f"in a folder, files that end in {', '.join(_SUFFIXES)} are images",
    )


def _named(word: str, stdin: BinaryIO | None) -> Iterator[Found]:
    if word == "-" and stdin:
        yield from ((path, None) for path in listed_files(stdin))
    elif Path(word).is_dir():
        yield from _below(word)
    elif Path(word).exists() or not glob.has_magic(word):
        yield word, None
    else:
        matches = sorted(glob.glob(word, recursive=True))  # noqa: PTH207 - as in the shell
        for match in matches:
            if not Path(match).is_dir():
                yield match, None
            elif "**" not in word:  # which also matches the content of the folder
                yield from _below(match)
        if not matches:
            yield word, "matches no file"


def listed_files(stream: BinaryIO) -> Iterator[str]:
    """Yield the paths in a list, one per line, or NUL-terminated if the first one is."""
    separator = b""
    rest = b""
    while block := stream.read1(1 << 16):  # type: ignore[attr-defined]
        rest += block
        separator = separator or (b"\0" if b"\0" in rest else b"\n" if b"\n" in rest else b"")
        if separator:
            *whole, rest = rest.split(separator)
            yield from (os.fsdecode(path) for path in whole if path)
    if rest:
        yield os.fsdecode(rest)


def _below(folder: str) -> Iterator[Found]:
    """Yield all images below a folder, its own before those of its folders."""
    seen = {Path(folder).resolve()}
    unreadable: list[OSError] = []
    empty = True
    for inner, folders, names in os.walk(folder, followlinks=True, onerror=unreadable.append):
        for name in sorted(names):
            if name.lower().endswith(_SUFFIXES) and name[0] != ".":
                empty = False
                yield str(Path(inner, name)), None
        visible = sorted(name for name in folders if name[0] != ".")
        folders.clear()
        for name in visible:
            real = Path(inner, name).resolve()
            if real not in seen:  # a link may lead to a parent
                seen.add(real)
                folders.append(name)
    for error in unreadable:
        yield error.filename, error.strerror or "cannot be read"
    if empty and not unreadable:
        yield folder, "has no images below it"
