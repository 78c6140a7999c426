"""Everything that can be wrong with data, the worst first: how bad it is, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True, slots=True)
class Kind:
    """How bad a finding is, what to do about it, and whether its items are written to be excluded.

    An error is certain, and stops a training or makes its figures wrong. A warning is worth a look.
    A note is to be known.
    """

    level: str
    advice: str
    excluded: bool = False


KINDS = {
    "unreadable": Kind(ERROR, "repair or remove them; data.on_error=skip leaves them out", True),
    "conflict": Kind(ERROR, "keep the right one of each, or none", True),
    "leakage": Kind(
        ERROR, "what is measured was seen in training: keep the copy that measures", True
    ),
    "untrained_class": Kind(ERROR, "add examples, or leave the class out of data.classes"),
    "near_conflict": Kind(WARNING, "look at them; keep the right ones, or none", True),
    "near_leakage": Kind(WARNING, "look at them, and keep the copy that measures", True),
    "blank": Kind(WARNING, "leave them out", True),
    "duplicate": Kind(WARNING, "keep one of each", True),
    "near_duplicate": Kind(WARNING, "look at them, and keep one of each", True),
    "unmeasured_class": Kind(WARNING, "add examples there, or set data.splits to other fractions"),
    "tiny_class": Kind(WARNING, "collect more, or merge it with another through data.classes"),
    "imbalance": Kind(
        WARNING, "training.class_weight=balanced or data.balance=oversample; see macro F1"
    ),
    "empty_folder": Kind(WARNING, "fill it or remove it"),
    "extreme_shape": Kind(WARNING, "data.resize=pad or crop keeps proportions; or leave them out"),
    "too_alike": Kind(NOTE, "the pictures are so much alike that copies cannot be told"),
    "mixed_colours": Kind(NOTE, "see that no class is told by it; a gray model takes all alike"),
    "mixed_sizes": Kind(NOTE, "all become as large as model.input_shape says"),
    "enlarged": Kind(NOTE, "find larger ones, or make model.input_shape smaller"),
    "stray_file": Kind(NOTE, "nothing reads them; remove what should not be there"),
}
