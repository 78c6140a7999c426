"""YAML of a configuration with the origin of each value as a comment."""

from __future__ import annotations

from typing import Any

from cnnzoo.config.data_sources import SHORT_FORMS
from cnnzoo.config.located import Map, Seq, value_place
from cnnzoo.config.schema import Config
from cnnzoo.config.writer import to_flow
from cnnzoo.errors import Place


def with_origins(raw: Map, config: Config) -> str:
    """Return merged values as YAML; each line ends in `# file:line` or `# default`."""
    whole = _with_defaults(raw, config.plain())
    lines = list(_lines(whole, None, ""))
    width = min(max(len(text) for text, _ in lines), 70)
    return "".join(f"{text:<{width}}  {note}".rstrip() + "\n" for text, note in lines)


def _with_defaults(raw: Map, plain: dict[str, Any]) -> Map:
    """Return the raw values, completed by the defaults in `plain` (sections only)."""
    whole = raw.copy()
    for key, value in plain.items():
        given = whole.get(key)
        if key not in whole:
            whole.put(key, value, None, None)
        elif isinstance(given, Map) and isinstance(value, dict) and key in _SECTIONS:
            whole.put(key, _with_defaults(given, value), None, value_place(raw, key))
        elif key in SHORT_FORMS and isinstance(given, str):
            short = Map(value_place(raw, key))
            short.put(SHORT_FORMS[key], given, None, value_place(raw, key))
            whole.put(key, _with_defaults(short, value), None, value_place(raw, key))
    return whole


_SECTIONS = ("data", "splits", "fold", "resize", "training", "sweep")


def _lines(value: Any, place: Place | None, indent: str) -> Any:
    """Yield pairs of a line of YAML and its note."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        lead = f"{indent}- " if isinstance(value, list) else f"{indent}{to_flow(key)}: "
        at = value_place(value, key) if isinstance(value, Map | Seq) else place
        one_line = not isinstance(item, dict | list) or _is_leaf(item)
        if not one_line or (isinstance(item, dict) and isinstance(value, list)):
            nested = list(_lines(item, at, indent + "  "))
            if isinstance(value, list):
                yield lead + nested[0][0].lstrip(), nested[0][1]
                yield from nested[1:]
            else:
                yield lead.rstrip(), ""
                yield from nested
        else:
            yield lead + to_flow(item), _note(item, at)


def _is_leaf(value: dict[str, Any] | list[Any]) -> bool:
    """Return whether a collection fits on one line and all its values have the same origin."""
    parts = value.values() if isinstance(value, dict) else value
    return all(not isinstance(part, dict | list) or _is_leaf(part) for part in parts) and (
        len(to_flow(value)) <= 70 and len({str(_line_of(place)) for place in _places(value)}) <= 1
    )


def _places(value: Any) -> list[Place]:
    keys = list(value) if isinstance(value, dict) else range(len(value))
    places = []
    for key in keys:
        place = value_place(value, key)
        places += [place] if place else []
        if isinstance(value[key], dict | list):
            places += _places(value[key])
    return places


def _note(value: Any, place: Place | None) -> str:
    inner = _places(value) if isinstance(value, dict | list) else []
    place = inner[0] if inner else place
    return f"# {_line_of(place)}" if place else "# default"


def _line_of(place: Place) -> str:
    return f"{place.file}:{place.line}" if place.line else place.file
