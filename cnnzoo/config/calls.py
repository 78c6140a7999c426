"""Parsed notation: calls of Keras classes, repeats, conditions, blocks and their uses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnzoo.config.composites import REQUIRED
from cnnzoo.config.expressions import Expression, unknown_variable, variables_of
from cnnzoo.errors import Mistake, Place
from cnnzoo.text import listed, shorten


@dataclass(frozen=True, slots=True)
class Call:
    """A Keras class, or a composite of cnnzoo, with its arguments by name.

    An argument is a plain value (lists as tuples), an Expression, a Call, a tuple of layer items
    (composites), or a tuple of such tuples (branches).
    """

    namespace: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Repeated layers: `times` copies, or one copy for each of the listed values.

    An Expression instead of a list is a parameter of the file that contains a list.
    """

    layers: tuple[Item, ...]
    times: int | Expression | None = None
    values: Mapping[str, tuple[Any, ...] | Expression] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class When:
    """Layers that are used only if a condition holds, and those that are used otherwise."""

    condition: bool | float | Expression
    layers: tuple[Item, ...]
    otherwise: tuple[Item, ...] = ()
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    """A definition under `model.blocks`; a parameter without a default is required."""

    parameters: tuple[str, ...]
    defaults: Mapping[str, Any]
    layers: tuple[Item, ...]
    place: Place | None = field(default=None, compare=False)

    @property
    def header(self) -> dict[str, Any]:
        """Parameters with their defaults, REQUIRED for those without a default."""
        return {name: self.defaults.get(name, REQUIRED) for name in self.parameters}


@dataclass(frozen=True, slots=True)
class BlockUse:
    """The use of a block, with values for its parameters."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


Item = Call | Repeat | When | BlockUse


def written(value: Any) -> Any:
    """Return the plain YAML value that parses to this Call, item or argument."""
    match value:
        case Call(name=name, arguments=arguments) | BlockUse(name=name, arguments=arguments):
            return {name: written(arguments)} if arguments else name
        case Repeat():
            times = written(value.values) if value.times is None else written(value.times)
            return {"repeat": times, "layers": written(value.layers)}
        case When(condition=condition, layers=layers, otherwise=otherwise):
            other = {"else": written(otherwise)} if otherwise else {}
            return {"when": written(condition), "layers": written(layers), **other}
        case Block():
            parameters = [
                {name: written(value.defaults[name])} if name in value.defaults else name
                for name in value.parameters
            ]
            return {"parameters": parameters, "layers": written(value.layers)}
        case Expression():
            return value.text
        case Mapping():
            return {key: written(item) for key, item in value.items()}
        case tuple() | list():
            return [written(item) for item in value]
    return value


def has_expression(value: Any) -> bool:
    """Return whether a frozen argument is or contains an Expression."""
    if isinstance(value, tuple):
        return any(map(has_expression, value))
    if isinstance(value, dict):
        return any(map(has_expression, value.values()))
    return isinstance(value, Expression)


def check_variables(value: Any, known: Collection[str]) -> list[Mistake]:
    """Return the mistakes in a Call, or in several, that use unknown variables."""
    match value:
        case Expression():
            unknown = sorted(variables_of(value) - set(known))
            return [unknown_variable(name, known, value.place) for name in unknown]
        case Call():
            return check_variables(tuple(value.arguments.values()), known)
        case tuple():
            return [mistake for item in value for mistake in check_variables(item, known)]
    return []


def shown(value: Any) -> str:
    """Return a value as a message shows it, shortened."""
    if value is None:
        return "nothing"
    text = f"a mapping ({listed(value)})" if isinstance(value, dict) else repr(written(value))
    return shorten(text)


def uneven_lists(lists: Mapping[str, Any]) -> str | None:
    """Return why the lists of a `repeat` do not fit together, or None if they do."""
    lengths = {
        name: len(values) if isinstance(values, list | tuple) else None
        for name, values in lists.items()
    }
    if None not in lengths.values() and len(set(lengths.values())) == 1:
        return None
    received = ", ".join(
        f"{name} {'not a list' if n is None else n}" for name, n in lengths.items()
    )
    return (
        "'repeat' needs lists of equal length, one value per iteration; "
        f"received {received or '{}'}"
    )
