"""Match the examples in the predictions of several runs by path and true class."""

from __future__ import annotations

from collections import Counter

import numpy as np

from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.text import listed

_NAMED = 3  # examples that a message names


def in_order(predictions: Predictions, class_names: tuple[str, ...]) -> Predictions:
    """Sort predictions by path and true class, with classes in the order of `class_names`.

    Examples of the same path and class keep their order.
    """
    given = predictions.class_names
    codes = np.array([class_names.index(name) for name in given], np.int32)
    labels = codes[predictions.labels]
    truths = labels.tolist()
    order = sorted(range(len(truths)), key=lambda row: (predictions.names[row], truths[row]))
    names = tuple(predictions.names[row] for row in order)
    values, kept = predictions.probabilities[order], None
    if predictions.kept is None:
        values = values[:, [given.index(name) for name in class_names]]
    else:
        kept = codes[predictions.kept[order]]
    return Predictions(names, labels[order], values, class_names, kept)


def same_examples(one: Predictions, other: Predictions) -> bool:
    """Return whether sorted predictions have the same paths with the same true classes."""
    return one.names == other.names and np.array_equal(one.labels, other.labels)


def what_differs(one: Predictions, other: Predictions, names: tuple[str, str]) -> str:
    """Describe how the examples of two predictions differ, by number and by name."""
    first, second = _counted(one), _counted(other)
    parts = [
        f"{names[0]} has {len(one):,} and {names[1]} {len(other):,}, "
        f"{(first & second).total():,} of the same path and truth"
    ]
    for name, only in ((names[0], first - second), (names[1], second - first)):
        if only:
            some = listed((f"{path} ({truth})" for path, truth in only), _NAMED)
            parts.append(f"only {name}: {some}")
    return "; ".join(parts)


def _counted(predictions: Predictions) -> Counter[tuple[str, str]]:
    truths = (predictions.class_names[label] for label in predictions.labels.tolist())
    return Counter(zip(predictions.names, truths, strict=True))
