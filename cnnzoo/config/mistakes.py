"""Conversion of pydantic's errors to mistakes with a place, in the terms of a configuration."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from cnnzoo.config.calls import shown
from cnnzoo.config.located import Map, Seq, key_place, value_place
from cnnzoo.config.notation import MAX_MISTAKES
from cnnzoo.config.wording import form_hint
from cnnzoo.errors import ConfigError, Mistake, Place, did_you_mean, nearest

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
    "literal_error": "{expected}",
    "finite_number": "a finite number",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_long": "a text of at most {max_length} letters",
}

# Key that is missing or in the wrong section → its correct form.
_WAYS = {
    "model": "write model: {input_shape: […], layers: […]}, or extends: NAME",
    "layers": "write layers: and below it one layer per line, each after '- '",
    "name": "for example name: mnist5k",
    "input_shape": "write input_shape: [height, width, channels]",
    **dict.fromkeys(
        ("output", "outputs", "heads", "auxiliary", "aux", "auxiliary_outputs"),
        "a network has one output; auxiliary heads of the literature are omitted",
    ),
    **dict.fromkeys(
        ("inputs", "connections", "edges", "graph", "nodes", "skip", "concat"),
        "a network is one chain of layers, with Residual and Branches for paths next to each other",
    ),
    **dict.fromkeys(
        ("learning_rate", "lr"),
        "it belongs to the optimizer: optimizer: {Adam: {learning_rate: …}}",
    ),
    **dict.fromkeys(
        ("weight_decay", "momentum"),
        "it belongs to the optimizer: optimizer: {SGD: {momentum: …, weight_decay: …}}",
    ),
    **dict.fromkeys(
        ("schedule", "scheduler", "lr_scheduler"),
        "it belongs to the optimizer: optimizer: {Adam: {learning_rate: {one_cycle: 0.01}}}",
    ),
    **dict.fromkeys(
        ("early_stopping", "patience"),
        "write callbacks: [EarlyStopping: {monitor: val_loss, patience: …}]",
    ),
    **dict.fromkeys(
        ("validation_split", "val_split", "test_split"),
        "write it in data: data: {splits: {validation: …, test: …}}",
    ),
    "shuffle": "omit it: the training examples are always shuffled",
}

# pydantic's error type → predicate of valid values, to detect a valid value in a wrong form.
_HOLDS: dict[str, Callable[[Any], bool]] = {
    "int_type": lambda value: type(value) is int,
    "float_type": lambda value: type(value) in (int, float),
    "bool_type": lambda value: type(value) is bool,
}


def explain(error: ValidationError, section: type[BaseModel], raw: Any) -> ConfigError:
    """Return the ConfigError for the errors of pydantic in `raw`, the values of a section."""
    found: list[Mistake] = []
    reported = set()
    details = error.errors(include_url=False)[:MAX_MISTAKES]
    unknown = {detail["loc"] for detail in details if detail["type"] == "extra_forbidden"}
    paths = [_path_in(detail, raw) for detail in details]
    for detail, path in zip(details, paths, strict=True):
        if detail["type"] == "missing" and _is_misspelled(detail["loc"], unknown):
            continue  # the unknown key is reported instead
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, ConfigError):
            at = _place_of(raw, path)
            found += [replace(m, place=m.place or at) for m in cause.mistakes]
            continue
        # A value that may have several types has an error for each of them; an error inside the
        # value is more precise than the errors about its type.
        inside = any(other[: len(path)] == path != other for other in paths)
        if path not in reported and not inside:
            reported.add(path)
            found.append(_mistake(detail, path, section, raw))
    return ConfigError.of(sorted(found, key=_order))


def _order(mistake: Mistake) -> tuple[str, int, int]:
    place = mistake.place
    return (place.file, place.line, place.column) if place else ("", 0, 0)


def _mistake(
    detail: Any, path: tuple[int | str, ...], section: type[BaseModel], raw: Any
) -> Mistake:
    dotted = ".".join(map(str, path))
    parent, last = path[:-1], str(path[-1]) if path else ""
    container = _at(raw, parent)
    where = ".".join(map(str, parent)) or "a configuration"
    if detail["type"] == "extra_forbidden":
        known = _keys_of(section, parent)
        near = did_you_mean(last, known)
        elsewhere = "" if near else _home_of(last, section)
        return Mistake(
            f"{where} has no key {shown(last)}{near}",
            key_place(container, last),
            None if near else elsewhere or f"its keys: {', '.join(known)}",
        )
    if detail["type"] == "missing":
        place = _place_of(raw, parent) or _start(container)
        return Mistake(f"{where} needs {last!r}", place, _WAYS.get(last, f"write {last}: …"))
    if detail["type"] == "value_error":
        expected = str(detail["ctx"]["error"])
        return Mistake(f"{dotted or where} {expected}", _place_of(raw, path))
    context = {key: _whole(value) for key, value in detail.get("ctx", {}).items()}
    expected = _EXPECTED.get(detail["type"], "").format(**context)
    problem = f"must be {expected}" if expected else re.sub(r"^Input ", "", detail["msg"])
    received = detail["input"]
    return Mistake(
        f"{dotted} {problem}, not {shown(received)}",
        _place_of(raw, path),
        _hint_for(detail["type"], received),
    )


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_misspelled(key: tuple[int | str, ...], unknown: set[tuple[int | str, ...]]) -> bool:
    siblings = [str(other[-1]) for other in unknown if other[:-1] == key[:-1]]
    return nearest(str(key[-1]), siblings) is not None


def _hint_for(kind: str, received: Any) -> str | None:
    if kind in ("model_type", "model_attributes_type"):
        if received is None:
            return "write its keys below it, indented, or remove it"
        if isinstance(received, list):
            return "write its keys without '- '"
        return "to start from another configuration, write extends: NAME at the top"
    if received is None:
        return "write a value, or remove the key"
    if kind == "string_type" and isinstance(received, int | float):
        return "write it in quotes"
    return form_hint(received, _HOLDS[kind]) if kind in _HOLDS else None


def _home_of(key: str, section: type[BaseModel]) -> str:
    """Return the section of a key that is in another one, for example epochs at the top."""
    if key in _WAYS:
        return _WAYS[key]
    for name in section.model_fields:
        inner = _section_in(section, name)
        if inner and key in inner.model_fields:
            return f"{key} belongs in {name}"
    return ""


def _path_in(detail: Any, raw: Any) -> tuple[int | str, ...]:
    """Return the keys and indices in pydantic's location, without the names of its types."""
    path: list[int | str] = []
    for step in detail["loc"]:
        if isinstance(raw, dict) and isinstance(step, str):
            if step in raw:
                path.append(step)
                raw = raw[step]
            elif detail["type"] == "missing":
                path.append(step)
                break
        elif isinstance(raw, list | tuple) and isinstance(step, int) and step < len(raw):
            path.append(step)
            raw = raw[step]
        else:
            break
    return tuple(path)


def _at(raw: Any, path: tuple[int | str, ...]) -> Any:
    for step in path:
        raw = raw[step]
    return raw


def _start(container: Any) -> Place | None:
    return container.place if isinstance(container, Map | Seq) else None


def _place_of(raw: Any, path: tuple[int | str, ...]) -> Place | None:
    """Return the place of the value at a path, or of the nearest container that has one."""
    for length in range(len(path), 0, -1):
        place = value_place(_at(raw, path[: length - 1]), path[length - 1])
        if place:
            return place
    return _start(raw)


def _keys_of(section: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for step in path:
        section = _section_in(section, str(step)) or section
    return list(section.model_fields)


def _section_in(section: type[BaseModel], key: str) -> type[BaseModel] | None:
    annotation = section.model_fields[key].annotation
    candidates = [annotation, *get_args(annotation)]
    sections = (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return next(sections, None)
