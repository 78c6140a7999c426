"""The score of a class: the value before the last softmax or sigmoid.

Gradients of probabilities vanish if the network is certain: softmax and sigmoid saturate, and
float32 rounds them to 1. Those of the value before them (the logit) do not, and Grad-CAM is defined
on it (Selvaraju et al. 2017, section 3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.architecture.head import KEEPING
from cnnzoo.evaluation.explain.graph import Graph, Step
from cnnzoo.models.backend import load_keras


def score_tensor(graph: Graph) -> Any:
    """Return the scores [None, classes], or [None, 1] for one sigmoid unit, of the graph.

    Layers after the softmax (an average over the image) are applied to the scores. The scores of a
    model without softmax or sigmoid are its output.
    """
    place = next(
        (place for place in reversed(range(len(graph.steps))) if not _keeps(graph.steps[place])), -1
    )
    before = _before_activation(graph.steps[place])
    if before is None:
        return graph.steps[-1].output
    for step in graph.steps[place + 1 :]:
        before = step.operation(before)
    return before


def class_weights(label: int, outputs: int) -> NDArray[np.float32]:
    """Return the weights [outputs] that select the score of one class.

    One sigmoid unit scores the second class; the score of the first is its negative.
    """
    if outputs == 1:
        return np.array([1 if label else -1], np.float32)
    weights = np.zeros(outputs, np.float32)
    weights[label] = 1
    return weights


def _keeps(step: Step) -> bool:
    return step.kind in KEEPING


def _before_activation(step: Step) -> Any:
    """Return the output of a layer without its softmax or sigmoid; None if it has neither."""
    keras = load_keras()
    activations = keras.activations
    if step.kind == "Softmax":
        return step.inputs[0]
    activation = getattr(step.operation, "activation", None)
    if activation not in (activations.softmax, activations.sigmoid):
        return None
    if step.kind == "Activation":
        return step.inputs[0]
    layer = step.operation
    name = f"{layer.name}_scores"
    linear = type(layer).from_config({**layer.get_config(), "activation": "linear", "name": name})
    scores = linear(step.inputs[0])
    linear.set_weights(layer.get_weights())
    return scores
