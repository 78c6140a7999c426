"""What a training begins with: weights that were trained before, and layers that stay as they are.

Two phases of fine-tuning are two runs: one with `training.freeze: [resnet50]` that trains the head,
and one from it, with `init_from`, nothing frozen and a small learning rate.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from cnnzoo.config.schema import Config
from cnnzoo.errors import ConfigError, Mistake, did_you_mean
from cnnzoo.models.names import every_layer
from cnnzoo.models.pretrained import check_weights
from cnnzoo.models.transfer import Report, find_source, initialise
from cnnzoo.text import listed
from cnnzoo.training.plan import Plan


def check_beginning(planned: Plan, *, downloads: bool = True) -> None:
    """Raise, within seconds, for weights that are not there and cannot be had.

    Without `downloads` no network is asked. Loads no framework, and no data.
    """
    config = planned.config
    check_weights(planned.architecture, downloads=downloads)
    if config.init_from is not None:
        find_source(config.init_from, config.place("init_from"))


def initialised(model: Any, config: Config) -> Report | None:
    """Give a new model the weights that `init_from` names, if it does."""
    if config.init_from is None:
        return None
    return initialise(model, config.init_from, config.place("init_from"))


def freeze(model: Any, config: Config) -> None:
    """Exclude the layers that `training.freeze` names from training, before `compile`.

    A pattern as the shell's is held against each layer's name and, within others, its path, such as
    `resnet50/conv1_conv`. A BatchNormalization that is frozen uses its moving statistics and leaves
    them as they are, as Keras has it. Raises ConfigError for a pattern that no layer has.
    """
    patterns, place = config.training.freeze, config.training.place("freeze")
    layers = list(every_layer(model))
    mistakes = []
    for pattern in patterns:
        meant = [layer for path, layer in layers if _matches(pattern, path)]
        for layer in meant:
            layer.trainable = False
        if not meant:
            near = did_you_mean(pattern, [layer.name for _, layer in layers])
            message = f"training.freeze: no layer is called {pattern!r}{near}"
            hint = None if near else f"the layers: {listed(layer.name for layer in model.layers)}"
            mistakes.append(Mistake(message, place, hint))
    if patterns and not mistakes and not model.trainable_weights:
        hint = "leave at least the head to be trained"
        mistakes.append(Mistake("training.freeze leaves nothing to train", place, hint))
    if mistakes:
        raise ConfigError.of(mistakes)


def _matches(pattern: str, path: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern)
