"""What the notation knows beside Keras' own classes.

Composites are named like layers because they become layers, made of plain Keras layers: those of
branches are merged by `cnnzoo.architecture.resolve` and `cnnzoo.models.build`, those that are
layers in a row are written out by `cnnzoo.config.macros`. So are the schedules, which are ours and
hence in lower case. The networks of keras.applications are layers here, made by
`cnnzoo.models.pretrained`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

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


def _composite(name: str, doc: str, *arguments: Argument, namespace: str = "layers") -> Entry:
    return Entry(namespace, name, {argument.name: argument for argument in arguments}, {}, doc)


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


def _schedule(name: str, doc: str, warmup: float, initial: float, alpha: float) -> Entry:
    return _composite(
        name,
        doc,
        _argument("learning_rate", "non_negative_number", "The highest learning rate."),
        _argument("warmup", "rate", "The fraction of all steps on the way up.", warmup),
        _argument("initial", "fraction", "The first learning rate, of the highest.", initial),
        _argument("alpha", "fraction", "The last learning rate, of the highest.", alpha),
        namespace="schedules",
    )


SCHEDULES: Mapping[str, Entry] = {
    "one_cycle": _schedule(
        "one_cycle",
        "Up for 0.3 of all steps and down to nothing: one cycle (Smith and Topin, 2018).",
        warmup=0.3,
        initial=0.04,
        alpha=4e-6,
    ),
    "warmup_cosine": _schedule(
        "warmup_cosine",
        "From 0 up for 0.05 of all steps (Goyal et al., 2017), then down along a cosine to 0.",
        warmup=0.05,
        initial=0.0,
        alpha=0.0,
    ),
}

# Networks of keras.applications, which are functions there and layers here.
APPLICATIONS: Mapping[str, Entry] = {
    name: replace(entry, namespace="layers")
    for name in catalogue.names("applications")
    if (entry := catalogue.entry("applications", name))
}

# By namespace, what is known beside the classes of the catalogue.
OWN: Mapping[str, Mapping[str, Entry]] = {
    "layers": {**COMPOSITES, **APPLICATIONS},
    "schedules": SCHEDULES,
}


def find_entry(namespace: str, name: str) -> Entry | None:
    """What is known of a Keras class (by any of its names), or of what is ours."""
    if own := OWN.get(namespace, {}).get(name):
        return own
    return catalogue.entry(namespace, name)


def known_arguments(namespace: str, name: str) -> Mapping[str, Argument]:
    """The arguments of a class that is known to exist."""
    entry = find_entry(namespace, name)
    if entry is None:
        raise ConfigError(f"Keras has no {name!r} among its {namespace}")
    return entry.arguments
