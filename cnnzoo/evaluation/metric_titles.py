"""Titles of the metrics in tables, on the page and in the card: one line per metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Title(NamedTuple):
    """The name of a metric, a note on its meaning, and whether it is shown in percent."""

    name: str
    note: str = ""
    percent: bool = False


TITLES: dict[str, Title] = {
    "accuracy": Title("accuracy", "share of examples that are classified correctly", True),
    "top5_accuracy": Title("top-5 accuracy", "true class among the 5 most probable", True),
    "loss": Title("loss", "mean cross-entropy in nats; 0 is best"),
    "macro_f1": Title("macro F1", "mean F1 of the classes"),
    "weighted_f1": Title("weighted F1", "mean F1 of the classes, weighted by their examples"),
    "balanced_accuracy": Title("balanced accuracy", "mean recall of the classes", True),
    "matthews_correlation": Title("Matthews correlation", "1 is best, 0 is chance"),
    "sensitivity": Title("sensitivity", "recall of the positive class at threshold 0.5", True),
    "specificity": Title("specificity", "recall of the negative class at threshold 0.5", True),
    "roc_auc": Title("ROC-AUC", "probability that a positive ranks above a negative"),
    "pr_auc": Title("PR-AUC", "average precision"),
    "brier": Title("Brier score", "mean squared error of the probabilities; 0 is best"),
    "ece": Title("calibration error (ECE)", "0 is best"),
}


def title_of(name: str) -> Title:
    """Return the title of a metric by its key in `metrics.json`; an unknown key is its own name."""
    return TITLES.get(name) or Title(name.replace("_", " "))


def interval_text(metric: Mapping[str, Any], digits: int) -> str:
    """Return `0.959 to 0.980`, or an empty string if the interval is unknown."""
    if metric["low"] is None:
        return ""
    return f"{metric['low']:.{digits}f} to {metric['high']:.{digits}f}"
