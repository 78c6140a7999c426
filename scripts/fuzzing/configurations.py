"""Fuzz the loader and the resolver with mutated configurations."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from mutant import ROOT, Mutant
from trees import places

from cnnzoo.architecture.resolve import resolve
from cnnzoo.config import catalogue
from cnnzoo.config.loader import load_config
from cnnzoo.errors import ConfigError, DataError

MAX_SECONDS = 2.0
MAX_BYTES = 500 * 2**20  # more than before the input

# Mistyped values, and values of an attacker.
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 1000, 10**9, 10**30, 0.5, -0.0, 1e-300, 1e308,
    float("inf"), float("nan"), "", "same", "relu", "Conv2D", "conv", "$classes", "$x", "$",
    "${", "${}", "${1/0}", "${channels // 2}", "${9**64**9}", "${round(1, -99999999999)}",
    "${" + "(" * 90 + "}", "${" + "-" * 190 + "1}", "$height", "__import__('os')", "\x1b[31m",
    "a" * 300, "ü", "../..", "/etc/passwd", "None", "(3, 3)", "1e5", [], {}, [[]], [1, 2],
    [1, 2, 3], ["Flatten"], {"Conv2D": 3}, {"a": 1}, {"": ""}, {"L2": 0.1}, {"Lambda": "x"},
]  # fmt: skip
TEXTS = [
    "\t", " ", "\n", "- ", ": ", "{", "}", "[", "]", ", ", "#", "'", '"', "&a ", "*a", "!!str ",
    "!x ", "? ", "| ", "> ", "---\n", "...\n", "%YAML 9.9\n", "\ufeff", "\x00", "\x85", "\r",
    "$", "${", '"\\uD800"', '"\\UFFFFFFFF"', "<<: ", "~", "=", "@", "`", "1/0", "0x", "1e999",
    "extends: lenet\n", "repeat: 999\n", "[" * 60, "{a: " * 60, "- " * 60, "x" * 5000,
]  # fmt: skip


@cache
def texts_in(folder: str) -> list[str]:
    """Return the configurations in a folder of the checkout."""
    return [path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).glob("*.yaml"))]


def mutant(dice: random.Random) -> Mutant:
    """Return a mutated configuration, or noise, with `KEY=VALUE` overrides."""
    return Mutant(content_of(dice), "mutant.yaml", overrides(dice))


def content_of(dice: random.Random) -> bytes:
    """Return the text of a mutated configuration, or noise."""
    kind = dice.random()
    if kind < 0.05:
        return dice.randbytes(dice.randrange(2000))
    folder = dice.choice(("configs", "configs", "tests/fixtures", "tests/fixtures/broken"))
    text = dice.choice(texts_in(folder))
    if kind < 0.5:
        return as_text(text, dice).encode("utf-8", "surrogatepass")
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return text.encode()
    if not isinstance(tree, dict):
        return text.encode()
    for _ in range(dice.choice((1, 1, 1, 2, 10))):
        dice.choice(TREE_MUTATIONS)(tree, dice)
    return yaml.safe_dump(tree, sort_keys=False, default_flow_style=dice.random() < 0.2).encode()


def as_text(text: str, dice: random.Random) -> str:
    """Move, repeat, remove or insert some lines and characters of a text."""
    for _ in range(dice.choice((1, 1, 1, 2, 20))):
        text = text[:300_000]  # more than the reader takes
        lines = text.splitlines(keepends=True) or [""]
        at, other, place = dice.randrange(len(lines)), dice.randrange(len(lines)), 0
        place = dice.randrange(len(text) + 1)
        match dice.randrange(8):
            case 0:
                text = text[:place] + dice.choice(TEXTS) + text[place:]
            case 1:
                text = text[:place] + text[place + dice.choice((1, 1, 2, 10, 100)) :]
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
                text = "".join(lines)
            case 3:
                often = min(dice.choice((2, 3, 1000)), 300_000 // (len(lines[at]) + 1))
                text = "".join([*lines[:at], lines[at] * often, *lines[at:]])
            case 4:
                lines[at] = " " * dice.randrange(6) + lines[at].lstrip(" ")
                text = "".join(lines)
            case 5:
                words = [word for word in text.split() if word]
                text = text.replace(dice.choice(words or [""]), str(dice.choice(VALUES)), 1)
            case 6:
                text = text[:place] + chr(dice.randrange(0x2FFF)) + text[place:]
            case 7:
                text = "".join(lines[: at + 1])
    return text


def nodes(tree: Any) -> list[tuple[Any, Any]]:
    """Return the (container, key) pairs of a configuration."""
    return places(tree, most=5000)


def replace_value(tree: Any, dice: random.Random) -> None:
    """Replace a value."""
    container, key = dice.choice(nodes(tree) or [({0: 0}, 0)])
    container[key] = dice.choice(VALUES)


def exchange_values(tree: Any, dice: random.Random) -> None:
    """Replace a part of the tree with another part."""
    known = nodes(tree) or [({0: 0}, 0)]
    (container, key), (giver, gift) = dice.choice(known), dice.choice(known)
    text = yaml.safe_dump(giver[gift])
    container[key] = yaml.safe_load(text) if len(text) < 20_000 else None


def rename_key(tree: Any, dice: random.Random) -> None:
    """Misspell or replace a key."""
    mappings = [container for container, _ in nodes(tree) if isinstance(container, dict)]
    mapping = dice.choice(mappings or [{}])
    if mapping:
        key = dice.choice(list(mapping))
        word = str(key)
        at = dice.randrange(len(word) + 1)
        renamed = dice.choice((word[:at] + word[at + 1 :], word + "s", any_layer(dice), word[:1]))
        mapping[renamed] = mapping.pop(key)


def remove_value(tree: Any, dice: random.Random) -> None:
    """Remove a part of the tree."""
    container, key = dice.choice(nodes(tree) or [({0: 0}, 0)])
    del container[key]


def insert_layer(tree: Any, dice: random.Random) -> None:
    """Insert a layer of the catalogue with odd arguments into a list."""
    lists = [c[k] for c, k in nodes(tree) if isinstance(c[k], list)]
    if lists:
        into = dice.choice(lists)
        into.insert(dice.randrange(len(into) + 1), {any_layer(dice): any_arguments(dice)})


def wrap_layers(tree: Any, dice: random.Random) -> None:
    """Put a list of layers into a repeat, a composite or a block."""
    lists = [(c, k) for c, k in nodes(tree) if isinstance(c[k], list)]
    if not lists:
        return
    container, key = dice.choice(lists)
    layers = container[key]
    wrapped: list[Any] = [
        {"repeat": dice.choice((0, 1, 3, 1000, "$n", {"n": [1, 2, 3]})), "layers": layers},
        {"Residual": {"layers": layers}},
        {"Branches": {"merge": "add", "branches": [layers, []]}},
        {"block": None},
    ]
    container[key] = [dice.choice(wrapped)]
    if isinstance(tree.get("model"), dict):
        tree["model"].setdefault("blocks", {})
        if isinstance(tree["model"]["blocks"], dict):
            tree["model"]["blocks"]["block"] = {"layers": yaml.safe_load(yaml.safe_dump(layers))}


def any_layer(dice: random.Random) -> str:
    """Return the name of a layer or of another Keras class."""
    return dice.choice(catalogue.names(dice.choice(("layers", *catalogue.namespaces()))))


def any_arguments(dice: random.Random) -> Any:
    """Return arguments of a layer with odd values."""
    entry = catalogue.entry("layers", dice.choice(catalogue.names("layers")))
    names = list(entry.arguments) if entry else []
    return {name: dice.choice(VALUES) for name in dice.sample(names, min(3, len(names)))}


TREE_MUTATIONS: tuple[Callable[[Any, random.Random], None], ...] = (
    replace_value,
    replace_value,
    exchange_values,
    rename_key,
    remove_value,
    insert_layer,
    wrap_layers,
)


def overrides(dice: random.Random) -> list[str]:
    """Return `KEY=VALUE` words, often none."""
    steps = ["model", "layers", "training", "epochs", "optimizer", "Adam", "0", "-1", "99", "data"]
    return [
        ".".join(dice.choices(steps, k=dice.randrange(1, 5)))
        + dice.choice(("=", "=", ""))
        + str(dice.choice(VALUES))
        for _ in range(dice.choice((0, 0, 0, 0, 0, 1, 3)))
    ]


def try_one(path: Path, words: list[str], dice: random.Random) -> str:
    """Load and resolve a configuration; return `valid` or the name of the error that refused it."""
    try:
        model = load_config(path, words).model
        resolve(model, model.classes or 10)
    except (ConfigError, DataError) as error:
        str(error).encode("utf-8")
        if not error.mistakes or not all(mistake.message for mistake in error.mistakes):
            raise AssertionError("an error without a message") from error
        return type(error).__name__
    return "valid"
