"""The words of a mistake: what was probably meant, and the way out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cnnzoo.config import catalogue
from cnnzoo.config.calls import shown
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import OWN
from cnnzoo.config.expressions import is_expression
from cnnzoo.config.reader import read_scalar
from cnnzoo.errors import nearest
from cnnzoo.text import counted, listed

_FEW = 30  # so many names are listed, more are not
_OLD_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}

KINDS = {
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
    "max_lr": "learning_rate",
    "pct_start": "warmup",
    "onecyclelr": "one_cycle",
    "onecycle": "one_cycle",
    "cosine": "CosineDecay",
    "cosineannealinglr": "CosineDecay",
    "label_smooth": "label_smoothing",
    "cross_entropy": "SparseCategoricalCrossentropy",
    "crossentropy": "SparseCategoricalCrossentropy",
    "crossentropyloss": "SparseCategoricalCrossentropy",
}

# What the classic texts use, Keras lacks, and no layers of Keras make, in lower case.
_ABSENT = {
    **dict.fromkeys(
        ("lrn", "localresponsenorm", "localresponsenormalization"),
        "no layers of Keras make local response normalisation; BatchNormalization took its place",
    ),
    **dict.fromkeys(
        ("rbf", "rbflayer", "radialbasisfunction"),
        "no layers of Keras make radial basis functions; Dense with softmax took their place",
    ),
}

# Arguments that Keras' layers have in Python and that stand elsewhere in a configuration.
_ELSEWHERE = {
    "input_shape": "it is written once, as model.input_shape",
    "input_dim": "the input is written once, as model.input_shape",
}


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


def whose(owner: str) -> str:
    """`Dense's`, `Branches'`."""
    return f"{owner}'" if owner.endswith("s") else f"{owner}'s"


def form_of_name(name: str) -> str | None:
    """The way out where a value has run into the name of an argument."""
    if name.endswith(")"):
        return "a list has square brackets"
    if name[:1].isdigit():
        return "write decimals with a point: 0.001"
    if ":" in name:
        return f"write a space behind the colon: {listed([name.replace(':', ': ', 1)])}"
    return _ELSEWHERE.get(name)


def near_word(name: Any, known: Iterable[str]) -> str | None:
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


def did_you_mean_word(name: Any, known: Iterable[str]) -> str:
    """`"; did you mean 'Dense'?"` where `near_word` finds one, else an empty string."""
    near = near_word(name, known)
    return f"; did you mean {near!r}?" if near else ""


def absent(name: str) -> str:
    """What stands in today for a layer of the classic texts that cannot be had."""
    return _ABSENT.get(name.lower().replace("_", ""), "")


def elsewhere(name: str) -> str:
    """Where Keras has a name that was looked for in another namespace."""
    found = [kind for kind in catalogue.namespaces() if catalogue.entry(kind, name)]
    return f"{name} is {KINDS[found[0]]}" if found else ""


def what_there_is(namespace: str) -> str:
    """The names in a namespace, or where they are listed, if they are too many to be read."""
    names = [*catalogue.names(namespace), *OWN.get(namespace, ())]
    if len(names) > _FEW:
        return f"their names are those of https://keras.io/api/{namespace}"
    return f"there are {', '.join(names)}"


def example(entry: Entry) -> str:
    """How a class is written with the arguments that it needs."""
    required = [argument.name for argument in entry.arguments.values() if argument.required]
    return f"{entry.name}: {{{', '.join(f'{name}: …' for name in required)}}}"


def positional_problem(entry: Entry, written: Sequence[Any]) -> tuple[str, str | None] | None:
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
            f"{entry.name} takes {counted(len(arguments), 'argument')} at most",
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
