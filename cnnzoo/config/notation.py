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

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from cnnzoo.config import catalogue
from cnnzoo.config.calls import (
    Block,
    BlockUse,
    Call,
    Item,
    Repeat,
    has_expression,
    listed,
    shown,
    uneven_lists,
)
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import COMPOSITES, REQUIRED, find_entry
from cnnzoo.config.expressions import (
    Expression,
    is_expression,
    parse_expression,
    unknown_variable,
    variables_of,
)
from cnnzoo.config.located import key_place, located_items, value_place
from cnnzoo.config.variables import VARIABLE_NAME, variable_problem
from cnnzoo.config.wording import (
    KINDS,
    absent,
    counted,
    did_you_mean_word,
    elsewhere,
    example,
    form_hint,
    form_of_name,
    near_word,
    positional_problem,
    what_there_is,
    whose,
)
from cnnzoo.errors import ConfigError, Mistake, Place, did_you_mean, nearest

MAX_REPEAT = 1000
MAX_MISTAKES = 50  # a person mends these first, and looking for near words takes time


# Activations with arguments are written as the layer of that name; one with weights of its own
# (PReLU) belongs in the layer list.
ACTIVATION_LAYERS = ("ELU", "LeakyReLU", "ReLU", "Softmax")


_NOTHING: Mapping[str, Any] = MappingProxyType({})


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
            self.wrong(f"{entry.name} needs {needed}", place, f"write {example(entry)}")
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
        kind = KINDS[namespace]
        if isinstance(value, dict) and len(value) > 1:
            first, second = (listed([name]) for name in list(value)[:2])
            several = find_entry(namespace, first) and find_entry(namespace, second)
            self.wrong(
                f"{kind} is one name with its arguments; here are {len(value)} keys: "
                f"{listed(value)}",
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
        kind = KINDS[namespace].split(" ", 1)[1]
        called = name.partition("(")[0].rpartition(".")[2]
        if called != name and find_entry(namespace, called):
            near, hint = "", f"write {called}, or {called}: {{ARGUMENT: VALUE, …}}"
        elif namespace == "layers" and absent(name):
            near, hint = "", absent(name)
        elif namespace == "layers" and find_entry("activations", name):
            near, hint = "", f"{name} is an activation; write Activation: {name}"
        else:
            near = did_you_mean_word(name, known)
            hint = "" if near else elsewhere(name) or what_there_is(namespace)
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
            if problem := positional_problem(entry, written):
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
                self.wrong(f"{whose(entry.name)} {name!r} is refused: {reason}", name_place)
            elif argument is None:
                near = near_word(str(name).split(":")[0], names)
                glued = form_of_name(str(name))
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
                f"{whose(owner)} {argument.name!r} is None, a word of Python's",
                place,
                "write null",
            )
            return None
        if argument.type == "activations":
            return self._activation(value, place)
        if argument.namespace and not _is_number_for(argument, value):
            return self.call(argument.namespace, value, place)
        value = self.plain(value, place)
        if not has_expression(value):
            self._check(owner, argument, value, place)
        return catalogue.as_keras_takes_it(argument, value)

    def _check(self, owner: str, argument: Argument, value: Any, place: Place | None) -> None:
        """Note a mistake where a plain value is not of its argument's type."""
        expected = catalogue.mismatch(argument, value)
        if expected:
            near = did_you_mean(value, argument.values) if isinstance(value, str) else ""
            self.wrong(
                f"{whose(owner)} {argument.name!r} must be {expected}, not {shown(value)}{near}",
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

    def plain(self, value: Any, place: Place | None) -> Any:
        """A plain value with its lists as tuples and the expressions in it parsed."""
        if isinstance(value, list | tuple):
            return tuple(self.plain(item, at or place) for item, at in located_items(value))
        if isinstance(value, dict):
            return {
                name: self.plain(item, value_place(value, name) or place)
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
                default = self.plain(default, place)
        problem = variable_problem(parameter)
        if problem or parameter in header:
            self.wrong(f"the parameter {shown(parameter)} {problem or 'stands twice'}", place)
        else:
            header[parameter] = default

    def _branches(self, owner: str, value: Any, place: Place | None) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) < 2:
            self.wrong(
                f"{whose(owner)} 'branches' must be a list of at least two lists of layers, "
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
            name: self.plain(values, value_place(lists, name) or at)
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
                    f"{name} takes {counted(len(parameters), 'parameter')}, got {len(positional)}",
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
        arguments = {key: self.plain(item, where or at) for key, (item, where) in pairs.items()}
        return BlockUse(name, arguments, place)


def parse_call(namespace: str, value: Any, place: Place | None = None) -> Call:
    """The Call that a plain value writes; raises ConfigError with all that is wrong with it."""
    parser = Parser()
    call = parser.call(namespace, value, place)
    if call is None or parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    return call


def _is_number_for(argument: Argument, value: Any) -> bool:
    return (
        argument.type == "schedules_or_number"
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    )
