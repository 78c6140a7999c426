"""Usual names of the parts of a data set, and the split that each of them means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cnnzoo.datasets.items import NO_PART
from cnnzoo.text import nfc

# A name in lower case, without digits, signs and the words of _NEUTRAL → its split.
PART_NAMES = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "validation": "validation",
    "validate": "validation",
    "validating": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "devel": "validation",
    "development": "validation",
    "publictest": "validation",
    "test": "test",
    "tests": "test",
    "testing": "test",
    "tst": "test",
    "holdout": "test",
    "heldout": "test",
    "privatetest": "test",
}

# The test split if no other part is it; else the validation split if no other part is it.
EVALUATION_NAMES = ("eval", "evaluate", "evaluation")

# Images without labels, as competitions publish them: in no split.
UNLABELLED_NAMES = ("pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled")

# The numbers of CelebA and similar tables; two numbers alone are ambiguous.
NUMBERS = {"0": "train", "1": "validation", "2": "test"}

# Words that do not tell the part: seg_train, training_set, test-images.
_NEUTRAL = frozenset({"data", "dataset", "set", "split", "subset", "part", "partition", "seg"}) | {
    "file",
    "files",
    "image",
    "images",
    "img",
    "imgs",
}


def meanings(parts: Iterable[str]) -> dict[str, str | None]:
    """Map each part to its split, `train`, `validation` or `test`; None if its name is not usual.

    Examples in NO_PART are for training.
    """
    parts = tuple(parts)
    found = {part: _meaning(part) for part in parts}
    for part in parts:
        if _key(part) in EVALUATION_NAMES:
            known = set(found.values())
            found[part] = next((s for s in ("test", "validation") if s not in known), None)
    if {"0", "2"} <= set(parts) <= NUMBERS.keys():
        found = {part: NUMBERS[part] for part in parts}
    return found


def is_part_name(name: str) -> bool:
    """Return whether a name is usual for a part of a data set."""
    key = _key(name)
    return key in PART_NAMES or key in EVALUATION_NAMES or key in UNLABELLED_NAMES


def is_unlabelled(name: str) -> bool:
    """Return whether a name is usual for images without labels."""
    return _key(name) in UNLABELLED_NAMES


def _meaning(part: str) -> str | None:
    return "train" if part == NO_PART else PART_NAMES.get(_key(part))


def _key(name: str) -> str:
    """Return the form in PART_NAMES: `training` for `Training_Set`, `train` for `seg-train2`."""
    words = re.findall(r"[^\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", nfc(name)))
    key = "".join(word for word in map(str.lower, words) if word not in _NEUTRAL)
    without = key.removesuffix("set")
    return without if key not in PART_NAMES and without in PART_NAMES else key
