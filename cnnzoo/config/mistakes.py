"""What pydantic found, said in the words of a configuration, with its place."""

from __future__ import annotations

import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from cnnzoo.config.located import Map, Seq, key_place, value_place
from cnnzoo.config.notation import shown
from cnnzoo.errors import ConfigError, Mistake, Place, did_you_mean

# pydantic's error type → what was expected, filled from pydantic's own context.
_EXPECTED = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a string",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
    "too_short": "a list of at least {min_length}",
}


def explain(error: ValidationError, section: type[BaseModel], raw: Any) -> ConfigError:
    """The ConfigError that says what pydantic found in `raw`, the values of a section."""
    found: list[Mistake] = []
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, ConfigError):
            found += cause.mistakes
            continue
        mistake = _mistake(detail, section, raw)
        # A value that may be one of several types is reported once for each of them.
        if all(mistake.place != other.place or mistake.place is None for other in found):
            found.append(mistake)
    return ConfigError.of(sorted(found, key=_order))


def _order(mistake: Mistake) -> tuple[str, int, int]:
    place = mistake.place
    return (place.file, place.line, place.column) if place else ("", 0, 0)


def _mistake(detail: Any, section: type[BaseModel], raw: Any) -> Mistake:
    path = _path_in(detail["loc"], raw)
    dotted = ".".join(map(str, path))
    parent, last = path[:-1], str(path[-1]) if path else ""
    container = _at(raw, parent)
    where = ".".join(map(str, parent)) or "a configuration"
    if detail["type"] == "extra_forbidden":
        known = _keys_of(section, parent)
        near = did_you_mean(last, known)
        return Mistake(
            f"{where} has no key {last!r}{near}",
            key_place(container, last),
            None if near else f"its keys: {', '.join(known)}",
        )
    if detail["type"] == "missing":
        return Mistake(f"{where} needs {last!r}", _start(container) or _place_of(raw, parent))
    if detail["type"] == "value_error":
        expected = str(detail["ctx"]["error"])
        return Mistake(f"{dotted or where} {expected}", _place_of(raw, path))
    expected = _EXPECTED.get(detail["type"], "").format(**detail.get("ctx", {}))
    said = f"must be {expected}" if expected else re.sub(r"^Input ", "", detail["msg"])
    return Mistake(f"{dotted} {said}, not {shown(detail['input'])}", _place_of(raw, path))


def _path_in(location: tuple[int | str, ...], raw: Any) -> tuple[int | str, ...]:
    """The part of pydantic's location that is a path of keys and indices, not of its own names."""
    path: list[int | str] = []
    for step in location:
        if isinstance(raw, Map):
            if not isinstance(step, str):
                break
            raw = raw.get(step)
        elif isinstance(raw, Seq) and isinstance(step, int) and step < len(raw):
            raw = raw[step]
        elif isinstance(raw, Map | Seq) or (path and raw is not None):
            break
        path.append(step)
    return tuple(path)


def _at(raw: Any, path: tuple[int | str, ...]) -> Any:
    for step in path:
        raw = raw.get(step) if isinstance(raw, dict) else raw[step]
    return raw


def _start(container: Any) -> Place | None:
    return container.place if isinstance(container, Map | Seq) else None


def _place_of(raw: Any, path: tuple[int | str, ...]) -> Place | None:
    """The place of the value at a path, or of the nearest value around it that has one."""
    for length in range(len(path), 0, -1):
        place = value_place(_at(raw, path[: length - 1]), path[length - 1])
        if place:
            return place
    return _start(raw)


def _keys_of(section: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for step in path:
        annotation = section.model_fields[str(step)].annotation
        candidates = [annotation, *get_args(annotation)]
        section = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return list(section.model_fields)
