"""A configuration → a Keras script that builds and trains the same model without cnnzoo."""

from __future__ import annotations

import fnmatch
import json
import re
import textwrap
from collections.abc import Iterable
from dataclasses import replace

from cnnzoo.architecture.head import BINARY, CATEGORICAL, labels_as_vectors
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import MERGED
from cnnzoo.config.data import AUGMENTATION_DEFAULTS
from cnnzoo.config.schema import Config
from cnnzoo.errors import UserError
from cnnzoo.models.convert.python_data import ONE_POOL, Loading, Splits, loading, mapping
from cnnzoo.models.convert.python_model import Scope, Script, variables_in
from cnnzoo.models.convert.python_text import (
    INDENT,
    WIDTH,
    Code,
    call,
    collection,
    laid_out,
    literal,
)

_LOSSES = {BINARY: "binary_crossentropy", CATEGORICAL: "sparse_categorical_crossentropy"}
_SMOOTHED = {BINARY: "BinaryCrossentropy", CATEGORICAL: "CategoricalCrossentropy"}
_SPLIT = "train_test_split"
_STANDARD = ("from pathlib import Path",)


def eject(
    config: Config,
    class_names: tuple[str, ...] = (),
    head: str | None = None,
    splits: Splits = ONE_POOL,
) -> str:
    """The Python source of a configuration whose architecture is known to resolve.

    `class_names` and `head` are those of its data (`cnnzoo.training.checks`), `splits` what each of
    its splits is (`cnnzoo.datasets.parts`); without a head, the script makes the model and does not
    train it. Raises UserError for what the configuration asks and a short script cannot do.
    """
    script = Script(config, len(class_names) or config.model.classes)
    parts = [script.model()]
    parts = [*script.functions.values(), *parts]
    loaded = None
    if head is None:
        parts.append(_guarded("make_model().summary()"))
    else:
        loaded = loading(config, class_names, splits)
        training = _main(script, class_names, head, loaded, splits)
        parts += [*_freezing(config), loaded.lines, training, _guarded("main()")]
    text = "\n\n\n".join("\n".join(lines) for lines in parts)
    opening = [
        _docstring(config, (*loaded.notes, *_precision(config)) if loaded else ()),
        _imports(text, loaded.imports if loaded else ()),
        script.constant_lines(),
    ]
    return "\n\n".join("\n".join(lines) for lines in opening if lines) + f"\n\n\n{text}\n"


def _docstring(config: Config, notes: tuple[str, ...]) -> list[str]:
    made = "ritten by cnnzoo eject: it needs Keras, and not cnnzoo."
    first, paragraphs = f"{config.name}, w{made}", notes
    if config.description:
        first = f"{config.name}: {config.description}"
        paragraphs = (f"W{made}", *notes)
    lines = textwrap.wrap(f'"""{_escaped(first)}', WIDTH, break_long_words=False)
    if not paragraphs:
        return [*lines[:-1], f'{lines[-1]}"""']
    for paragraph in paragraphs:
        lines += ["", *textwrap.wrap(_escaped(paragraph), WIDTH, break_long_words=False)]
    return [*lines, '"""']


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _imports(text: str, froms: Iterable[str]) -> list[str]:
    """The import lines that a text needs, in the order that isort gives them."""
    standard = [f"import {name}" for name in ("math", "sys") if re.search(rf"\b{name}\.", text)]
    standard += ["from fnmatch import fnmatchcase"] if "fnmatchcase(" in text else []
    standard += [line for line in froms if line in _STANDARD]
    modules = ["import keras", *(["import numpy as np"] if "np." in text else [])]
    names = [line for line in froms if line not in _STANDARD]
    names += ["from keras import layers"] if "layers." in text else []
    names += [f"from sklearn.model_selection import {_SPLIT}"] if _SPLIT in text else []
    names.sort(key=str.lower)
    return [*standard, *([""] if standard else []), *modules, *names]


def _guarded(statement: str) -> list[str]:
    return ['if __name__ == "__main__":', INDENT + statement]


