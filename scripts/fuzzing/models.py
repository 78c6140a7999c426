"""Fuzz the loader of models with mutated `.keras` files."""

from __future__ import annotations

import json
import os
import random
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from mutant import Mutant, archived
from trees import ODD, mutate_bytes, mutate_tree

from cnnzoo.errors import CnnzooError, UserError
from cnnzoo.evaluation.classifier import open_classifier, predict_probabilities
from cnnzoo.models.convert.adopt import adopt

MAX_SECONDS = 40.0
MAX_BYTES = 2_000_000_000  # more than before the input

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
Members = dict[str, bytes]


@cache
def seeds() -> list[Members]:
    """Return the members of a few small models."""
    import keras

    layers = keras.layers
    image = keras.Input((8, 8, 3))
    tensor = layers.Conv2D(4, 3, padding="same", activation="relu")(image / 127.5 - 1.0)
    tensor = layers.Add()([tensor, layers.Conv2D(4, 1)(tensor)])
    functional = keras.Model(image, layers.GlobalAveragePooling2D()(tensor))
    nested = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), functional, layers.Dense(2, "softmax")]
    )
    plain = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Normalization(mean=[1.0], variance=[2.0]),
            layers.RandomFlip(),
            layers.UpSampling2D(2),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.RepeatVector(2),
            layers.Bidirectional(layers.LSTM(3)),
            layers.Dense(3, "softmax", kernel_regularizer="l2"),
        ]
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for model in (functional, nested, plain):
            path = Path(folder, "model.keras")
            model.save(path)
            with zipfile.ZipFile(path) as archive:
                found.append({name: archive.read(name) for name in archive.namelist()})
    return found


@cache
def objects() -> list[Any]:
    """Return descriptions of functions and classes, most of them not of layers."""
    import keras

    pairs = [
        (f"keras.{module}", name)
        for module in sorted(dir(keras))
        if not module.startswith("_") and module != "src"
        for name in sorted(dir(getattr(keras, module)))
        if callable(getattr(getattr(keras, module), name)) and not name.startswith("_")
    ]
    classes = [
        {"module": module, "class_name": name, "config": {"name": "x"}, "registered_name": None}
        for module, name in pairs
    ]
    functions = [
        {"module": module, "class_name": "function", "config": name, "registered_name": name}
        for module, name in pairs
    ]
    operations = [
        {
            "module": module,
            "class_name": name,
            "config": {"name": "x"},
            "registered_name": name,
            "name": "x",
            "inbound_nodes": [{"args": [0, [function], "PWNED.png"], "kwargs": {}}],
        }
        for module, name in (("keras.src.ops.core", "Switch"), ("keras.src.ops.core", "Map"))
        for function in functions[::7]
    ]
    return [*classes, *functions, *operations]


def mutant(dice: random.Random) -> Mutant:
    """Return a mutated model."""
    members = dict(dice.choice(seeds()))
    kind = dice.random()
    if kind < 0.6:
        config = json.loads(members[CONFIG])
        mutate_tree(config, dice, [*ODD, *dice.choices(objects(), k=20)])
        members[CONFIG] = json.dumps(config).encode()
    elif kind < 0.75:
        members[WEIGHTS] = mutate_bytes(members[WEIGHTS], dice)
    elif kind < 0.85:
        name = dice.choice(list(members))
        members[name] = mutate_bytes(members[name], dice)
    elif kind < 0.9:
        extra = dice.choice(("assets/x", "../PWNED", "/tmp/PWNED", "x", CONFIG + "x"))
        members[extra] = b"\0" * dice.choice((1, 300_000_000))
    compression = zipfile.ZIP_DEFLATED if dice.random() < 0.5 else zipfile.ZIP_STORED
    if sum(map(len, members.values())) > 10_000_000:
        compression = zipfile.ZIP_DEFLATED
    file = archived(members, compression)
    return Mutant(mutate_bytes(file, dice) if kind > 0.9 else file, "mutant.keras")


def try_one(path: Path, words: list[str], dice: random.Random) -> str:
    """Load a model, and predict with it; return `valid` or the name of the error."""
    import numpy as np

    os.chdir(path.parent)
    outcome = "valid"
    try:
        classifier = open_classifier(path)
        images = np.zeros((2, *classifier.fit.shape), np.uint8)
        predict_probabilities(classifier.model, images)
    except CnnzooError as error:
        outcome = _name_of(error)
    try:
        adopt(path)
    except UserError as error:
        _name_of(error)
    if written := [*path.parent.glob("*PWNED*"), *path.parent.parent.glob("*PWNED*")]:
        raise AssertionError(f"the model wrote {written}")
    if others := {*path.parent.iterdir()} - {path}:
        raise AssertionError(f"left {others}")
    return outcome


def _name_of(error: CnnzooError) -> str:
    str(error).encode("utf-8", "surrogateescape")
    if "bug in cnnzoo" in str(error) or not error.mistakes[0].message:
        raise AssertionError(f"an error without a cause: {error}") from error
    return type(error).__name__
