"""One notation for everything that Keras makes: a class by its own name, its own argument names.

    Flatten                                  no arguments
    MaxPooling2D: 2                          a scalar is the first argument
    Conv2D: [6, 5]                           a list is positional
    Conv2D: {filters: 6, kernel_size: 5}     a mapping is keywords

Layer lists may also hold `repeat` and the blocks that a model defines. Parsing checks everything
that can be known before shapes are: names, arguments, types. It collects mistakes and goes on, so
that a person sees all of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnzoo.config import catalogue
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import COMPOSITES, REQUIRED
from cnnzoo.config.expressions import Expression, is_expression, parse_expression
from cnnzoo.config.located import key_place, located_items, value_place
from cnnzoo.errors import ConfigError, Mistake, Place, did_you_mean


@dataclass(frozen=True, slots=True)
class Call:
    """A Keras class, or a composite of ours, with its arguments by name.

    An argument is a plain value (lists as tuples), an Expression, a Call, a tuple of layer items
    (composites), or a tuple of such tuples (branches).
    """

    namespace: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """Layers that stand several times: `times` of them, or once for each of the listed values."""

    layers: tuple[Item, ...]
    times: int | Expression | None = None
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """What a model defines under `blocks`; a parameter without a default is required."""

    parameters: tuple[str, ...]
    defaults: Mapping[str, Any]
    layers: tuple[Item, ...]
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class BlockUse:
    """A block by its name, with values for its parameters."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = None


Item = Call | Repeat | BlockUse

MAX_REPEAT = 1000

# Variables that cnnzoo sets; a parameter of the same name would hide them.
SHAPE_VARIABLES = ("height", "width", "channels")
TRAINING_VARIABLES = ("steps", "steps_per_epoch", "epochs", "batch_size")
RESERVED_VARIABLES = ("classes", "index", *SHAPE_VARIABLES, *TRAINING_VARIABLES)
VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]*")

_KINDS = {
    "layers": "a layer",
    "optimizers": "an optimizer",
    "schedules": "a learning-rate schedule",
    "losses": "a loss",
    "metrics": "a metric",
    "callbacks": "a callback",
    "initializers": "an initializer",
    "regularizers": "a regularizer",
    "constraints": "a constraint",
    "activations": "an activation",
}
# Activations with arguments are written as the layer of that name; one with weights of its own
# (PReLU) belongs in the layer list.
_ACTIVATION_LAYERS = ("ELU", "LeakyReLU", "ReLU", "Softmax")


