"""A new configuration file from one that exists: its text and comments, under a new name."""

from __future__ import annotations

import re
from pathlib import Path

from cnnzoo.config import zoo
from cnnzoo.config.loader import read_extended
from cnnzoo.config.reader import read_yaml_file
from cnnzoo.config.schema import NAME
from cnnzoo.config.writer import to_flow
from cnnzoo.errors import ConfigError, UserError

SCHEMA_FILE = Path(".cnnzoo") / "schema.json"

_MODELINE = "# yaml-language-server: $schema="
_NOT_COPIED = (_MODELINE, "reference:")  # the copy has not reached what its source has
_COMMENT = r"(?P<comment>\s+#.*)?"


def derived_text(source: str | Path, target: Path) -> str:
    """What to write to `target`, so that it is the configuration `source` under the target's name.

    The first line tells editors where the schema is, `SCHEMA_FILE` beside the target. Raises
    UserError where the target cannot be a configuration or could not find what it extends.
    """
    path = zoo.find(source)
    if not re.fullmatch(NAME, target.stem):
        raise UserError(
            f"{target.stem!r} cannot name a configuration",
            hint="a name is a word of letters, digits, '.', '_' and '-'",
        )
    read_extended(path)  # what cannot be read is said of the source, not of its copy
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    lines = [line for line in lines if not line.startswith(_NOT_COPIED)]
    lines = _with_value(lines, "name", target.stem)
    extended = read_yaml_file(path).get("extends")
    if extended is not None:
        lines = _with_value(lines, "extends", _extended_from(extended, path, target))
    return "\n".join([f"{_MODELINE}{SCHEMA_FILE.as_posix()}", *lines]) + "\n"


def _with_value(lines: list[str], key: str, value: str) -> list[str]:
    """The lines with a top-level key's value replaced, or the key put before all others."""
    pattern = re.compile(rf"{key}:[ \t]+.*?{_COMMENT}")
    written = f"{key}: {to_flow(value)}"
    for number, line in enumerate(lines):
        if match := pattern.fullmatch(line):
            new = f"{written}{match['comment'] or ''}"
            return [*lines[:number], new, *lines[number + 1 :]]
    first = next((n for n, line in enumerate(lines) if re.match(r"[^#\s]", line)), len(lines))
    if first < len(lines) and lines[first].startswith("---"):
        first += 1
    return [*lines[:first], written, *lines[first:]]


def _extended_from(extended: str, source: Path, target: Path) -> str:
    """What `target` must say to extend the file that `source` extends as `extended`."""
    base = zoo.find(extended, directory=source.parent).resolve()
    folder = target.parent.resolve()
    spellings = [extended, base.stem]
    if base.is_relative_to(folder):
        spellings.append(base.relative_to(folder).as_posix())
    for spelling in spellings:
        if _found_from(target, spelling) == base:
            return spelling
    raise UserError(
        f"{source} extends {extended}, which {target} could not",
        hint=f"write the new file to {source.parent}, or copy {base} beside it first",
    )


def _found_from(target: Path, spelling: str) -> Path | None:
    """The file that `extends: spelling` would find from the target, once the target is there."""
    path = target.parent / spelling
    if path.resolve() == target.resolve():
        return None
    try:
        return zoo.find(spelling, directory=target.parent).resolve()
    except ConfigError:
        return None
