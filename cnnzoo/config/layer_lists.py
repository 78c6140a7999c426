"""Layer lists: classes in the notation, `repeat`, `when`, and the blocks of a model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from cnnzoo.config import zoo
from cnnzoo.config.calls import Block, BlockUse, Call, Item, Repeat, When, shown, uneven_lists
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import OWN, REQUIRED, TRAINED
from cnnzoo.config.expressions import is_expression, truth
from cnnzoo.config.located import key_place, located_items, value_place
from cnnzoo.config.notation import CallParser
from cnnzoo.config.variables import REPEAT_VARIABLES, VARIABLE_NAME, variable_problem
from cnnzoo.config.wording import form_hint, whose
from cnnzoo.errors import ConfigError, Place, did_you_mean, nearest
from cnnzoo.text import counted

MAX_REPEAT = 1000

# The keys of the items that are not layers; no block can have one of these names.
ITEM_KEYS = ("repeat", "when", "layers", "else")

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class LayerParser(CallParser):
    """Parses layer lists.

    `defaults` are arguments by layer class, for layers that do not give them. `blocks` are the
    blocks that may be used, each with its parameters and their defaults. None for one of these
    means unknown: then nothing is reported as missing from it.
    """

    def __init__(
        self,
        defaults: Mapping[str, Mapping[str, Any]] | None = _NOTHING,
        blocks: Mapping[str, Mapping[str, Any]] | None = _NOTHING,
        variables: Collection[str] | None = None,
    ) -> None:
        super().__init__(variables)
        self.defaults = defaults
        self.blocks = blocks

    # ── additions to the notation ──────────────────────────────────────────────────────────────

    def completed(self, entry: Entry, given: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a layer, completed by the defaults of its class."""
        if entry.namespace != "layers" or not self.defaults:
            return given
        return {**self.defaults.get(entry.name, {}), **given}

    def missing(self, entry: Entry, made: Call) -> list[str]:
        """Return the missing required arguments; none if the defaults are unknown."""
        if entry.namespace == "layers" and self.defaults is None:
            return []
        return super().missing(entry, made)

    def entry(self, namespace: str, name: str, place: Place | None) -> Entry | None:
        """Return the entry of a class; a lower-case name may be a misspelled block."""
        if namespace != "layers" or name in TRAINED:
            return super().entry(namespace, name, place)
        if name.islower() and name in zoo.names():
            self.wrong(
                f"{name} is a network of the zoo without trained weights, so it is not a layer",
                place,
                f"trained networks: {', '.join(TRAINED) or 'none'}; to change a network of the "
                f"zoo, write extends: {name}",
            )
            return None
        meant = nearest(name, self.blocks or ())
        if meant and VARIABLE_NAME.fullmatch(name):
            self.wrong(f"block {name!r} does not exist; did you mean {meant!r}?", place)
            return None
        return super().entry(namespace, name, place)

    def argument(self, owner: str, argument: Argument, value: Any, place: Place | None) -> Any:
        """Parse the value of an argument, including the layer lists of composites."""
        if argument.type == "layer_list":
            return self.layers(value, place)
        if argument.type == "layer_lists":
            return self._branches(owner, value, place)
        read = super().argument(owner, argument, value, place)
        if argument.type == "layers" and isinstance(read, Call) and read.name in OWN["layers"]:
            self.wrong(f"{owner} wraps a single Keras layer, and {read.name} is a composite", place)
        return read

    @contextmanager
    def _knowing(self, names: Collection[str]) -> Iterator[None]:
        outside = self.scopes
        self.scopes = None if outside is None else (*outside, names)
        yield
        self.scopes = outside

    # ── layer lists ────────────────────────────────────────────────────────────────────────────

    def layers(self, value: Any, place: Place | None) -> tuple[Item, ...]:
        """Return the items of a layer list; invalid ones are left out and noted."""
        if not isinstance(value, list | tuple):
            self.wrong(f"expected a list of layers, got {shown(value)}", place)
            return ()
        items = (self._item(item, at or place) for item, at in located_items(value))
        return tuple(item for item in items if item is not None)

    def _item(self, value: Any, place: Place | None) -> Item | None:
        if isinstance(value, Call | Repeat | When | BlockUse):
            return value
        if isinstance(value, dict) and "repeat" in value:
            return self._repeat(value, place)
        if isinstance(value, dict) and ("when" in value or "else" in value):
            return self._when(value, place)
        name = next(iter(value), None) if isinstance(value, dict) and len(value) == 1 else value
        if isinstance(name, str):
            if self.blocks is None and VARIABLE_NAME.fullmatch(name):
                return None  # perhaps one of the blocks that could not be read
            if self.blocks and name in self.blocks:
                return self._block_use(name, self.blocks[name], value, place)
        return self.call("layers", value, place)

    def layer_defaults(self, value: Any) -> dict[str, dict[str, Any]]:
        """Parse `{Conv2D: {padding: same}}`: default arguments by layer class."""
        if not isinstance(value, dict):
            raise ValueError(f"must map layers to arguments, not {shown(value)}")
        defaults = {}
        for name, arguments in value.items():
            entry = self.entry("layers", name, key_place(value, name))
            at = value_place(value, name)
            if entry and not isinstance(arguments, dict):
                self.wrong(
                    f"the defaults of {name} must be a mapping, not {shown(arguments)}",
                    at,
                    f"write {name}: {{ARGUMENT: VALUE}}",
                )
            elif entry:
                defaults[entry.name] = self.arguments(entry, arguments, at) or {}
        return defaults

    def block_definitions(self, value: Any) -> dict[str, Block]:
        """Parse `{name: {parameters: [filters, {strides: 1}], layers: […]}}`."""
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
        """Return the parameters of a block with their defaults, REQUIRED if there is none."""
        if not VARIABLE_NAME.fullmatch(name) or name in ITEM_KEYS:
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
            self.wrong(f"the parameter {shown(parameter)} {problem or 'is duplicated'}", place)
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
        with self._knowing([*names, *REPEAT_VARIABLES]):
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

    def _when(self, value: Mapping[str, Any], place: Place | None) -> When | None:
        form = "write when: CONDITION and, in the same column, layers: […] and else: […]"
        for key in value:
            if key not in ("when", "layers", "else"):
                near = did_you_mean(key, ("layers", "else"))
                self.wrong(f"when has no key {shown(key)}{near}", key_place(value, key), form)
        if "when" not in value:
            self.wrong("else needs 'when'", key_place(value, "else") or place, form)
            return None
        lists = {
            key: self.layers(value[key], value_place(value, key) or place)
            for key in ("layers", "else")
            if key in value
        }
        if not lists:
            self.wrong("when needs 'layers'", place, form)
        condition, at = value["when"], value_place(value, "when") or place
        if is_expression(condition):
            condition = self.expression(condition, at)
        elif truth(condition) is None:
            self.wrong(
                f"'when' must be a condition, true or false, not {shown(condition)}",
                at,
                'a condition is written "${filters != channels}"',
            )
        if condition is None or not lists:
            return None
        return When(condition, lists.get("layers", ()), lists.get("else", ()), place)

    def _repeat_over(
        self,
        lists: Mapping[str, Any],
        layers: tuple[Item, ...],
        at: Place | None,
        place: Place | None,
    ) -> Repeat | None:
        # The length of a list given by an expression is checked when it is evaluated.
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
    """Parse a plain value as a Call; raises ConfigError with all mistakes."""
    parser = LayerParser()
    call = parser.call(namespace, value, place)
    if call is None or parser.mistakes:
        raise ConfigError.of(parser.mistakes)
    return call