class Parser:
    """Parses notation into Calls, collecting what is wrong in `mistakes`.

    `defaults` are arguments by layer class that a layer takes where it does not give them itself;
    `blocks` are the parameter names of each block that may be used.
    """

    def __init__(
        self,
        defaults: Mapping[str, Mapping[str, Any]] | None = None,
        blocks: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.defaults = defaults or {}
        self.blocks = blocks or {}
        self.mistakes: list[Mistake] = []

    def wrong(self, message: str, place: Place | None, hint: str | None = None) -> None:
        """Note a mistake and go on."""
        self.mistakes.append(Mistake(message, place, hint))

    # ── calls ──────────────────────────────────────────────────────────────────────────────────

    def call(self, namespace: str, value: Any, place: Place | None) -> Call | None:
        """The Call that a value writes; None, with a mistake noted, where it writes none."""
        if isinstance(value, Call):
            return value
        written = self._name_and_arguments(namespace, value, place)
        if written is None:
            return None
        name, arguments, place, arguments_place = written
        entry = self._entry(namespace, name, place)
        if entry is None:
            return None
        given = self._arguments(entry, arguments, arguments_place or place)
        if namespace == "layers":
            given = {**self.defaults.get(entry.name, {}), **given}
        missing = [a.name for a in entry.arguments.values() if a.required and a.name not in given]
        if missing:
            needed = ", ".join(repr(argument) for argument in missing)
            self.wrong(f"{entry.name} needs {needed}", place, f"write {_example(entry)}")
        return Call(namespace, entry.name, given, place)

    def _name_and_arguments(
        self, namespace: str, value: Any, place: Place | None
    ) -> tuple[str, Any, Place | None, Place | None] | None:
        if isinstance(value, str) and not is_expression(value):
            return value, None, place, place
        if isinstance(value, dict) and len(value) == 1:
            ((name, arguments),) = value.items()
            return name, arguments, key_place(value, name) or place, value_place(value, name)
        kind = _KINDS[namespace]
        if isinstance(value, dict) and value:
            first = next(iter(value))
            self.wrong(
                f"{kind} is one name with its arguments; here are {len(value)} keys: "
                + ", ".join(value),
                place,
                f"indent the arguments deeper than {first}, or write {first}: {{…}}",
            )
        else:
            self.wrong(f"expected {kind}: its name, or NAME: arguments; got {shown(value)}", place)
        return None

    def _entry(self, namespace: str, name: str, place: Place | None) -> Entry | None:
        entry = find_entry(namespace, name)
        if entry:
            return entry
        refused = catalogue.refusal(namespace, name)
        if refused:
            self.wrong(f"{name} is refused: {refused}", place)
            return None
        known = [*catalogue.names(namespace), *catalogue.aliases(namespace)]
        if namespace == "layers":
            known += [*COMPOSITES, *self.blocks]
        kind = _KINDS[namespace].split(" ", 1)[1]
        near = did_you_mean(name, known)
        where = f"; {_elsewhere(name)}" if not near and _elsewhere(name) else ""
        self.wrong(f"Keras has no {kind} {shown(name)}{near}{where}", place)
        return None

    def _arguments(self, entry: Entry, written: Any, place: Place | None) -> dict[str, Any]:
        names = list(entry.arguments)
        if written is None:
            return {}
        if isinstance(written, dict):
            pairs = [
                (
                    name,
                    value,
                    key_place(written, name) or place,
                    value_place(written, name) or place,
                )
                for name, value in written.items()
            ]
        elif isinstance(written, list | tuple):
            if len(written) > len(names):
                first = names[0] if names else None
                self.wrong(
                    f"{entry.name} takes at most {len(names)} arguments; a list of "
                    f"{len(written)} is positional",
                    place,
                    f"write {entry.name}: {{{first}: [{', '.join(map(str, written))}]}}"
                    if first
                    else None,
                )
                return {}
            pairs = [
                (name, value, at, at)
                for name, (value, at) in zip(names, located_items(written), strict=False)
            ]
        elif names:
            pairs = [(names[0], written, place, place)]
        else:
            self.wrong(f"{entry.name} takes no arguments; got {shown(written)}", place)
            return {}
        given: dict[str, Any] = {}
        for name, value, name_place, at in pairs:
            argument = entry.arguments.get(name)
            if name in entry.refused:
                reason = entry.refused[name]
                self.wrong(f"{entry.name}'s {name!r} is refused: {reason}", name_place)
            elif argument is None:
                near = did_you_mean(name, names)
                self.wrong(
                    f"{entry.name} has no argument {name!r}{near}",
                    name_place,
                    None if near else f"its arguments: {', '.join(names) or 'none'}",
                )
            else:
                given[name] = self._argument(entry, argument, value, at)
        return given

    def _argument(self, entry: Entry, argument: Argument, value: Any, place: Place | None) -> Any:
        if is_expression(value):
            return self.expression(value, place)
        if value is None and argument.nullable:
            return None
        if argument.type == "layer_list":
            return self.layers(value, place)
        if argument.type == "layer_lists":
            return self._branches(entry, value, place)
        if argument.type == "activations":
            return self._activation(value, place)
        if argument.namespace and not _is_number_for(argument, value):
            return self.call(argument.namespace, value, place)
        value = self._frozen(value, place)
        if not has_expression(value):
            self.check(entry.name, argument, value, place)
        return catalogue.as_keras_takes_it(argument, value)

    def check(self, owner: str, argument: Argument, value: Any, place: Place | None) -> None:
        """Note a mistake where a plain value is not of its argument's type."""
        expected = catalogue.mismatch(argument, value)
        if expected:
            near = did_you_mean(value, argument.values) if isinstance(value, str) else ""
            self.wrong(
                f"{owner}'s {argument.name!r} must be {expected}, not {shown(value)}{near}", place
            )

    def _activation(self, value: Any, place: Place | None) -> Any:
        if isinstance(value, str) and value in catalogue.names("activations"):
            return value
        name = next(iter(value), None) if isinstance(value, dict) else value
        if name in _ACTIVATION_LAYERS:
            return self.call("layers", value, place)
        if name == "PReLU":
            self.wrong(
                "PReLU learns weights of its own, so it is no argument of another layer",
                place,
                "leave activation out and write - PReLU as the next layer",
            )
            return None
        known = [*catalogue.names("activations"), *_ACTIVATION_LAYERS]
        near = did_you_mean(name, known) if isinstance(name, str) else ""
        self.wrong(
            f"Keras has no activation {shown(name)}{near}",
            place,
            None if near else f"activations: {', '.join(known)}",
        )
        return None

    def _frozen(self, value: Any, place: Place | None) -> Any:
        if isinstance(value, list | tuple):
            return tuple(self._frozen(item, at or place) for item, at in located_items(value))
        return self.expression(value, place) if is_expression(value) else value

    def expression(self, value: str, place: Place | None) -> Expression | None:
        """The expression that a string writes; None, with a mistake noted, where it writes none."""
        try:
            return parse_expression(value, place)
        except ConfigError as error:
            self.mistakes += error.mistakes
            return None

    # ── layer lists ────────────────────────────────────────────────────────────────────────────

    def layers(self, value: Any, place: Place | None) -> tuple[Item, ...]:
        """The items of a layer list; those that cannot be read are left out and noted."""
        if not isinstance(value, list | tuple):
            self.wrong(f"expected a list of layers, got {shown(value)}", place)
            return ()
        items = (self._item(item, at or place) for item, at in located_items(value))
        return tuple(item for item in items if item is not None)

    def _item(self, value: Any, place: Place | None) -> Item | None:
        if isinstance(value, Call | Repeat | BlockUse):
            return value
        if isinstance(value, dict) and "repeat" in value:
            return self._repeat(value, place)
        name = next(iter(value), None) if isinstance(value, dict) and len(value) == 1 else value
        if isinstance(name, str) and name in self.blocks:
            return self._block_use(name, value, place)
        return self.call("layers", value, place)

    def layer_defaults(self, value: Any) -> dict[str, dict[str, Any]]:
        """Checked default arguments by layer class, from `{Conv2D: {padding: same}}`."""
        if not isinstance(value, dict):
            self.wrong(f"'defaults' must map layers to arguments, not {shown(value)}", None)
            return {}
        defaults = {}
        for name, arguments in value.items():
            entry = self._entry("layers", name, key_place(value, name))
            at = value_place(value, name)
            if entry and not isinstance(arguments, dict):
                self.wrong(f"the defaults of {name} must be a mapping, not {shown(arguments)}", at)
            elif entry:
                defaults[entry.name] = self._arguments(entry, arguments, at)
        return defaults

    def block_definitions(self, value: Any) -> dict[str, Block]:
        """The blocks in `{name: {parameters: [filters, {strides: 1}], layers: […]}}`."""
        if not isinstance(value, dict):
            self.wrong(f"'blocks' must map names to blocks, not {shown(value)}", None)
            return {}
        headers = {name: self._block_header(name, value) for name in value}
        self.blocks = {name: tuple(parameters) for name, parameters in headers.items()}
        blocks = {}
        for name, definition in value.items():
            place = key_place(value, name)
            if not isinstance(definition, dict) or "layers" not in definition:
                self.wrong(
                    f"the block {name!r} needs 'layers'",
                    place,
                    f"write {name}: {{parameters: […], layers: […]}}",
                )
                continue
            layers = self.layers(definition["layers"], value_place(definition, "layers"))
            given = headers[name]
            defaults = {key: default for key, default in given.items() if default is not REQUIRED}
            blocks[name] = Block(tuple(given), defaults, layers, place)
        return blocks

    def _block_header(self, name: str, blocks: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a block with their defaults, REQUIRED where there is none."""
        if not VARIABLE_NAME.fullmatch(name) or name in ("repeat", "layers"):
            self.wrong(
                f"{name!r} cannot name a block",
                key_place(blocks, name),
                "a block has a name in lower case, for example conv_block",
            )
        definition = blocks[name] if isinstance(blocks[name], dict) else {}
        for key in definition:
            if key not in ("parameters", "layers"):
                self.wrong(
                    f"the block {name!r} has no key {key!r}"
                    + did_you_mean(key, ("parameters", "layers")),
                    key_place(definition, key),
                    "its keys: parameters, layers",
                )
        parameters = definition.get("parameters", [])
        at = value_place(definition, "parameters")
        if not isinstance(parameters, list | tuple):
            self.wrong(
                f"'parameters' must be a list, not {shown(parameters)}",
                at,
                "for example [filters, strides: 1]: a required one and one with a default",
            )
            return {}
        header: dict[str, Any] = {}
        for parameter, place in located_items(parameters):
            self._parameter(parameter, place or at, header)
        return header

    def _parameter(self, parameter: Any, place: Place | None, header: dict[str, Any]) -> None:
        default: Any = REQUIRED
        if isinstance(parameter, dict) and len(parameter) == 1:
            ((parameter, default),) = parameter.items()
            default = self._frozen(default, place)
        problem = variable_problem(parameter)
        if problem or parameter in header:
            self.wrong(f"the parameter {shown(parameter)} {problem or 'stands twice'}", place)
        else:
            header[parameter] = default

    def _branches(self, entry: Entry, value: Any, place: Place | None) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) < 2:
            self.wrong(
                f"{entry.name}'s 'branches' must be a list of at least two lists of layers, "
                f"not {shown(value)}",
                place,
                "an empty list [] is the identity",
            )
            return ()
        return tuple(self.layers(branch, at or place) for branch, at in located_items(value))

    def _repeat(self, value: Mapping[str, Any], place: Place | None) -> Repeat | None:
        for key in value:
            if key not in ("repeat", "layers"):
                self.wrong(
                    f"repeat has no key {key!r}{did_you_mean(key, ('repeat', 'layers'))}",
                    key_place(value, key) or place,
                    "write repeat: COUNT and layers: […]",
                )
        if "layers" not in value:
            self.wrong("repeat needs 'layers'", place, "write repeat: COUNT and layers: […]")
            return None
        layers = self.layers(value["layers"], value_place(value, "layers") or place)
        times, at = value["repeat"], value_place(value, "repeat") or place
        if isinstance(times, dict):
            return self._repeat_over(times, layers, at, place)
        if is_expression(times):
            return Repeat(layers, self.expression(times, at), place=place)
        if isinstance(times, bool) or not isinstance(times, int) or not 0 <= times <= MAX_REPEAT:
            self.wrong(
                f"'repeat' must be a count from 0 to {MAX_REPEAT} or lists of values, "
                f"not {shown(times)}",
                at,
            )
            return None
        return Repeat(layers, times, place=place)

    def _repeat_over(
        self,
        lists: Mapping[str, Any],
        layers: tuple[Item, ...],
        at: Place | None,
        place: Place | None,
    ) -> Repeat | None:
        lengths = {
            name: len(values) if isinstance(values, list | tuple) else None
            for name, values in lists.items()
        }
        if None in lengths.values() or len(set(lengths.values())) != 1:
            came = ", ".join(
                f"{name} {'no list' if n is None else n}" for name, n in lengths.items()
            )
            self.wrong(
                f"'repeat' needs lists of equal length, one value an iteration; got {came or '{}'}",
                at,
            )
            return None
        values = {
            name: self._frozen(values, value_place(lists, name) or at)
            for name, values in lists.items()
        }
        return Repeat(layers, values=values, place=place)

    def _block_use(self, name: str, value: Any, place: Place | None) -> BlockUse | None:
        parameters = self.blocks[name]
        written = value[name] if isinstance(value, dict) else None
        place = (key_place(value, name) if isinstance(value, dict) else None) or place
        at = value_place(value, name) or place
        if written is None:
            return BlockUse(name, {}, place)
        if isinstance(written, list | tuple) or not isinstance(written, dict):
            positional = written if isinstance(written, list | tuple) else [written]
            if len(positional) > len(parameters):
                self.wrong(
                    f"{name} takes {len(parameters)} parameters, got {len(positional)}",
                    at,
                    f"its parameters: {', '.join(parameters) or 'none'}",
                )
                return None
            pairs = dict(zip(parameters, located_items(positional), strict=False))
        else:
            pairs = {key: (item, value_place(written, key)) for key, item in written.items()}
        for key in pairs:
            if key not in parameters:
                self.wrong(
                    f"{name} has no parameter {key!r}{did_you_mean(key, parameters)}",
                    key_place(written, key) or at,
                    f"its parameters: {', '.join(parameters) or 'none'}",
                )
        arguments = {key: self._frozen(item, where or at) for key, (item, where) in pairs.items()}
        return BlockUse(name, arguments, place)


def parse_call(namespace: str, value: Any, place: Place | None = None) -> Call:
    """The Call that a plain value writes; raises ConfigError with all that is wrong with it."""
    parser = Parser()
    call = parser.call(namespace, value, place)
    if call is None or parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    return call


def variable_problem(name: Any) -> str | None:
    """Why a name cannot be a variable of the file's own, or None where it can."""
    if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
        return "must be a word in lower case"
    if name in RESERVED_VARIABLES:
        return f"would hide the variable ${name}; choose another name"
    return None


def find_entry(namespace: str, name: str) -> Entry | None:
    """What is known of a Keras class (by any of its names) or of a composite of ours."""
    if namespace == "layers" and name in COMPOSITES:
        return COMPOSITES[name]
    return catalogue.entry(namespace, name)


def known_arguments(namespace: str, name: str) -> Mapping[str, Argument]:
    """The arguments of a class that is known to exist."""
    entry = find_entry(namespace, name)
    if entry is None:
        raise ConfigError(f"Keras has no {name!r} among its {namespace}")
    return entry.arguments


def has_expression(value: Any) -> bool:
    """Whether a frozen argument is or holds an Expression."""
    if isinstance(value, tuple):
        return any(map(has_expression, value))
    return isinstance(value, Expression)


def written(value: Any) -> Any:
    """The plain YAML value that parses to this Call, item or argument."""
    match value:
        case Call(name=name, arguments=arguments) | BlockUse(name=name, arguments=arguments):
            return {name: written(arguments)} if arguments else name
        case Repeat():
            times = written(value.values) if value.times is None else written(value.times)
            return {"repeat": times, "layers": written(value.layers)}
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


def shown(value: Any) -> str:
    """A value as a person would recognise it in a message, shortened."""
    if value is None:
        return "nothing"
    text = (
        repr(written(value)) if not isinstance(value, dict) else f"a mapping ({', '.join(value)})"
    )
    return text if len(text) <= 60 else f"{text[:57]}..."


def _elsewhere(name: str) -> str:
    """Where Keras has a name that was looked for in another namespace."""
    found = [kind for kind in catalogue.namespaces() if catalogue.entry(kind, name)]
    return f"{name} is {_KINDS[found[0]]}" if found else ""


def _is_number_for(argument: Argument, value: Any) -> bool:
    return (
        argument.type == "schedules_or_number"
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    )


def _example(entry: Entry) -> str:
    required = [argument.name for argument in entry.arguments.values() if argument.required]
    return f"{entry.name}: {{{', '.join(f'{name}: …' for name in required)}}}"
