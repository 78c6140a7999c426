"""All kinds of problems in data, the worst first, each with its level and advice."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"
LABEL_ERROR = "label_error"  # the kind that needs predictions to be found


@dataclass(frozen=True, slots=True)
class Kind:
    """The level of a finding, the advice, and whether its items are excluded by default.

    An error is certain, and stops a training or makes its metrics wrong. A warning should be looked
    at. A note is information.
    """

    level: str
    advice: str
    excluded: bool = False


KINDS = {
    "unreadable": Kind(ERROR, "repair or remove them, or set data.on_error=skip", True),
    "conflict": Kind(ERROR, "keep the one with the right label, or none", True),
    "leakage": Kind(ERROR, "keep the copy in the test or validation split only", True),
    "untrained_class": Kind(ERROR, "add examples, or remove the class from data.classes"),
    "near_conflict": Kind(WARNING, "look at them; keep the ones with the right label", True),
    "near_leakage": Kind(
        WARNING, "look at them; keep the copy in the test or validation split", True
    ),
    LABEL_ERROR: Kind(WARNING, "look at them; correct wrong labels, or exclude them", True),
    "blank": Kind(WARNING, "exclude them", True),
    "duplicate": Kind(WARNING, "keep one of each", True),
    "near_duplicate": Kind(WARNING, "look at them; keep one of each", True),
    "unmeasured_class": Kind(WARNING, "add examples there, or change the fractions in data.splits"),
    "tiny_class": Kind(WARNING, "collect more, or merge it with another class in data.classes"),
    "imbalance": Kind(
        WARNING,
        "set training.class_weight=balanced or data.balance=oversample, and compare macro F1",
    ),
    "empty_folder": Kind(WARNING, "add images or remove the folder"),
    "extreme_shape": Kind(
        WARNING, "set data.resize=pad or crop to keep proportions, or exclude them"
    ),
    "too_alike": Kind(NOTE, "the pictures are too similar to find near duplicates"),
    "mixed_colours": Kind(
        NOTE, "check that colour does not tell the class; a gray model ignores it"
    ),
    "mixed_formats": Kind(NOTE, "check that the format does not tell the class"),
    "mixed_sizes": Kind(NOTE, "all are resized to model.input_shape"),
    "enlarged": Kind(NOTE, "use larger images, or make model.input_shape smaller"),
    "stray_file": Kind(NOTE, "remove files that do not belong in the data set"),
}
