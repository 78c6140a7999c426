"""Copy of a configuration file, with its comments, under a new name."""

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
_NOT_COPIED = (_MODELINE, "purpose:", "reference:")  # of the zoo, and measured only there
_COMMENT = r"(?P<comment>\s+#.*)?"


def derived_text(source: str | Path, target: Path) -> str:
    """Return the text of the configuration `source` under the name of the file `target`.

    The first line gives editors the path of the schema, `SCHEMA_FILE` next to the target. Raises
    UserError if the target has an invalid name or could not find the file that it extends.
    """
    path = zoo.find(source)
    if not re.fullmatch(NAME, target.stem):
        raise UserError(
            f"{target.stem!r} cannot name a configuration",
            hint="a name is a word of letters, digits, '.', '_' and '-'",
        )
    read_extended(path)  # report errors for the source, not for its copy
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    lines = [line for line in lines if not line.startswith(_NOT_COPIED)]
    lines = _with_value(lines, "name", target.stem)
    extended = read_yaml_file(path).get("extends")
    if extended is not None:
        lines = _with_value(lines, "extends", _extended_from(extended, path, target))
    return "\n".join([f"{_MODELINE}{SCHEMA_FILE.as_posix()}", *lines]) + "\n"


def _with_value(lines: list[str], key: str, value: str) -> list[str]:
    """Return the lines with the value of a top-level key replaced, or the key added on top."""
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
    """Return the value of `extends` in `target` for the file that `source` extends."""
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
        hint=f"write the new file to {source.parent}, or copy {base} next to it first",
    )


def _found_from(target: Path, spelling: str) -> Path | None:
    """Return the file that `extends: spelling` will refer to in the target, or None."""
    path = target.parent / spelling
    if path.resolve() == target.resolve():
        return None
    try:
        return zoo.find(spelling, directory=target.parent).resolve()
    except ConfigError:
        return None
