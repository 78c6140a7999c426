"""The initial weights of a training: those of `init_from`, and the layers that are frozen.

Two phases of fine-tuning are two runs: one with `training.freeze: [resnet50]` that trains the head,
and a second one that takes its weights by `init_from`, freezes nothing and has a small learning
rate.
"""

from __future__ import annotations

from typing import Any

from cnnzoo.architecture.names import matches, unknown_patterns
from cnnzoo.config.schema import ALL_BUT_HEAD, Config
from cnnzoo.errors import ConfigError, Mistake
from cnnzoo.models.names import every_layer
from cnnzoo.models.transfer import Report, initialise


def load_initial_weights(model: Any, config: Config) -> Report | None:
    """Assign the weights of `init_from` to a new model; returns None without `init_from`."""
    if config.init_from is None:
        return None
    return initialise(model, config.init_from, config.place("init_from"))


def freeze(model: Any, config: Config) -> str | None:
    """Exclude the layers that `training.freeze` names from training; call it before `compile`.

    A shell pattern is matched against the name of each layer and, for nested layers, its path, such
    as `resnet50/conv1_conv`. A layer inside a frozen one is frozen too. Later patterns win, and `!`
    before a pattern exempts layers. `all_but_head` is everything before the last layer with
    weights. A frozen BatchNormalization uses its moving statistics and does not update them, as
    usual in Keras.

    Returns a line that says how much is frozen, None without patterns. Raises ConfigError for a
    pattern that matches no layer.
    """
    patterns, place = config.training.freeze, config.training.place("freeze")
    if not patterns:
        return None
    mistakes = unknown_patterns(patterns, [path for path, _ in every_layer(model)], place)
    weighted = [number for number, layer in enumerate(model.layers) if layer.weights]
    head = weighted[-1] if weighted and ALL_BUT_HEAD in patterns else 0
    for number, layer in enumerate(model.layers):
        _freeze(layer, "", number < head, patterns)
    if not mistakes and not model.trainable_weights:
        hint = "do not freeze the head"
        mistakes.append(Mistake("training.freeze leaves nothing to train", place, hint))
    if mistakes:
        raise ConfigError.of(mistakes)
    return _frozen_line(model)


def _freeze(layer: Any, above: str, frozen: bool, patterns: tuple[str, ...]) -> None:
    path = above + layer.name
    for pattern in patterns:
        if matches(pattern.removeprefix("!"), path):
            frozen = not pattern.startswith("!")
    if hasattr(layer, "layers"):
        for inner in layer.layers:
            _freeze(inner, f"{path}/", frozen, patterns)
    elif frozen:
        layer.trainable = False


def _frozen_line(model: Any) -> str:
    weighted = [layer for _, layer in every_layer(model) if _is_leaf(layer) and layer.weights]
    frozen = [layer for layer in weighted if not layer.trainable]
    parameters = sum(layer.count_params() for layer in frozen)
    return (
        f"frozen: {len(frozen)} of {len(weighted)} layers with weights, "
        f"{parameters:,} of {model.count_params():,} parameters"
    )


def _is_leaf(layer: Any) -> bool:
    return not hasattr(layer, "layers")
