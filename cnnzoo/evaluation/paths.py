"""Find image files from arguments: files, folders, patterns, and a list on standard input."""

from __future__ import annotations

import codecs
import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from cnnzoo.datasets.image_names import (
    SUFFIXES,
    count_kinds,
    is_hidden,
    is_image,
    others_text,
)
from cnnzoo.errors import DataError

MAX_PATH = 2**16  # bytes of a line in a list of files; Linux has paths of 4,096 at most

Found = tuple[str, str | None]  # a path, and the reason why it has no files, or None
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # as PowerShell writes a list
_MARKS = (codecs.BOM_UTF8, *_UTF16)
_NUL, _LINE_END = re.compile(rb"\0"), re.compile(rb"\r?\n")


def find_files(
    words: Iterable[str | os.PathLike[str]],
    stdin: BinaryIO | None = None,
    on_note: Callable[[str], None] = lambda text: None,
) -> Iterator[Found]:
    """Return the files that these arguments name, in order.

    A word is a file, a folder (all images below it, sorted), a shell pattern (`**` is any number of
    folders), or `-`: the files listed on `stdin`, one a line or ended by a NUL. Files
    are found as they are requested, apart from the first one. `on_note` gets one line for each
    folder with files that are not images by their names.

    Raises DataError if no file is found.
    """
    words = [words] if isinstance(words, str | os.PathLike) else words
    found = chain.from_iterable(_named(os.fspath(word), stdin, on_note) for word in words)
    problems: list[Found] = []
    for path, problem in found:
        if problem is None:
            return chain(problems, [(path, None)], found)
        problems.append((path, problem))
    raise DataError(
        "no file to predict: " + "; ".join(f"{path} {problem}" for path, problem in problems[:3])
        if problems
        else "no file to predict",
        hint=f"in a folder, files that end in {', '.join(SUFFIXES)} are images",
    )


def _named(word: str, stdin: BinaryIO | None, on_note: Callable[[str], None]) -> Iterator[Found]:
    if word == "-" and stdin:
        yield from ((path, None) for path in listed_files(stdin))
    elif Path(word).is_dir():
        yield from _below(word, on_note)
    elif Path(word).exists() or not glob.has_magic(word):
        yield word, None
    else:
        matches = sorted(glob.glob(word, recursive=True))  # noqa: PTH207 - as in the shell
        for match in matches:
            if not Path(match).is_dir():
                yield match, None
            elif "**" not in word:  # which also matches the content of the folder
                yield from _below(match, on_note)
        if not matches:
            yield word, "matches no file"


def listed_files(stream: BinaryIO) -> Iterator[str]:
    """Yield the paths in a list, one a line, or ended by a NUL if the first of them is.

    The list may come from Windows: with a byte order mark, in UTF-16, with CR LF at the ends of
    lines, and with backslashes in paths that do not exist here otherwise.
    """
    for line in _lines(_decoded(stream)):
        path = os.fsdecode(line)
        if "\\" in path and os.sep == "/" and not Path(path).exists():
            path = path.replace("\\", "/")
        yield path


def _decoded(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the blocks of a stream without its byte order mark, converted to UTF-8."""
    decoder: codecs.IncrementalDecoder | None = None
    start, has_started = b"", False
    while block := stream.read1(1 << 16):  # type: ignore[attr-defined]
        if not has_started:
            start += block
            if any(start != mark and mark.startswith(start) for mark in _MARKS):
                continue  # the mark may come in pieces
            if start.startswith(_UTF16):
                decoder = codecs.getincrementaldecoder("utf-16")("replace")
            block, has_started = start.removeprefix(codecs.BOM_UTF8), True
        yield decoder.decode(block).encode() if decoder else block
    if start and not has_started:
        yield start


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines that are not empty as soon as they are complete; the first decides their end."""
    end: re.Pattern[bytes] | None = None
    rest = b""
    for block in blocks:
        rest += block
        if end is None and (b"\0" in rest or b"\n" in rest):
            end = _NUL if b"\0" in rest else _LINE_END
        if end:
            *whole, rest = end.split(rest)
            yield from filter(None, whole)
        if len(rest) > MAX_PATH:
            raise DataError(f"the list of files has a line of more than {MAX_PATH:,} bytes")
    if rest := rest if end is _NUL else rest.removesuffix(b"\r"):
        yield rest


def _below(folder: str, on_note: Callable[[str], None]) -> Iterator[Found]:
    """Yield all images below a folder, those directly in it before those in its folders."""
    seen = {Path(folder).resolve()}
    unreadable: list[OSError] = []
    empty = True
    others: Counter[str] = Counter()
    for inner, folders, names in os.walk(folder, followlinks=True, onerror=unreadable.append):
        for name in sorted(filter(is_image, names)):
            empty = False
            yield str(Path(inner, name)), None
        others += count_kinds(name for name in names if not is_image(name) and not is_hidden(name))
        visible = sorted(name for name in folders if not is_hidden(name))
        folders.clear()
        for name in visible:
            real = Path(inner, name).resolve()
            if real not in seen:  # a link may lead to a parent
                seen.add(real)
                folders.append(name)
    for error in unreadable:
        yield error.filename, error.strerror or "cannot be read"
    if others:
        on_note(f"{folder}: {others_text(others)}")
    if empty and not unreadable:
        yield folder, "has no images below it"
