"""The initial weights of a training: those of `init_from`, and the layers that are frozen.

Two phases of fine-tuning are two runs: one with `training.freeze: [resnet50]` that trains the head,
and a second one that takes its weights by `init_from`, freezes nothing and has a small learning
rate.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from cnnzoo.config.schema import Config
from cnnzoo.errors import ConfigError, Mistake, did_you_mean
from cnnzoo.models.names import every_layer
from cnnzoo.models.transfer import Report, initialise
from cnnzoo.text import listed


def load_initial_weights(model: Any, config: Config) -> Report | None:
    """Assign the weights of `init_from` to a new model; returns None without `init_from`."""
    if config.init_from is None:
        return None
    return initialise(model, config.init_from, config.place("init_from"))


def freeze(model: Any, config: Config) -> None:
    """Exclude the layers that `training.freeze` names from training; call it before `compile`.

    A shell pattern is matched against the name of each layer and, for nested layers, its path, such
    as `resnet50/conv1_conv`. A frozen BatchNormalization uses its moving statistics and does not
    update them, as usual in Keras. Raises ConfigError for a pattern that matches no layer.
    """
    patterns, place = config.training.freeze, config.training.place("freeze")
    layers = list(every_layer(model))
    mistakes = []
    for pattern in patterns:
        matched = [layer for path, layer in layers if _matches(pattern, path)]
        for layer in matched:
            layer.trainable = False
        if not matched:
            near = did_you_mean(pattern, [layer.name for _, layer in layers])
            message = f"training.freeze: no layer is called {pattern!r}{near}"
            hint = None if near else f"the layers: {listed(layer.name for layer in model.layers)}"
            mistakes.append(Mistake(message, place, hint))
    if patterns and not mistakes and not model.trainable_weights:
        hint = "do not freeze the head"
        mistakes.append(Mistake("training.freeze leaves nothing to train", place, hint))
    if mistakes:
        raise ConfigError.of(mistakes)


def _matches(pattern: str, path: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern)
