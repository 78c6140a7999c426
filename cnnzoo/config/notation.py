"""Notation for Keras classes, with the names of Keras for classes and arguments.

    Flatten                                  no arguments
    MaxPooling2D: 2                          a scalar is the first argument
    Conv2D: [6, 5]                           a list is positional
    Conv2D: {filters: 6, kernel_size: 5}     a mapping is keywords

Parsing checks everything that does not depend on shapes: names, arguments, types. It collects
mistakes and continues, so that a person sees all of them at once. `cnnzoo.config.layer_lists`
parses lists of layers, which may contain more than classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from cnnzoo.config import catalogue
from cnnzoo.config.calls import (
    Call,
    has_expression,
    shown,
)
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import OWN, find_entry
from cnnzoo.config.expressions import (
    Expression,
    is_expression,
    parse_expression,
    unknown_variable,
    variables_of,
)
from cnnzoo.config.located import key_place, located_items, value_place
from cnnzoo.config.paths import absolute
from cnnzoo.config.wording import (
    KINDS,
    absent,
    available_names,
    did_you_mean_word,
    elsewhere,
    example,
    form_hint,
    form_of_name,
    near_word,
    nearest_activation,
    positional_problem,
    whose,
)
from cnnzoo.errors import ConfigError, Mistake, Place, did_you_mean, nearest
from cnnzoo.text import listed

MAX_MISTAKES = 50  # enough to fix at once; the search for similar words takes time


# Activations with arguments are written as the layer of that name; one with weights (PReLU) belongs
# in the layer list.
ACTIVATION_LAYERS = ("ELU", "LeakyReLU", "ReLU", "Softmax")


class CallParser:
    """Parser of the notation, which collects errors in `mistakes`.

    `variables` are the names that an expression may use; None means that they are unknown, so that
    no variable is reported.
    """

    def __init__(self, variables: Collection[str] | None = None) -> None:
        self.scopes: tuple[Collection[str], ...] | None = (
            None if variables is None else (variables,)
        )
        self.mistakes: list[Mistake] = []

    def wrong(self, message: str, place: Place | None, hint: str | None = None) -> None:
        """Add a mistake and continue; raise ConfigError if there are too many."""
        self.mistakes.append(Mistake(message, place, hint))
        if len(self.mistakes) >= MAX_MISTAKES:
            raise ConfigError.of(self.mistakes)

    def call(self, namespace: str, value: Any, place: Place | None) -> Call | None:
        """Parse a value as a Call; add a mistake and return None if it is not one."""
        if isinstance(value, Call):
            return value
        written = self._name_and_arguments(namespace, value, place)
        if written is None:
            return None
        name, arguments, place, arguments_place = written
        entry = self.entry(namespace, name, place)
        if entry is None:
            return None
        given = self.arguments(entry, arguments, arguments_place or place)
        if given is None:
            return None
        made = Call(namespace, entry.name, self.completed(entry, given), place)
        missing = self.missing(entry, made)
        if missing:
            needed = ", ".join(repr(argument) for argument in missing)
            self.wrong(f"{entry.name} needs {needed}", place, f"write {example(entry)}")
        return made

    def completed(self, entry: Entry, given: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments, completed by defaults; a subclass may have some."""
        return given

    def missing(self, entry: Entry, made: Call) -> list[str]:
        """Return the required arguments that a call does not have."""
        required = (argument for argument in entry.arguments.values() if argument.required)
        return [argument.name for argument in required if argument.name not in made.arguments]

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
                f"begin the next {kind.split(' ', 1)[1]} with '- {second}'"
                if several
                else f"indent the arguments deeper than {first}, or write {first}: {{…}}",
            )
        else:
            self.wrong(f"expected {kind}: its name, or NAME: arguments; got {shown(value)}", place)
        return None

    def entry(self, namespace: str, name: str, place: Place | None) -> Entry | None:
        """Return the entry of a class; add a mistake and return None if it does not exist."""
        entry = find_entry(namespace, name)
        if entry:
            return entry
        refused = catalogue.refusal(namespace, name)
        if refused:
            hint = (
                "write it with other layers of Keras, or as a block of them"
                if "code" in refused and namespace == "layers"
                else None
            )
            self.wrong(f"{name} is refused: {refused}", place, hint)
            return None
        known = [*catalogue.names(namespace), *catalogue.aliases(namespace)]
        known += OWN.get(namespace, ())
        kind = KINDS[namespace].split(" ", 1)[1]
        called = name.partition("(")[0].rpartition(".")[2]
        activation = nearest_activation(name)
        if called != name and find_entry(namespace, called):
            near, hint = "", f"write {called}, or {called}: {{ARGUMENT: VALUE, …}}"
        elif absent(name):
            near, hint = "", absent(name)
        elif namespace == "layers" and (activation or find_entry("activations", name)):
            near, hint = "", f"{name} is an activation; write Activation: {activation or name}"
        else:
            near = did_you_mean_word(called or name, known)
            hint = "" if near else elsewhere(name) or available_names(namespace)
        if namespace == "schedules" and (number := form_hint(name, _is_number)):
            near, hint = "", f"for a number, {number}"
        self.wrong(f"Keras has no {kind} {shown(name)}{near}", place, hint or None)
        return None

    def arguments(self, entry: Entry, written: Any, place: Place | None) -> dict[str, Any] | None:
        """Return the arguments by name; add a mistake and return None if their form is wrong."""
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
                    given.setdefault(near, None)  # not reported as missing in addition
            else:
                given[name] = self.argument(entry.name, argument, value, at)
        return given

    def argument(self, owner: str, argument: Argument, value: Any, place: Place | None) -> Any:
        """Parse the value of an argument, and add its mistakes."""
        if is_expression(value):
            return self.expression(value, place)
        if (value is None and argument.nullable) or isinstance(value, Call):
            return value
        if value == "None" and argument.nullable:
            self.wrong(
                f"{whose(owner)} {argument.name!r} must be null, not Python's None",
                place,
                "write null",
            )
            return None
        if argument.type == "activations":
            return self._activation(value, place)
        if argument.namespace and not _is_number_for(argument, value):
            return self.call(argument.namespace, value, place)
        before = len(self.mistakes)
        value = self.plain(value, place)
        if len(self.mistakes) > before:
            return None  # an expression in it is wrong
        if not has_expression(value):
            self._check(owner, argument, value, place)
        if argument.type == "weights" and value != "imagenet":
            return absolute(value, place)
        return catalogue.as_keras_takes_it(argument, value)

    def _check(self, owner: str, argument: Argument, value: Any, place: Place | None) -> None:
        """Add a mistake if a plain value does not have the type of its argument."""
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
                "PReLU has weights, so it cannot be an argument of another layer",
                place,
                "remove activation and write - PReLU as the next layer",
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
        """Convert a plain value: lists to tuples, and text with $ to expressions."""
        if isinstance(value, list | tuple):
            return tuple(self.plain(item, at or place) for item, at in located_items(value))
        if isinstance(value, dict):
            return {
                name: self.plain(item, value_place(value, name) or place)
                for name, item in value.items()
            }
        return self.expression(value, place) if is_expression(value) else value

    def expression(self, value: str, place: Place | None) -> Expression | None:
        """Parse a string as an expression; add a mistake and return None if it is not one."""
        try:
            expression = parse_expression(value, place)
        except ConfigError as error:
            self.note(error.mistakes)
            return None
        if self.scopes is not None:
            known = {name for scope in self.scopes for name in scope}
            unknown = sorted(variables_of(expression) - known)
            self.note(unknown_variable(name, known, place) for name in unknown)
        return expression

    def note(self, mistakes: Iterable[Mistake]) -> None:
        """Add mistakes that other code found."""
        for mistake in mistakes:
            self.wrong(mistake.message, mistake.place, mistake.hint)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_number_for(argument: Argument, value: Any) -> bool:
    return (
        argument.type == "schedules_or_number"
        and isinstance(value, int | float)
        and not isinstance(value, bool)
    )
