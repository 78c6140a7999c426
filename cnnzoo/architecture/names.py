"""Names of layers: from the configuration, or else the defaults of Keras."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from fnmatch import fnmatchcase

from cnnzoo.architecture.layers import Layer, walk
from cnnzoo.config.composites import APPLICATIONS, ATTENTION
from cnnzoo.config.schema import ALL_BUT_HEAD
from cnnzoo.errors import ConfigError, Mistake, Place, did_you_mean
from cnnzoo.text import listed

# The Keras layer that merges the branches of a composite.
MERGE_LAYERS = {
    "add": "Add",
    "multiply": "Multiply",
    "average": "Average",
    "maximum": "Maximum",
    "concatenate": "Concatenate",
}


def namer(taken: Collection[str] = ()) -> Callable[[str], str]:
    """Return a function from class names to Keras' default layer names: conv2d, conv2d_1.

    Names in `taken` are skipped.
    """
    used: Counter[str] = Counter()

    def name_of(class_name: str) -> str:
        word = snake_case(class_name)
        while True:
            used[word] += 1
            name = word if used[word] == 1 else f"{word}_{used[word] - 1}"
            if name not in taken:
                return name

    return name_of


def snake_case(class_name: str) -> str:
    """Return `max_pooling2d` for MaxPooling2D."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def is_automatic(name: str, class_name: str) -> bool:
    """Return whether a name is a default of Keras: conv2d, conv2d_1."""
    return re.fullmatch(rf"{snake_case(class_name)}(_\d+)?", name) is not None


def given_names(layers: tuple[Layer, ...]) -> dict[str, Place | None]:
    """Return the names that the configuration gives, with their places.

    Raises ConfigError for a name that two layers have.
    """
    given: dict[str, Place | None] = {}
    for layer in walk(layers):
        name = layer.arguments.get("name")
        if name is None:
            continue
        if name in given:
            first = given[name]
            where = f", the first in line {first.line}" if first and first.line else ""
            raise ConfigError(
                f"two layers have the name {name!r}{where}",
                place=layer.place,
                hint="inside a repeat or a block, omit the name or make it a parameter",
            )
        given[name] = layer.place
    return given


def layer_names(layers: tuple[Layer, ...]) -> list[tuple[str, Layer]]:
    """Return the path of each layer as `cnnzoo.models.build` names it, in the order of `walk`.

    The path of a layer inside a composite contains the name of the composite:
    `residual/conv2d_1`. The layers of a network of keras.applications are not listed.
    """
    name_of = namer(given_names(layers))
    name_of("InputLayer")
    return list(_named(layers, name_of, ""))


def matches(pattern: str, path: str) -> bool:
    """Return whether a pattern of `training.freeze` names a layer: by its path or its last part."""
    return fnmatchcase(path, pattern) or fnmatchcase(_last(path), pattern)


def unknown_patterns(
    patterns: Iterable[str], paths: Collection[str], place: Place | None
) -> list[Mistake]:
    """Return a mistake for each pattern of `training.freeze` that names none of these layers."""
    mistakes = []
    for pattern in (pattern for pattern in patterns if pattern != ALL_BUT_HEAD):
        name = pattern.removeprefix("!")
        if not any(matches(name, path) for path in paths):
            near = did_you_mean(name, [_last(path) for path in paths])
            message = f"training.freeze: no layer is called {name!r}{near}"
            top = dict.fromkeys(path.partition("/")[0] for path in paths)
            mistakes.append(Mistake(message, place, None if near else f"the layers: {listed(top)}"))
    return mistakes


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _named(
    layers: tuple[Layer, ...], name_of: Callable[[str], str], above: str
) -> Iterator[tuple[str, Layer]]:
    for layer in layers:
        kind = layer.name.lower() if layer.name in APPLICATIONS else layer.name
        own = layer.arguments.get("name") or name_of(kind)
        if layer.name in ATTENTION:
            name_of("InputLayer")
            own = f"{name_of(f'Self{layer.name}')}/{own}"
        yield above + own, layer
        if layer.branches:
            name_of("InputLayer")
            for branch in layer.branches:
                yield from _named(branch, name_of, f"{above}{own}/")
            name_of(MERGE_LAYERS[layer.arguments.get("merge", "add")])
