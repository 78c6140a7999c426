"""Composites: named like layers because they become layers, made of plain Keras layers.

Those of branches are merged by `cnnzoo.architecture.resolve` and `cnnzoo.models.build`; those that
are layers in a row are written out by `cnnzoo.config.macros`.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnnzoo.config import catalogue
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.errors import ConfigError

REQUIRED = object()

MERGES = ("add", "multiply", "average", "maximum", "concatenate")

# The composites that merge branches; the others are layers in a row.
MERGED = ("Residual", "Branches")

# The types of arguments that hold layers: one list of them, or several.
LAYER_LISTS = ("layer_list", "layer_lists")


def _argument(name: str, type: str, doc: str, default: object = REQUIRED) -> Argument:
    values = MERGES if type == "enum" else ()
    return Argument(name, type, default is REQUIRED, default, default is None, values, doc)


def _composite(name: str, doc: str, *arguments: Argument) -> Entry:
    return Entry("layers", name, {argument.name: argument for argument in arguments}, {}, doc)


COMPOSITES: Mapping[str, Entry] = {
    "Residual": _composite(
        "Residual",
        "Adds a shortcut to the output of layers; without one, the shortcut is the identity.",
        _argument("layers", "layer_list", "What the shortcut goes around."),
        _argument("shortcut", "layer_list", "The layers of the shortcut.", ()),
    ),
    "Branches": _composite(
        "Branches",
        "Sends its input through every branch and merges what comes out.",
        _argument("branches", "layer_lists", "Lists of layers; an empty one is the identity."),
        _argument("merge", "enum", "How to merge.", "concatenate"),
    ),
    "SumPooling2D": _composite(
        "SumPooling2D",
        "Sums each window: the sub-sampling of LeNet-5, as average pooling times its window.",
        _argument("pool_size", "size_2d", "Height and width of the window.", 2),
        _argument("strides", "size_2d", "How far the window moves; null is its size.", None),
    ),
}


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
