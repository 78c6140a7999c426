"""Names that the notation adds to the classes of Keras.

Composites are named like layers because they become layers, built from plain Keras layers. Those
that merge branches are resolved by `cnnzoo.architecture.resolve` and built by
`cnnzoo.models.build`; the others are written out as layers by `cnnzoo.config.macros`, and so are
the learning-rate schedules of cnnzoo, whose names are in lower case. The networks of
keras.applications are layers here, made by `cnnzoo.models.pretrained`, and so are the trained
networks of the zoo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cnnzoo.config import catalogue, zoo
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.errors import ConfigError

REQUIRED = object()

MERGES = ("add", "multiply", "average", "maximum", "concatenate")

# The composites that merge branches; the others are written out as layers.
MERGED = ("Residual", "Branches", "SplitChannels")

# Layers of Keras that take a query and a value; here both are the input of the layer.
ATTENTION = ("AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention")

# The types of arguments that contain layers: one list, or several lists.
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
        _argument("layers", "layer_list", "The layers that the shortcut bypasses."),
        _argument("shortcut", "layer_list", "The layers of the shortcut.", ()),
    ),
    "Branches": _composite(
        "Branches",
        "Passes its input through every branch and merges the outputs.",
        _argument("branches", "layer_lists", "Lists of layers; an empty one is the identity."),
        _argument("merge", "enum", "How to merge.", "concatenate"),
    ),
    "SplitChannels": _composite(
        "SplitChannels",
        "Passes a part of the channels through each branch and merges the outputs.",
        _argument("branches", "layer_lists", "Lists of layers; an empty one is the identity."),
        _argument("sizes", "ints", "Channels of each part; equal parts by default.", None),
        _argument("merge", "enum", "How to merge.", "concatenate"),
    ),
    "SliceChannels": _composite(
        "SliceChannels",
        "Removes channels: the first `before` and the last `after` of them.",
        _argument("before", "non_negative_int", "Channels to remove from the start."),
        _argument("after", "non_negative_int", "Channels to remove from the end.", 0),
    ),
    "ShuffleChannels": _composite(
        "ShuffleChannels",
        "Interleaves the channels of groups, as ShuffleNet does between grouped convolutions.",
        _argument("groups", "positive_int", "Number of groups; divides the channels."),
    ),
    "SumPooling2D": _composite(
        "SumPooling2D",
        "Sums each window: the sub-sampling of LeNet-5, average pooling times the window size.",
        _argument("pool_size", "size_2d", "Height and width of the window.", 2),
        _argument("strides", "size_2d", "Step of the window; null is its size.", None),
    ),
}


def _schedule(name: str, doc: str, warmup: float, initial: float, alpha: float) -> Entry:
    return _composite(
        name,
        doc,
        _argument("learning_rate", "non_negative_number", "The highest learning rate."),
        _argument("warmup", "rate", "Fraction of all steps in which it rises.", warmup),
        _argument(
            "initial", "fraction", "First learning rate, as a fraction of the highest.", initial
        ),
        _argument("alpha", "fraction", "Last learning rate, as a fraction of the highest.", alpha),
        namespace="schedules",
    )


SCHEDULES: Mapping[str, Entry] = {
    "one_cycle": _schedule(
        "one_cycle",
        "Rises for 0.3 of all steps, then falls to nearly 0: one cycle (Smith and Topin, 2018).",
        warmup=0.3,
        initial=0.04,
        alpha=4e-6,
    ),
    "warmup_cosine": _schedule(
        "warmup_cosine",
        "Rises from 0 for 0.05 of all steps (Goyal et al., 2017), then falls along a cosine to 0.",
        warmup=0.05,
        initial=0.0,
        alpha=0.0,
    ),
}

# The networks of keras.applications: functions in Keras, layers here.
APPLICATIONS: Mapping[str, Entry] = {
    name: replace(entry, namespace="layers")
    for name in catalogue.names("applications")
    if (entry := catalogue.entry("applications", name))
}


def _trained(name: str) -> Entry:
    application = APPLICATIONS["ResNet50"]
    weights = Argument(
        "weights",
        "enum",
        default="trained",
        nullable=True,
        values=("trained",),
        doc="trained: those that come with cnnzoo; null: random weights.",
    )
    shared = {key: application.arguments[key] for key in ("include_top", "name", "trainable")}
    return Entry(
        "layers",
        name,
        {"weights": weights, **shared},
        application.refused,
        f"The trained network {name} of the zoo without its head; takes pixels of 0 to 255.",
    )


# The trained networks of the zoo, in lower case like all that is not of Keras.
TRAINED: Mapping[str, Entry] = {name: _trained(name) for name in zoo.trained_names()}

# By namespace, the entries that the catalogue of Keras does not contain.
OWN: Mapping[str, Mapping[str, Entry]] = {
    "layers": {**COMPOSITES, **APPLICATIONS, **TRAINED},
    "schedules": SCHEDULES,
}


def find_entry(namespace: str, name: str) -> Entry | None:
    """Return the entry of a Keras class, by any of its names, or of a name of cnnzoo."""
    if own := OWN.get(namespace, {}).get(name):
        return own
    return catalogue.entry(namespace, name)


def known_arguments(namespace: str, name: str) -> Mapping[str, Argument]:
    """Return the arguments of a class that is known to exist."""
    entry = find_entry(namespace, name)
    if entry is None:
        raise ConfigError(f"Keras has no {name!r} among its {namespace}")
    return entry.arguments