def _main(
    script: Script, class_names: tuple[str, ...], head: str, loaded: Loading, splits: Splits
) -> list[str]:
    """The function that trains the model, keeps the best, and measures it."""
    config, training = script.config, script.config.training
    if training.batch_size == "auto":
        raise UserError(
            "training.batch_size: auto is a rule that a short script does not have",
            place=training.place("batch_size"),
            hint="write a number, such as that in the run.json of a training",
        )
    augment = _augmentation(config)
    scope = {
        **script.globals(),
        **{name: name.upper() for name in ("epochs", "batch_size")},
        **{name: name for name in ("steps", "steps_per_epoch")},
    }
    _refuse_transfer(config)
    calls = [training.optimizer, training.loss, *training.metrics, *training.callbacks, *augment]
    asked = {name for made in calls for name in variables_in(made)}
    file = literal(f"{config.name}.keras")
    kept = call(
        "keras.callbacks.ModelCheckpoint",
        [("", file), ("monitor", literal(training.monitor)), ("save_best_only", "True")],
    )
    lines = ["def main():"]
    if loaded.words:
        usage = " ".join(loaded.words)
        lines.append(f"{INDENT}if len(sys.argv) != {len(loaded.words) + 1}:")
        lines.append(f'{INDENT * 2}sys.exit(f"usage: {{sys.argv[0]}} {usage}")')
    lines.append(f"{INDENT}keras.utils.set_random_seed({config.seed})")
    lines += _split_lines(loaded, splits, config.data.seed if config.data else 0)
    if asked & {"steps", "steps_per_epoch"}:
        lines.append(f"{INDENT}steps_per_epoch = math.ceil(len(x_train) / BATCH_SIZE)")
    if "steps" in asked:
        lines.append(f"{INDENT}steps = EPOCHS * steps_per_epoch")
    lines += _class_weight_lines(config, class_names)
    if labels_as_vectors(config, head):
        lines += _one_hot_lines(script, splits)
    lines += ["", *_model_lines(script, augment, scope)]
    if training.freeze:
        inner = "model.layers[-1]" if augment else "model"
        lines += laid_out(call("freeze", [("", inner), ("", literal(training.freeze))]), 1)
    lines += laid_out(_compiled(script, scope, head), 1)
    lines += laid_out(kept, 1, "best = ")
    lines += laid_out(_fitted(script, scope, bool(splits["validation"])), 1)
    if splits["test"]:
        lines += ["", f"{INDENT}model = keras.saving.load_model({file})"]
        lines.append(f"{INDENT}print(model.evaluate(x_test, y_test, verbose=0, return_dict=True))")
    return lines


def _refuse_transfer(config: Config) -> None:
    training = config.training
    if config.init_from is not None:
        raise UserError(
            "init_from takes weights layer by layer, which is more than a short script does",
            place=config.place("init_from"),
            hint="leave it out: init_from=null",
        )
    composites = [f"{name.lower()}{number}" for name in MERGED for number in ("", "_1")]
    for pattern in training.freeze:
        if fnmatch.filter(composites, pattern):
            raise UserError(
                f"training.freeze: {pattern!r} names composites, which have no names in a script",
                place=training.place("freeze"),
                hint="name the layers in them, or leave it out: training.freeze=[]",
            )


def _freezing(config: Config) -> list[list[str]]:
    """The function that freezes layers like `freeze` in `training.engine.initial_weights`."""
    if not config.training.freeze:
        return []
    return [
        [
            'def freeze(model, patterns, above=""):',
            f"{INDENT}for layer in model.layers:",
            f"{INDENT * 2}names = (layer.name, above + layer.name)",
            f"{INDENT * 2}if any(fnmatchcase(name, it) for name in names for it in patterns):",
            f"{INDENT * 3}layer.trainable = False",
            f"{INDENT * 2}elif isinstance(layer, keras.Model):",
            f'{INDENT * 3}freeze(layer, patterns, f"{{above}}{{layer.name}}/")',
        ]
    ]


def _augmentation(config: Config) -> list[Call]:
    """The layers of `data.augment`, with what cnnzoo gives them where they do not say it."""
    return [
        replace(made, arguments={**AUGMENTATION_DEFAULTS.get(made.name, {}), **made.arguments})
        for made in (config.data.augment if config.data else ())
    ]


def _model_lines(script: Script, augment: list[Call], scope: Scope) -> list[str]:
    if not augment:
        return [f"{INDENT}model = make_model()"]
    listed = [call("keras.Input", [("", literal(script.config.model.input_shape))])]
    listed += [script.call(layer, scope) for layer in augment]
    augmented = call("keras.Sequential", [("", collection("[]", [*listed, "make_model()"]))])
    note = f"{INDENT}# The random layers are part of what is saved, and do nothing but in training."
    return [note, *laid_out(augmented, 1, "model = ")]


