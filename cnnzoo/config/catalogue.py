"""Keras classes that a configuration may name, with the types of their arguments.

`catalogue.json`, next to this module, is written by `scripts/generate-catalogue` from the installed
Keras. Reading it takes milliseconds, so a configuration is checked without importing keras.

The `type` of an argument is a key of `cnnzoo.config.argument_types.TYPES`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from cnnzoo.config.argument_types import TYPES, is_int


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a class: `values` are the strings of an enum, a list default is a tuple."""

    name: str
    type: str
    required: bool = False
    default: object = None
    nullable: bool = False
    values: tuple[str, ...] = ()
    doc: str = ""

    @property
    def namespace(self) -> str | None:
        """Namespace of the class that the value names, None for a plain value."""
        return TYPES[self.type].namespace if self.type in TYPES else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One class or activation function; `arguments` are in positional order.

    `refused` are arguments of Keras that a configuration may not use, each with the reason, in the
    form of `refusal`.
    """

    namespace: str
    name: str
    arguments: Mapping[str, Argument]
    refused: Mapping[str, str]
    doc: str


def keras_version() -> str:
    """Return the version of the Keras that the catalogue was generated from."""
    version: str = _document()["keras_version"]
    return version


def namespaces() -> tuple[str, ...]:
    """Return the kinds of classes: layers, optimizers, schedules, losses, ...

    The networks of keras.applications are not a separate namespace: they are found as layers
    (`cnnzoo.config.composites.find_entry`).
    """
    return tuple(_document()["namespaces"])


def names(namespace: str) -> list[str]:
    """Return the canonical names in a namespace, sorted."""
    return sorted(_namespace(namespace)["entries"])


def aliases(namespace: str) -> Mapping[str, str]:
    """Map the other names of Keras in a namespace (MaxPool2D, he_normal) to the canonical ones."""
    return MappingProxyType(_namespace(namespace)["aliases"])


def entry(namespace: str, name: str) -> Entry | None:
    """Return the entry of a name or alias, or None (`refusal` may have the reason)."""
    canonical = _namespace(namespace)["aliases"].get(name, name)
    return _entry(namespace, canonical) if canonical in _namespace(namespace)["entries"] else None


def refusal(namespace: str, name: str) -> str | None:
    """Return why a configuration may not name a class: "it carries Python code"."""
    reason: str | None = _namespace(namespace)["refused"].get(name)
    return reason


def mismatch(argument: Argument, value: object) -> str | None:
    """Return the expected value, in words that follow "must be"; None if the value matches.

    A value that names a class (`argument.namespace` is set) is only checked for its form: a name,
    or one name with arguments. The caller checks that the class exists.
    """
    if value is None and argument.nullable:
        return None
    kind = TYPES[argument.type]
    words, matches = kind.words, kind.form.holds(value)
    if argument.type == "enum":
        words, matches = (
            f"one of {', '.join(argument.values)}",
            matches and value in argument.values,
        )
    if matches:
        return None
    return f"{words}, or null" if argument.nullable else words


def as_keras_takes_it(argument: Argument, value: object) -> object:
    """Return a matching plain value; a whole number becomes a float if Keras needs one.

    Keras refuses `Adam(learning_rate=1)` and `FBetaScore(beta=2)`, which read well in YAML.
    """
    return float(value) if is_int(value) and TYPES[argument.type].is_float else value


@cache
def _document() -> dict[str, Any]:
    text = files(__package__).joinpath("catalogue.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _namespace(name: str) -> dict[str, Any]:
    document = _document()
    namespace: dict[str, Any] = (document["namespaces"] | document["among_layers"])[name]
    return namespace


@cache
def _entry(namespace: str, name: str) -> Entry:
    written = _namespace(namespace)["entries"][name]
    arguments = {key: _argument(key, spec) for key, spec in written.get("arguments", {}).items()}
    refused = MappingProxyType(written.get("refused", {}))
    return Entry(namespace, name, MappingProxyType(arguments), refused, written["doc"])


def _argument(name: str, written: dict[str, Any]) -> Argument:
    """Build an argument from its JSON, in which the generator omits the usual values."""
    return Argument(
        name=name,
        type=written["type"],
        required=written.get("required", False),
        default=_frozen(written.get("default")),
        nullable=written.get("nullable", False),
        values=tuple(written.get("values", ())),
        doc=written.get("doc", ""),
    )


def _frozen(value: object) -> object:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
