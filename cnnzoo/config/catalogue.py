"""The Keras classes that a configuration may name, and what their arguments take.

`catalogue.json`, beside this module, is written by `scripts/generate-catalogue` from the installed
Keras. Reading it takes milliseconds, so a configuration is checked without importing keras.

An argument's `type` is a word of `PLAIN_TYPES` or `OBJECT_TYPES`, and nothing else.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, TypeGuard

Check = Callable[[object], bool]


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
        """The namespace whose notation the value nests, None for a plain value."""
        return OBJECT_TYPES[self.type][0] if self.type in OBJECT_TYPES else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One class or activation function; `arguments` are in positional order.

    `refused` are arguments that Keras has and a configuration may not use, each with the reason,
    worded like that of `refusal`.
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
    """Return the kinds of things that can be named: layers, optimizers, schedules, losses, ...

    `applications`, the networks of keras.applications, are none of their own: they are named among
    the layers (`cnnzoo.config.composites.find_entry`).
    """
    return tuple(_document()["namespaces"])


def names(namespace: str) -> list[str]:
    """Return the canonical names in a namespace, sorted."""
    return sorted(_namespace(namespace)["entries"])


def aliases(namespace: str) -> Mapping[str, str]:
    """Map Keras' other names in a namespace, such as MaxPool2D or he_normal, to the canonical."""
    return MappingProxyType(_namespace(namespace)["aliases"])


def entry(namespace: str, name: str) -> Entry | None:
    """Return the entry of a name or alias, None where there is none (`refusal` may say why)."""
    canonical = _namespace(namespace)["aliases"].get(name, name)
    return _entry(namespace, canonical) if canonical in _namespace(namespace)["entries"] else None


def refusal(namespace: str, name: str) -> str | None:
    """Say why a configuration may not name a class, e.g. "it carries Python code"."""
    reason: str | None = _namespace(namespace)["refused"].get(name)
    return reason


def mismatch(argument: Argument, value: object) -> str | None:
    """Say what a value must be, in words that follow "must be"; None where it is just that.

    Of a value that nests the notation (`argument.namespace` is set) only the form is judged: a
    name, or one name with its arguments. Whether the namespace has that name is for the caller.
    """
    if value is None and argument.nullable:
        return None
    words, holds = _type_of(argument)
    if holds(value):
        return None
    return f"{words}, or null" if argument.nullable else words


def as_keras_takes_it(argument: Argument, value: object) -> object:
    """Return a matching plain value, a whole number made a float where Keras insists on one.

    Keras refuses `Adam(learning_rate=1)` and `FBetaScore(beta=2)`, which read well in YAML.
    """
    if _is_int(value) and argument.type in _FLOAT_TYPES:
        return float(value)
    return value


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    # The comparison also refuses nan, the infinities, and integers that no float can hold.
    return (_is_int(value) or isinstance(value, float)) and abs(value) <= sys.float_info.max


def _int_from(low: int) -> Check:
    return lambda value: _is_int(value) and value >= low


def _number_where(holds: Callable[[float], bool]) -> Check:
    return lambda value: _is_number(value) and holds(value)


def _list_of(holds: Check, length: int | None = None) -> Check:
    return lambda value: (
        isinstance(value, list | tuple)
        and (length is None or len(value) == length)
        and all(holds(item) for item in value)
    )


def _either(*checks: Check) -> Check:
    return lambda value: any(holds(value) for holds in checks)


def _one_or_list_of(holds: Check, length: int | None = None) -> Check:
    return _either(holds, _list_of(holds, length))


# A name becomes part of paths inside the saved model, hence no slash and no leading dot; TensorFlow
# refuses spaces in the name of a layer.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


WEIGHT_FILES = (".keras", ".h5")  # .weights.h5 is one of the latter


def _is_weights(value: object) -> bool:
    """Whether a value is a word of Keras' or a local file; a file from a URL could be anything."""
    if not isinstance(value, str) or "://" in value:
        return False
    return value == "imagenet" or value.endswith(WEIGHT_FILES)


def _is_target_shape(value: object) -> bool:
    items = value if isinstance(value, list | tuple) else [0]
    return all(_POSITIVE_INT(item) or item == -1 for item in items) and items.count(-1) <= 1


def _is_named_object(value: object) -> bool:
    """Whether a value has the form of the notation: a name, or one name with its arguments."""
    if isinstance(value, Mapping):
        return len(value) == 1 and all(isinstance(name, str) for name in value)
    return isinstance(value, str)


_POSITIVE_INT = _int_from(1)
_NON_NEGATIVE_INT = _int_from(0)
_FRACTION = _number_where(lambda value: 0 <= value <= 1)
_PAIR_OF_INTS = _list_of(_NON_NEGATIVE_INT, 2)