def _class_weight_lines(config: Config, class_names: tuple[str, ...]) -> list[str]:
    """Statements that weigh the classes, as `cnnzoo.training.engine.balance.class_weights` does."""
    given = config.training.class_weight
    if given is None:
        return []
    if given == "balanced":
        return [
            f"{INDENT}counts = np.bincount(y_train)",
            f"{INDENT}class_weight = dict(enumerate(len(y_train) / (len(counts) * counts)))",
        ]
    if not class_names:
        raise UserError(
            "training.class_weight names classes, but there are no data that have any",
            place=config.training.place("class_weight"),
            hint="name the data too, or leave it out: training.class_weight=null",
        )
    pairs = [(f"{literal(it)}: ", literal(float(given.get(it, 1)))) for it in class_names]
    return [
        *laid_out(mapping(pairs), 1, "weights = "),
        f"{INDENT}class_weight = dict(enumerate(weights.values()))",
    ]


def _precision(config: Config) -> tuple[str, ...]:
    precision = config.training.precision
    if precision == "float32":
        return ()
    return (f"Its precision is float32; that of cnnzoo train is {precision}.",)


def _one_hot_lines(script: Script, splits: Splits) -> list[str]:
    """Statements that make labels of one value a class, which the loss takes."""
    training = script.config.training
    for metric in training.metrics:
        if metric.name.startswith("Sparse"):
            raise UserError(
                f"training.metrics: {metric.name} takes class indices, the loss one value a class, "
                "and a short script has one kind of labels",
                place=metric.place or training.place("metrics"),
                hint=f"leave it out, or use {metric.name.removeprefix('Sparse')}",
            )
    script.constant("classes")
    names = [name for name in ("train", "validation", "test") if splits[name]]
    return [f"{INDENT}y_{name} = keras.utils.to_categorical(y_{name}, CLASSES)" for name in names]


def _loss(script: Script, scope: Scope, head: str) -> Code:
    training = script.config.training
    if training.label_smoothing:
        loss = training.loss or Call("losses", _SMOOTHED[head])
        smoothed = {**loss.arguments, "label_smoothing": training.label_smoothing}
        return script.call(replace(loss, arguments=smoothed), scope)
    return script.call(training.loss, scope) if training.loss else literal(_LOSSES[head])


def _compiled(script: Script, scope: Scope, head: str) -> Code:
    training = script.config.training
    metrics = [literal("accuracy"), *(script.call(metric, scope) for metric in training.metrics)]
    return call(
        "model.compile",
        [
            ("optimizer", script.call(training.optimizer, scope)),
            ("loss", _loss(script, scope, head)),
            ("metrics", collection("[]", metrics)),
        ],
    )


def _fitted(script: Script, scope: Scope, validated: bool) -> Code:
    training = script.config.training
    callbacks = ["best", *(script.call(it, scope) for it in training.callbacks)]
    if training.optimizer.arguments.get("use_ema"):
        # What cnnzoo validates and keeps is the average.
        callbacks.insert(0, "keras.callbacks.SwapEMAWeights(swap_on_epoch=True)")
    script.constant("epochs")
    script.constant("batch_size")
    arguments: list[tuple[str, Code]] = [("", "x_train"), ("", "y_train")]
    if validated:
        held_out = collection("()", ["x_validation", "y_validation"])
        arguments.append(("validation_data", held_out))
    arguments += [("epochs", "EPOCHS"), ("batch_size", "BATCH_SIZE")]
    if script.config.training.class_weight is not None:
        arguments.append(("class_weight", "class_weight"))
    return call("model.fit", [*arguments, ("callbacks", collection("[]", callbacks))])


def _split_lines(loaded: Loading, splits: Splits, seed: int) -> list[str]:
    """Statements that make x_train, x_validation, x_test and their labels."""
    fractions = {split: given for split, given in splits.items() if isinstance(given, float)}
    held_out = [(name, fractions[name]) for name in ("test", "validation") if fractions.get(name)]
    images, labels = ("images", "labels") if held_out else ("x_train", "y_train")
    lines = [f"{INDENT}{images}, {labels} = load_data({loaded.given['train']})"]
    left = 1.0
    for number, (name, fraction) in enumerate(held_out, 1):
        rest = ("x_train", "y_train") if number == len(held_out) else (images, labels)
        targets = f"{rest[0]}, x_{name}, {rest[1]}, y_{name} = "
        share = literal(round(fraction / left, 6))
        arguments = [("", images), ("", labels), ("test_size", share), ("stratify", labels)]
        split = call(_SPLIT, [*arguments, ("random_state", literal(seed))])
        lines += laid_out(split, 1, targets)
        left -= fraction
    for split_name, given in loaded.given.items():
        if split_name != "train":
            lines.append(f"{INDENT}x_{split_name}, y_{split_name} = load_data({given})")
    return lines
