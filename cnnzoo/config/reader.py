"""YAML text → located plain values, strictly: YAML 1.2 scalars, no surprises, bounded work.

PyYAML parses the text into events; this module interprets the scalars by the YAML 1.2 core schema
 (https://yaml.org/spec/1.2.2/#103-core-schema): `1e-3` is a number, `no` is a string, `012`
is 12. One addition: a fraction of two integers, `1/255`, is a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cnnzoo.config.located import Map, Seq
from cnnzoo.errors import ConfigError, Place
from cnnzoo.text import shorten

MAX_BYTES = 256 * 1024  # the largest config of the zoo has 6 KiB
MAX_DEPTH = 40
MAX_VALUES = 50_000  # including those of aliases, so that nested aliases cannot exhaust the memory

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_BASED_INTEGER = re.compile(r"0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")  # written as "\\uD800", it could not be printed
_FRACTION = re.compile(r"([-+]?[0-9]{1,15})/([0-9]{1,15})")


# Message of PyYAML → message for the author of the line, and a hint. `began` is the line where the
# incomplete construct begins, `seen` the line of the error.
_SYNTAX = (
    (
        "mapping values are not allowed",
        "not valid YAML: a second ': ' in this line",
        "write several keys in one line as {key: value, key: value}; quote a text that holds ': '",
    ),
    (
        "unexpected end of stream while scanning a quoted scalar",
        "not valid YAML: the quote that opens here is never closed",
        "close it with the same kind of quote",
    ),
    (
        "expected ',' or '([]}}])'",
        "not valid YAML: the bracket that opens here lacks '{0}', or a ',' between its values; "
        "this was seen in line {seen}",
        "close every bracket, and put a comma between the values in it",
    ),
    (
        "could not find expected ':'",
        "not valid YAML: the key in line {began} has no ': ' after it",
        "write KEY: VALUE, with a space after the colon",
    ),
    (
        "found character '(.+)' that cannot start any token",
        "not valid YAML: a value cannot begin with {0}",
        "quote a text that begins with a special character",
    ),
    (
        "expected <block end>, but found '(?:-|<block sequence start>)'",
        "not valid YAML: '- ' inside the mapping that begins in line {began}",
        "indent the items of a list below the key that they belong to",
    ),
    (
        "expected <block end>",
        "not valid YAML: the indentation of this line does not match any line above",
        "keys of one mapping, and the '- ' of one list, begin in the same column",
    ),
)


def read_yaml_file(path: Path) -> Any:
    """Return the located content of a YAML file; raises ConfigError if it cannot be read."""
    try:
        if not path.is_file():
            raise ConfigError(f"{path} is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    start = Place(str(path), 1, 1)
    if len(content) > MAX_BYTES:
        raise ConfigError(
            f"the file is larger than {MAX_BYTES // 1024} KiB, the limit for a configuration",
            place=start,
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise ConfigError(
            f"byte 0x{content[error.start]:02x} is not UTF-8 text",
            place=Place(str(path), line, column),
            hint="is this a YAML file? save it as UTF-8",
        ) from None
    return read_yaml(text, str(path))


def read_yaml(text: str, name: str = "<text>") -> Any:
    """Return the located value of a YAML document: Map, Seq, or a scalar; None if it is empty."""
    loader = yaml.SafeLoader(_checked_characters(text, name))
    try:
        return _Document(_events(loader), name).read()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, name, text) from None
    except ConfigError:
        raise
    except (ValueError, OverflowError):  # PyYAML on \UFFFFFFFF and on %YAML 1.999…
        place = Place(name, loader.line + 1, loader.column + 1)
        raise ConfigError("a number here is out of range", place=place) from None
    finally:
        loader.dispose()


def read_scalar(text: str) -> Any:
    """Return the value of an unquoted scalar in YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED_INTEGER.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    fraction = _FRACTION.fullmatch(text)
    if fraction and int(fraction[2]):
        return int(fraction[1]) / int(fraction[2])
    return text


def _checked_characters(text: str, name: str) -> str:
    unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if unprintable:
        line, column = _line_and_column(text, unprintable.start())
        raise ConfigError(
            f"character U+{ord(unprintable[0]):04X} is not text",
            place=Place(name, line, column),
            hint="is this a YAML file?",
        )
    return text


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _events(loader: yaml.SafeLoader) -> Iterator[yaml.Event]:
    while loader.check_event():
        yield loader.get_event()  # type: ignore[no-untyped-call]


