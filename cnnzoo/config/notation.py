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

import keyword
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cnnzoo.config import catalogue
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import COMPOSITES, REQUIRED
from cnnzoo.config.expressions import (
    Expression,
    evaluate,
    is_expression,
    parse_expression,
    unknown_variable,
    variables_of,
)
from cnnzoo.config.located import key_place, located_items, value_place
from cnnzoo.config.reader import read_scalar
from cnnzoo.errors import ConfigError, Mistake, Place, did_you_mean, nearest


@dataclass(frozen=True, slots=True)
class Call:
    """A Keras class, or a composite of ours, with its arguments by name.

    An argument is a plain value (lists as tuples), an Expression, a Call, a tuple of layer items
    (composites), or a tuple of such tuples (branches).
    """

    namespace: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Layers that stand several times: `times` of them, or once for each of the listed values.

    An Expression in the place of a list is a parameter of the file that holds one.
    """

    layers: tuple[Item, ...]
    times: int | Expression | None = None
    values: Mapping[str, tuple[Any, ...] | Expression] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Block:
    """What a model defines under `blocks`; a parameter without a default is required."""

    parameters: tuple[str, ...]
    defaults: Mapping[str, Any]
    layers: tuple[Item, ...]
    place: Place | None = field(default=None, compare=False)

    @property
    def header(self) -> dict[str, Any]:
        """Each parameter with its default, REQUIRED where it has none."""
        return {name: self.defaults.get(name, REQUIRED) for name in self.parameters}


@dataclass(frozen=True, slots=True)
class BlockUse:
    """A block by its name, with values for its parameters."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    place: Place | None = field(default=None, compare=False)


Item = Call | Repeat | BlockUse

MAX_REPEAT = 1000
_FEW = 30  # so many names are listed, more are not
_OLD_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
MAX_MISTAKES = 50  # a person mends these first, and looking for near words takes time

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
ACTIVATION_LAYERS = ("ELU", "LeakyReLU", "ReLU", "Softmax")


_NOTHING: Mapping[str, Any] = MappingProxyType({})

# What other frameworks and textbooks call what Keras calls otherwise, in lower case.
_OTHER_WORDS = {
    "linear": "Dense",
    "fc": "Dense",
    "fullyconnected": "Dense",
    "fully_connected": "Dense",
    "dropout2d": "SpatialDropout2D",
    "conv": "Conv2D",
    "pool": "MaxPooling2D",
    "globalpooling": "GlobalAveragePooling2D",
    "adaptiveavgpool2d": "GlobalAveragePooling2D",
    "skip": "Residual",
    "inception": "Branches",
    "parallel": "Branches",
    "out_channels": "filters",
    "features": "units",
    "out_features": "units",
    "neurons": "units",
    "p": "rate",
    "alpha": "negative_slope",
    "lr": "learning_rate",
    "cross_entropy": "SparseCategoricalCrossentropy",
    "crossentropy": "SparseCategoricalCrossentropy",
    "crossentropyloss": "SparseCategoricalCrossentropy",
}


# Arguments that Keras' layers have in Python and that stand elsewhere in a configuration.
_ELSEWHERE = {
    "input_shape": "it is written once, as model.input_shape",
    "input_dim": "the input is written once, as model.input_shape",
}


