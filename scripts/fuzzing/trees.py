"""Mutations that the targets share: of bytes, and of trees of lists and dictionaries."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

SIZES = [0, 1, -1, 2, 3, 1000, 65_536, 2**31, 10**9, 10**30, 0.5, 1e308, float("nan")]
ODD: list[Any] = [
    None, True, False, "", "a" * 300, "ü", "\x1b[2J", "../PWNED.png", "PWNED.png", "/etc/hostname",
    "$(touch PWNED)", "<script>", "\ud800", [], {}, [[]], [1, 2], {"a": 1}, {"class_name": "x"},
    *SIZES,
]  # fmt: skip


def mutate_bytes(content: bytes, dice: random.Random) -> bytes:
    """Flip, remove, repeat or insert some bytes."""
    mutated = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 10))):
        at = dice.randrange(len(mutated) + 1)
        match dice.randrange(5):
            case 0 if at < len(mutated):
                mutated[at] ^= 1 << dice.randrange(8)
            case 1:
                del mutated[at : at + dice.choice((1, 4, 100))]
            case 2:
                mutated[at:at] = mutated[at : at + 200] * dice.choice((1, 20))
            case 3:
                number = int(dice.choice((0, 1, 255, 65_535, 2**31, 2**32 - 1)))
                mutated[at : at + 4] = number.to_bytes(4, "little")
            case 4 if dice.random() < 0.3:
                del mutated[at:]
    return bytes(mutated)


def mutate_file(name: str, content: bytes, dice: random.Random) -> bytes:
    """Mutate the values of a JSON file, or the bytes of any file, or replace all of them."""
    if name.endswith(".json") and dice.random() < 0.7:
        try:
            tree: Any = json.loads(content)
        except ValueError:  # it was mutated before
            return content
        mutate_tree(tree, dice, ODD)
        return json.dumps(tree).encode()
    if dice.random() < 0.1:
        return dice.choice((b"", b"[" * 200_000, b"{" * 200_000, b"\0" * 1000, b"null"))
    return mutate_bytes(content, dice)


def places(tree: Any, most: int = 20_000) -> list[tuple[Any, Any]]:
    """Return every (container, key) in a tree, or about `most` of a larger one."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting and len(found) < most:
        container = waiting.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            found.append((container, key))
            if isinstance(container[key], dict | list):
                waiting.append(container[key])
    return found


def mutate_tree(tree: Any, dice: random.Random, values: list[Any]) -> None:
    """Replace, exchange, remove, repeat or nest some parts of a tree."""
    for _ in range(dice.choice((1, 1, 1, 2, 5))):
        known = places(tree)
        if not known:
            return
        container, key = dice.choice(known)
        giver, gift = dice.choice(known)
        match dice.randrange(6):
            case 0 | 1:
                container[key] = copy.deepcopy(dice.choice(values))
            case 2:
                container[key] = copy.deepcopy(giver[gift])
            case 3:
                del container[key]
            case 4 if isinstance(container, list):
                container[key:key] = [container[key]] * dice.choice((1, 2, 500))
            case 5:
                nested = container[key]
                for _ in range(dice.choice((1, 50, 300))):
                    nested = {"config": nested} if dice.random() < 0.5 else [nested]
                container[key] = nested