def _syntax_error(error: yaml.MarkedYAMLError, name: str, text: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name, 1, 1)
    line = text.splitlines()[place.line - 1 : place.line]
    tab = line[0].find("\t", 0, place.column) if line else -1
    if tab >= 0 and not line[0][:tab].strip(" -"):
        place = Place(name, place.line, tab + 1)
        return ConfigError("a tab in the indentation", place=place, hint="indent with spaces")
    before = line[0][: place.column - 1] if line else ""
    if before.endswith("$"):
        return ConfigError("${…} needs quotes", place=place, hint='write "${…}"')
    problem = f"{error.problem or 'the text is not YAML'} {error.context or ''}".strip()
    if problem.startswith("mapping values") and re.fullmatch(r"[\s-]*[^\s:]+", before):
        return _too_deep(place, text)
    start = error.context_mark
    began = Place(name, start.line + 1, start.column + 1) if start else place
    for pattern, message, hint in _SYNTAX:
        if found := re.search(pattern, problem):
            message = message.format(*found.groups(), began=began.line, seen=place.line)
            at = began if "opens here" in message else place
            return ConfigError(message, place=at, hint=hint)
    return ConfigError(f"not valid YAML: {problem}", place=place)


def _too_deep(place: Place, text: str) -> ConfigError:
    """Return the error for a key below a line that already has a value, or seems to have one."""
    number = place.line - 1
    lines = text.splitlines()
    while number and not lines[number - 1].strip():
        number -= 1
    if number and (glued := re.match(r"[\s-]*(\w+):(\S.*)", lines[number - 1])):
        return ConfigError(
            "not valid YAML: the colon of a key needs a space after it",
            place=Place(place.file, number, glued.end(1) + 1),
            hint=f"write {glued[1]}: {shorten(glued[2].strip())}",
        )
    column = len(lines[place.line - 1]) - len(lines[place.line - 1].lstrip()) + 1
    return ConfigError(
        f"not valid YAML: a key below line {number}, which already has a value",
        place=Place(place.file, place.line, column),
        hint=f"indent it like line {number}, or remove the value after the colon there",
    )


class _Document:
    """Builder of located values from the events of one document."""

    def __init__(self, events: Iterator[yaml.Event], name: str) -> None:
        self.events = events
        self.name = name
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.values = 0

    def read(self) -> Any:
        value: Any = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise ConfigError(
                        "a second document begins here; a configuration is one document",
                        place=self.place(event),
                    )
                value = self.value(next(self.events), 0)
        return value

    def place(self, event: yaml.Event) -> Place:
        mark: yaml.Mark = event.start_mark  # type: ignore[assignment]  # every parsed event has one
        return Place(self.name, mark.line + 1, mark.column + 1)

    def text(self, event: yaml.ScalarEvent) -> str:
        if _SURROGATE.search(event.value):
            raise ConfigError("a lone surrogate is not a valid character", place=self.place(event))
        return str(event.value)

    def value(self, event: yaml.Event, depth: int) -> Any:
        """Return the value that begins with this event, and count all values, also in aliases."""
        self.count(1, event)
        if depth > MAX_DEPTH:
            raise ConfigError(f"nested deeper than {MAX_DEPTH} levels", place=self.place(event))
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise ConfigError(
                f"the tag {shorten(tag.replace('tag:yaml.org,2002:', '!!'))} is refused",
                place=self.place(event),
                hint="a configuration holds plain values only; remove the tag",
            )
        before = self.values
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            text = self.text(event)
            value = read_scalar(text) if event.implicit[0] and not tag else text
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self.sequence(event, depth)
        else:
            value = self.mapping(event, depth)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = (value, self.values - before)
        return value

    def count(self, values: int, event: yaml.Event) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            raise ConfigError(
                f"more than {MAX_VALUES:,} values once aliases are followed",
                place=self.place(event),
            )

    def alias(self, event: yaml.AliasEvent) -> Any:
        name = str(event.anchor)
        known = self.anchors.get(name)
        if known is None:
            raise ConfigError(
                f"no complete value above has the anchor &{shorten(name)}",
                place=self.place(event),
            )
        value, size = known
        self.count(size, event)
        return value

    def sequence(self, start: yaml.Event, depth: int) -> Seq:
        items = Seq(self.place(start))
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.add(self.value(event, depth + 1), self.place(event))
        return items

    def mapping(self, start: yaml.Event, depth: int) -> Map:
        mapping = Map(self.place(start))
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            place = self.place(event)
            key = self.key(event)
            if key in mapping:
                first = mapping.key_places[key]
                raise ConfigError(
                    f"the key {shorten(repr(key))} is written twice, first in line "
                    f"{first.line if first else '?'}",
                    place=place,
                    hint="begin each layer of a list with '- '"
                    if key[:1].isupper()
                    else "keep one of the two",
                )
            value_event = next(self.events)
            value = self.value(value_event, depth + 1)
            mapping.put(key, value, place, self.place(value_event))
        return mapping

    def key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise ConfigError("a key must be a word", place=self.place(event))
        if event.value == "<<" and event.implicit[0]:
            raise ConfigError(
                "merge keys (<<) are not part of YAML 1.2",
                place=self.place(event),
                hint="use model.defaults, model.blocks or extends: to share values",
            )
        return self.text(event)