class Parser:
    """Parses notation into Calls, collecting what is wrong in `mistakes`.

    `defaults` are arguments by layer class that a layer takes where it does not give them itself;
    `blocks` are the blocks that may be used, each with its parameters and their defaults;
    `variables` are the names that an expression may hold. None of one of these means that it is
    not known, so that nothing is wrong for want of it.
    """

    def __init__(
        self,
        defaults: Mapping[str, Mapping[str, Any]] | None = _NOTHING,
        blocks: Mapping[str, Mapping[str, Any]] | None = _NOTHING,
        variables: Collection[str] | None = None,
    ) -> None:
        self.defaults = defaults
        self.blocks = blocks
        self.scopes: tuple[Collection[str], ...] | None = (
            None if variables is None else (variables,)
        )
        self.mistakes: list[Mistake] = []

    def wrong(self, message: str, place: Place | None, hint: str | None = None) -> None:
        """Note a mistake and go on; ConfigError where there are more than a person mends."""
        self.mistakes.append(Mistake(message, place, hint))
        if len(self.mistakes) >= MAX_MISTAKES:
            raise ConfigError.of(self.mistakes)

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
        if given is None:
            return None
        if namespace == "layers" and self.defaults:
            given = {**self.defaults.get(entry.name, {}), **given}
        if self.defaults is None and namespace == "layers":
            return Call(namespace, entry.name, given, place)
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
            if isinstance(name, str):
                return name, arguments, key_place(value, name) or place, value_place(value, name)
        kind = _KINDS[namespace]
        if isinstance(value, dict) and len(value) > 1:
            first, second = (_listed([name]) for name in list(value)[:2])
            several = find_entry(namespace, first) and find_entry(namespace, second)
            self.wrong(
                f"{kind} is one name with its arguments; here are {len(value)} keys: "
                f"{_listed(value)}",
                key_place(value, list(value)[1]) or place,
                f"begin {kind} of its own with '- {second}'"
                if several
                else f"indent the arguments deeper than {first}, or write {first}: {{…}}",
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
            hint = (
                "write it with Keras' other layers, or as a block of them"
                if "code" in refused
                else None
            )
            self.wrong(f"{name} is refused: {refused}", place, hint)
            return None
        known = [*catalogue.names(namespace), *catalogue.aliases(namespace)]
        if namespace == "layers":
            known += [*COMPOSITES, *(self.blocks or ())]
        kind = _KINDS[namespace].split(" ", 1)[1]
        called = name.partition("(")[0].rpartition(".")[2]
        if called != name and find_entry(namespace, called):
            near, hint = "", f"write {called}, or {called}: {{ARGUMENT: VALUE, …}}"
        elif namespace == "layers" and find_entry("activations", name):
            near, hint = "", f"{name} is an activation; write Activation: {name}"
        else:
            near = _did_you_mean(name, known)
            hint = "" if near else _elsewhere(name) or _what_there_is(namespace)
        meant = nearest(name, self.blocks or ()) if namespace == "layers" else None
        if meant and VARIABLE_NAME.fullmatch(name):
            self.wrong(f"there is no block {name!r}; did you mean {meant!r}?", place)
        else:
            self.wrong(f"Keras has no {kind} {shown(name)}{near}", place, hint or None)
        return None

    def _arguments(self, entry: Entry, written: Any, place: Place | None) -> dict[str, Any] | None:
        """The arguments by name; None, with a mistake noted, where they have not the form."""
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
            if problem := _positional_problem(entry, written):
                self.wrong(problem[0], place, problem[1])
                return None
            pairs = [
                (name, value, at, at)
                for name, (value, at) in zip(names, located_items(written), strict=False)
            ]
        elif names:
            pairs = [(names[0], written, place, place)]
        else:
            self.wrong(f"{entry.name} takes no arguments; got {shown(written)}", place)
            return None
        given: dict[str, Any] = {}
        for name, value, name_place, at in pairs:
            argument = entry.arguments.get(name)
            if name in entry.refused:
                reason = entry.refused[name]
                self.wrong(f"{_of(entry.name)} {name!r} is refused: {reason}", name_place)
            elif argument is None:
                near = _near(str(name).split(":")[0], names)
                glued = _form_of_name(str(name))
                self.wrong(
                    f"{entry.name} has no argument {shown(name)}"
                    + (f"; did you mean {near!r}?" if near and not glued else ""),
                    name_place,
                    glued or (None if near else f"its arguments: {', '.join(names) or 'none'}"),
                )
                if near:
                    given.setdefault(near, None)  # it was meant, so it is not missing as well
            else:
                given[name] = self.argument(entry.name, argument, value, at)
        return given

    def argument(self, owner: str, argument: Argument, value: Any, place: Place | None) -> Any:
        """What a value written for an argument stands for, mistakes noted."""
        if argument.type == "layer_list":
            return self.layers(value, place)
        if argument.type == "layer_lists":
            return self._branches(owner, value, place)
        if is_expression(value):
            return self.expression(value, place)
        if (value is None and argument.nullable) or isinstance(value, Call):
            return value
        if value == "None" and argument.nullable:
            self.wrong(
                f"{_of(owner)} {argument.name!r} is None, a word of Python's", place, "write null"
            )
            return None
        if argument.type == "activations":
            return self._activation(value, place)
        if argument.namespace and not _is_number_for(argument, value):
            return self.call(argument.namespace, value, place)
        value = self._frozen(value, place)
        if not has_expression(value):
            self._check(owner, argument, value, place)
        return catalogue.as_keras_takes_it(argument, value)

    def _check(self, owner: str, argument: Argument, value: Any, place: Place | None) -> None:
        """Note a mistake where a plain value is not of its argument's type."""
        expected = catalogue.mismatch(argument, value)
        if expected:
            near = did_you_mean(value, argument.values) if isinstance(value, str) else ""
            self.wrong(
                f"{_of(owner)} {argument.name!r} must be {expected}, not {shown(value)}{near}",
                place,
                None
                if near
                else form_hint(value, lambda meant: catalogue.mismatch(argument, meant) is None),
            )

    def _activation(self, value: Any, place: Place | None) -> Any:
        if isinstance(value, str) and (known := catalogue.entry("activations", value)):
            return known.name
        name = next(iter(value), None) if isinstance(value, dict) else value
        if name in ACTIVATION_LAYERS:
            return self.call("layers", value, place)
        if name == "PReLU":
            self.wrong(
                "PReLU learns weights of its own, so it is no argument of another layer",
                place,
                "leave activation out and write - PReLU as the next layer",
            )
            return None
        if isinstance(name, str) and catalogue.entry("activations", name):
            twin = nearest(name.replace("_", ""), ACTIVATION_LAYERS)
            self.wrong(
                f"the activation {name!r} takes no arguments",
                place,
                f"write the name alone, or {{{twin}: …}} with its arguments" if twin else None,
            )
            return None
        names = [*catalogue.names("activations"), *ACTIVATION_LAYERS]
        near = did_you_mean(name, names) if isinstance(name, str) else ""
        self.wrong(
            f"Keras has no activation {shown(name)}{near}",
            place,
            None if near else f"activations: {', '.join(names)}",
        )
        return None

    def _frozen(self, value: Any, place: Place | None) -> Any:
        if isinstance(value, list | tuple):
            return tuple(self._frozen(item, at or place) for item, at in located_items(value))
        if isinstance(value, dict):
            return {
                name: self._frozen(item, value_place(value, name) or place)
                for name, item in value.items()
            }
        return self.expression(value, place) if is_expression(value) else value

    def expression(self, value: str, place: Place | None) -> Expression | None:
        """The expression that a string writes; None, with a mistake noted, where it writes none."""
        try:
            expression = parse_expression(value, place)
        except ConfigError as error:
            self._note(error.mistakes)
            return None
        if self.scopes is not None:
            known = {name for scope in self.scopes for name in scope}
            unknown = sorted(variables_of(expression) - known)
            self._note(unknown_variable(name, known, place) for name in unknown)
        return expression

    def _note(self, mistakes: Iterable[Mistake]) -> None:
        for mistake in mistakes:
            self.wrong(mistake.message, mistake.place, mistake.hint)

    @contextmanager
    def _knowing(self, names: Collection[str]) -> Iterator[None]:
        outside = self.scopes
        self.scopes = None if outside is None else (*outside, names)
        yield
        self.scopes = outside

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
        if isinstance(name, str):
            if self.blocks is None and VARIABLE_NAME.fullmatch(name):
                return None  # perhaps one of the blocks, which could not be read
            if self.blocks and name in self.blocks:
                return self._block_use(name, self.blocks[name], value, place)
        return self.call("layers", value, place)

    def layer_defaults(self, value: Any) -> dict[str, dict[str, Any]]:
        """Checked default arguments by layer class, from `{Conv2D: {padding: same}}`."""
        if not isinstance(value, dict):
            raise ValueError(f"must map layers to arguments, not {shown(value)}")
        defaults = {}
        for name, arguments in value.items():
            entry = self._entry("layers", name, key_place(value, name))
            at = value_place(value, name)
            if entry and not isinstance(arguments, dict):
                self.wrong(
                    f"the defaults of {name} must be a mapping, not {shown(arguments)}",
                    at,
                    f"write {name}: {{ARGUMENT: VALUE}}",
                )
            elif entry:
                defaults[entry.name] = self._arguments(entry, arguments, at) or {}
        return defaults

    def block_definitions(self, value: Any) -> dict[str, Block]:
        """The blocks in `{name: {parameters: [filters, {strides: 1}], layers: […]}}`."""
        if not isinstance(value, dict):
            raise ValueError(f"must map names to blocks, not {shown(value)}")
        headers = {name: self._block_header(name, value) for name in value}
        self.blocks = headers
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
            given = headers[name]
            with self._knowing(given):
                layers = self.layers(definition["layers"], value_place(definition, "layers"))
            defaults = {key: default for key, default in given.items() if default is not REQUIRED}
            blocks[name] = Block(tuple(given), defaults, layers, place)
        return blocks

    def _block_header(self, name: str, blocks: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a block with their defaults, REQUIRED where there is none."""
        if not VARIABLE_NAME.fullmatch(name) or name in ("repeat", "layers"):
            self.wrong(
                f"{shown(name)} cannot name a block",
                key_place(blocks, name),
                "a block has a name in lower case, for example conv_block",
            )
        definition = blocks[name] if isinstance(blocks[name], dict) else {}
        for key in definition:
            if key not in ("parameters", "layers"):
                near = did_you_mean(key, ("parameters", "layers"))
                self.wrong(
                    f"the block {name!r} has no key {shown(key)}{near}",
                    key_place(definition, key),
                    None if near else "its keys: parameters, layers",
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
            with self._knowing(header):
                default = self._frozen(default, place)
        problem = variable_problem(parameter)
        if problem or parameter in header:
            self.wrong(f"the parameter {shown(parameter)} {problem or 'stands twice'}", place)
        else:
            header[parameter] = default

    def _branches(self, owner: str, value: Any, place: Place | None) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) < 2:
            self.wrong(
                f"{_of(owner)} 'branches' must be a list of at least two lists of layers, "
                f"not {shown(value)}",
                place,
                "an empty list [] is the identity",
            )
            return ()
        return tuple(self.layers(branch, at or place) for branch, at in located_items(value))

    def _repeat(self, value: Mapping[str, Any], place: Place | None) -> Repeat | None:
        others = [key for key in value if key not in ("repeat", "layers")]
        for key in others:
            self.wrong(
                f"repeat has no key {shown(key)}{did_you_mean(key, ('layers',))}",
                key_place(value, key) or place,
                "write repeat: COUNT and, in the same column, layers: […]",
            )
        if "layers" not in value:
            if not others:
                hint = "write repeat: COUNT and, in the same column, layers: […]"
                self.wrong("repeat needs 'layers'", place, hint)
            return None
        times, at = value["repeat"], value_place(value, "repeat") or place
        names = times if isinstance(times, dict) else {}
        for name in names:
            if problem := variable_problem(name):
                self.wrong(f"repeat's {shown(name)} {problem}", key_place(times, name) or at)
        with self._knowing([*names, "index"]):
            layers = self.layers(value["layers"], value_place(value, "layers") or place)
        if isinstance(times, dict):
            return self._repeat_over(times, layers, at, place)
        if is_expression(times):
            return Repeat(layers, self.expression(times, at), place=place)
        if isinstance(times, bool) or not isinstance(times, int) or not 0 <= times <= MAX_REPEAT:
            self.wrong(
                f"'repeat' must be a count from 0 to {MAX_REPEAT} or lists of values, "
                f"not {shown(times)}",
                at,
                form_hint(times, lambda meant: type(meant) is int),
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
        # How long the list behind an expression is will be seen when it is evaluated.
        known = {name: values for name, values in lists.items() if not is_expression(values)}
        problem = uneven_lists(known) if known or not lists else None
        if problem:
            self.wrong(problem, at)
            return None
        values = {
            name: self._frozen(values, value_place(lists, name) or at)
            for name, values in lists.items()
        }
        return Repeat(layers, values=values, place=place)

    def _block_use(
        self, name: str, header: Mapping[str, Any], value: Any, place: Place | None
    ) -> BlockUse | None:
        parameters = list(header)
        written = value[name] if isinstance(value, dict) else None
        place = (key_place(value, name) if isinstance(value, dict) else None) or place
        at = value_place(value, name) or place
        pairs: dict[str, tuple[Any, Place | None]] = {}
        if isinstance(written, dict):
            pairs = {key: (item, value_place(written, key)) for key, item in written.items()}
        elif written is not None:
            positional = written if isinstance(written, list | tuple) else [written]
            if len(positional) > len(parameters):
                self.wrong(
                    f"{name} takes {_counted(len(parameters), 'parameter')}, got {len(positional)}",
                    at,
                    f"its parameters: {', '.join(parameters) or 'none'}",
                )
                return None
            pairs = dict(zip(parameters, located_items(positional), strict=False))
        given = set(pairs)
        for key in pairs:
            if key not in header:
                near = nearest(str(key), parameters)
                given.add(near or "")
                self.wrong(
                    f"{name} has no parameter {shown(key)}"
                    + (f"; did you mean {near!r}?" if near else ""),
                    key_place(written, key) or at,
                    None if near else f"its parameters: {', '.join(parameters) or 'none'}",
                )
        for key, default in header.items():
            if default is REQUIRED and key not in given:
                self.wrong(f"{name} needs {key!r}", place, f"write {name}: {{{key}: …}}")
        arguments = {key: self._frozen(item, where or at) for key, (item, where) in pairs.items()}
        return BlockUse(name, arguments, place)


def _positional_problem(entry: Entry, written: Sequence[Any]) -> tuple[str, str | None] | None:
    """Why a list cannot give a class its arguments one by one, and the way out; None if it can."""
    arguments = list(entry.arguments.values())
    if not arguments:
        return f"{entry.name} takes no arguments; got {shown(written)}", None
    each = len(written) <= len(arguments) and all(
        _may_be(argument, value) for argument, value in zip(arguments, written, strict=False)
    )
    if each:
        return None
    if _may_be(arguments[0], written):
        items = ", ".join("…" if isinstance(item, dict) else str(item) for item in written)
        return (
            f"a list gives {entry.name} its arguments one by one",
            f"write {entry.name}: {{{arguments[0].name}: [{items}]}}",
        )
    if len(written) > len(arguments):
        names = ", ".join(argument.name for argument in arguments)
        return (
            f"{entry.name} takes {_counted(len(arguments), 'argument')} at most",
            f"its arguments: {names}",
        )
    return None


def _may_be(argument: Argument, value: Any) -> bool:
    """Whether a value has the form of an argument, as far as it can be seen at once."""
    if argument.type == "layer_list":
        return isinstance(value, list | tuple) and not any(isinstance(v, list) for v in value)
    if argument.type == "layer_lists":
        return isinstance(value, list | tuple) and all(isinstance(v, list) for v in value)
    if is_expression(value):
        return True
    if isinstance(value, list | tuple) and any(map(is_expression, value)):
        return "list" in (catalogue.mismatch(argument, {}) or "")
    return catalogue.mismatch(argument, value) is None


def parse_call(namespace: str, value: Any, place: Place | None = None) -> Call:
    """The Call that a plain value writes; raises ConfigError with all that is wrong with it."""
    parser = Parser()
    call = parser.call(namespace, value, place)
    if call is None or parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    return call


def evaluate_params(value: Any) -> dict[str, Any]:
    """The values of `model.params`, each of which may use those above it in an expression."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping, not {shown(value)}")
    params: dict[str, Any] = {}
    parser = Parser(variables=params)
    for name, item in value.items():
        place = value_place(value, name)
        frozen = parser._frozen(item, place)
        if problem := variable_problem(name):
            parser.wrong(f"the parameter {shown(name)} {problem}", key_place(value, name))
        elif not _is_param(frozen):
            parser.wrong(
                f"the parameter {name!r} must be a number, a string, true, false, or a list of "
                f"these, not {shown(item)}",
                place,
            )
        params[name] = frozen
    if parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    for name, item in params.items():
        params[name] = evaluate_each(item, params)
    return params


def _is_param(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(not isinstance(item, tuple) and _is_param(item) for item in value)
    return isinstance(value, int | float | str | Expression)


def evaluate_each(value: Any, variables: Mapping[str, Any]) -> Any:
    """A plain value with the expressions in it, or in its list, evaluated."""
    if isinstance(value, tuple):
        return tuple(evaluate_each(item, variables) for item in value)
    return evaluate(value, variables) if isinstance(value, Expression) else value


def check_variables(value: Any, known: Collection[str]) -> list[Mistake]:
    """The mistakes of a Call, or of several, that uses variables which are not known."""
    match value:
        case Expression():
            unknown = sorted(variables_of(value) - set(known))
            return [unknown_variable(name, known, value.place) for name in unknown]
        case Call():
            return check_variables(tuple(value.arguments.values()), known)
        case tuple():
            return [mistake for item in value for mistake in check_variables(item, known)]
    return []


def variable_problem(name: Any) -> str | None:
    """Why a name cannot be a variable of the file's own, or None where it can."""
    if not isinstance(name, str) or not VARIABLE_NAME.fullmatch(name):
        return "must be a word in lower case"
    if name in RESERVED_VARIABLES:
        return f"would hide the variable ${name}; choose another name"
    if keyword.iskeyword(name):
        return "is a word that arithmetic cannot hold; choose another name"
    return None


def uneven_lists(lists: Mapping[str, Any]) -> str | None:
    """What is wrong with the lists of a `repeat`, or None where they are of equal length."""
    lengths = {
        name: len(values) if isinstance(values, list | tuple) else None
        for name, values in lists.items()
    }
    if None not in lengths.values() and len(set(lengths.values())) == 1:
        return None
    came = ", ".join(f"{name} {'no list' if n is None else n}" for name, n in lengths.items())
    return f"'repeat' needs lists of equal length, one value an iteration; got {came or '{}'}"


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
    if isinstance(value, dict):
        return any(map(has_expression, value.values()))
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
    text = f"a mapping ({_listed(value)})" if isinstance(value, dict) else repr(written(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def form_hint(value: Any, holds: Callable[[Any], bool]) -> str | None:
    """The way out where a value is right but for its form.

    It may be a fraction, in quotes, a Python tuple, or YAML 1.1's yes or no.
    """
    if isinstance(value, float) and math.isfinite(value) and holds(int(value)):
        return "it must be whole; arithmetic gives a whole number with // or round"
    if not isinstance(value, str):
        return None
    if value.startswith("("):
        return "a list has square brackets"
    if value.lower() in _OLD_BOOLEANS and holds(True):
        return f"write {_OLD_BOOLEANS[value.lower()]}: only true and false are read as such"
    meant = read_scalar(value)
    if not isinstance(meant, str) and holds(meant):
        return f"write {value} without quotes"
    return None


def _listed(names: Iterable[Any]) -> str:
    text = ", ".join(map(str, names))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _of(owner: str) -> str:
    return f"{owner}'" if owner.endswith("s") else f"{owner}'s"


def _form_of_name(name: str) -> str | None:
    """The way out where a value has run into the name of an argument."""
    if name.endswith(")"):
        return "a list has square brackets"
    if name[:1].isdigit():
        return "write decimals with a point: 0.001"
    if ":" in name:
        return f"write a space behind the colon: {_listed([name.replace(':', ': ', 1)])}"
    return _ELSEWHERE.get(name)


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _near(name: Any, known: Iterable[str]) -> str | None:
    """The known name that is meant: another library's word for it, or the one spelled most alike.

    Of Conv1D, Conv2D and Conv3D, an image wants the second.
    """
    names: dict[str, str] = {}
    for each in known:
        names.setdefault(each.lower(), each)
    word = str(name).lower()
    other = _OTHER_WORDS.get(word)
    if other and other.lower() in names:
        return other
    near = nearest(word, names.values())
    if near and near[-2:] in ("1D", "3D") and near[-2] not in word:
        return names.get(f"{near[:-2]}2D".lower(), near)
    return near


def _did_you_mean(name: Any, known: Iterable[str]) -> str:
    near = _near(name, known)
    return f"; did you mean {near!r}?" if near else ""


def _elsewhere(name: str) -> str:
    """Where Keras has a name that was looked for in another namespace."""
    found = [kind for kind in catalogue.namespaces() if catalogue.entry(kind, name)]
    return f"{name} is {_KINDS[found[0]]}" if found else ""


def _what_there_is(namespace: str) -> str:
    """The names in a namespace, or where they are listed, if they are too many to be read."""
    names = catalogue.names(namespace)
    if len(names) > _FEW:
        return f"their names are those of https://keras.io/api/{namespace}"
    return f"there are {', '.join(names)}"


def _is_number_for(argument: Argument, value: Any) -> bool:
    return (
        argument.type == "schedules_or_number"
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    )


def _example(entry: Entry) -> str:
    required = [argument.name for argument in entry.arguments.values() if argument.required]
    return f"{entry.name}: {{{', '.join(f'{name}: …' for name in required)}}}"