# What a type is called after "must be", and what it holds.
PLAIN_TYPES: Mapping[str, tuple[str, Check]] = {
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int": ("an integer", _is_int),
    "non_negative_int": ("an integer, 0 or more", _NON_NEGATIVE_INT),
    "positive_int": ("a positive integer", _POSITIVE_INT),
    "number": ("a number", _is_number),
    "non_negative_number": ("a number, 0 or more", _number_where(lambda value: value >= 0)),
    "positive_number": ("a positive number", _number_where(lambda value: value > 0)),
    "fraction": ("a number from 0 to 1", _FRACTION),
    "rate": ("a number from 0 to below 1", _number_where(lambda value: 0 <= value < 1)),
    "string": ("a string", lambda value: isinstance(value, str)),
    "name": ("a name of letters, digits, '_', '-' and '.'", _is_name),
    "names": ("a list of names", _list_of(_is_name)),
    "ints": ("a list of integers", _list_of(_is_int)),
    "int_or_ints": ("an integer or a list of integers", _one_or_list_of(_is_int)),
    "numbers": ("a list of numbers", _list_of(_is_number)),
    "number_or_numbers": ("a number or a list of numbers", _one_or_list_of(_is_number)),
    "number_pair": ("a list of 2 numbers", _list_of(_is_number, 2)),
    "number_or_pair": ("a number or a list of 2", _one_or_list_of(_is_number, 2)),
    "fraction_or_pair": ("a number from 0 to 1, or a list of 2", _one_or_list_of(_FRACTION, 2)),
    "int_pair": ("a list of 2 positive integers", _list_of(_POSITIVE_INT, 2)),
    "shape": (
        "a list of positive integers, null where a size is left open",
        _list_of(lambda size: size is None or _POSITIVE_INT(size)),
    ),
    "target_shape": ("a list of positive integers, one of which may be -1", _is_target_shape),
    "size_1d": ("a positive integer", _one_or_list_of(_POSITIVE_INT, 1)),
    "size_2d": ("a positive integer or a list of 2", _one_or_list_of(_POSITIVE_INT, 2)),
    "size_3d": ("a positive integer or a list of 3", _one_or_list_of(_POSITIVE_INT, 3)),
    "offset_1d": ("an integer, 0 or more", _one_or_list_of(_NON_NEGATIVE_INT, 1)),
    "offset_2d": ("an integer, 0 or more, or a list of 2", _one_or_list_of(_NON_NEGATIVE_INT, 2)),
    "offset_3d": ("an integer, 0 or more, or a list of 3", _one_or_list_of(_NON_NEGATIVE_INT, 3)),
    "margin_1d": ("an integer, 0 or more, or a list of 2", _one_or_list_of(_NON_NEGATIVE_INT, 2)),
    "margin_2d": (
        "an integer, 0 or more, or a list of 2, or a list of 2 pairs",
        _either(_one_or_list_of(_NON_NEGATIVE_INT, 2), _list_of(_PAIR_OF_INTS, 2)),
    ),
    "margin_3d": (
        "an integer, 0 or more, or a list of 3, or a list of 3 pairs",
        _either(_one_or_list_of(_NON_NEGATIVE_INT, 3), _list_of(_PAIR_OF_INTS, 3)),
    ),
    "no": ("false: the head is layers of your own", lambda value: value is False),
    "weights": ("imagenet, or a file that ends in .keras or .h5", _is_weights),
    "enum": ("one of its values", lambda value: isinstance(value, str)),
}

# A type whose value is written in the notation, the namespace it nests, and what it is called.
OBJECT_TYPES: Mapping[str, tuple[str, str]] = {
    "layers": ("layers", "a layer, such as {Conv2D: {filters: 8, kernel_size: 3}}"),
    "optimizers": ("optimizers", "an optimizer, such as {Adam: {learning_rate: 0.001}}"),
    "schedules_or_number": (
        "schedules",
        "a number, 0 or more, or a schedule, such as "
        "{CosineDecay: {initial_learning_rate: 0.1, decay_steps: 1000}}",
    ),
    "initializers": ("initializers", "an initializer, such as he_normal"),
    "regularizers": ("regularizers", "a regularizer, such as {L2: 0.0001}"),
    "constraints": ("constraints", "a constraint, such as {MaxNorm: 2}"),
    "activations": ("activations", "an activation, such as relu"),
}

_FLOAT_TYPES = frozenset(
    {
        "number",
        "non_negative_number",
        "positive_number",
        "fraction",
        "rate",
        "schedules_or_number",
    }
)


def _type_of(argument: Argument) -> tuple[str, Check]:
    """Return what follows "must be", and the check, of an argument's type."""
    if argument.type == "enum":
        return f"one of {', '.join(argument.values)}", _one_of(argument.values)
    if argument.type == "schedules_or_number":
        number = PLAIN_TYPES["non_negative_number"][1]
        return OBJECT_TYPES[argument.type][1], _either(number, _is_named_object)
    if argument.type in OBJECT_TYPES:
        return OBJECT_TYPES[argument.type][1], _is_named_object
    return PLAIN_TYPES[argument.type]


def _one_of(values: tuple[str, ...]) -> Check:
    return lambda value: isinstance(value, str) and value in values


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
    """Build the argument that the generator wrote, leaving out what goes without saying."""
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
