"""The figures of `metrics.json`, each with its name, its interval, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnzoo.reporting.findings import percent

# Name → (title, whether it is a share that is shown in percent, what it says).
TITLES: dict[str, tuple[str, bool, str]] = {
    "accuracy": ("Accuracy", True, "the share of examples that are right"),
    "top5_accuracy": ("Top-5 accuracy", True, "the truth is among the five most probable"),
    "loss": ("Loss", False, "mean cross-entropy in nats; 0 is best"),
    "macro_f1": ("Macro F1", False, "precision and recall together, every class alike"),
    "weighted_f1": ("Weighted F1", False, "the same, every example alike"),
    "balanced_accuracy": ("Balanced accuracy", True, "the mean of the classes' recalls"),
    "matthews_correlation": ("Matthews correlation", False, "1 is best, 0 is chance"),
    "sensitivity": ("Sensitivity", True, "the positive that are found, at threshold 0.5"),
    "specificity": ("Specificity", True, "the negative that are left alone, at threshold 0.5"),
    "roc_auc": ("ROC-AUC", False, "how often a positive is ranked above a negative"),
    "pr_auc": ("PR-AUC", False, "average precision"),
    "brier": ("Brier score", False, "mean squared error of the probabilities; 0 is best"),
    "ece": ("Calibration error", False, "ECE; 0 is best"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in words; `low` and `high` are empty where no interval is known."""

    name: str
    title: str
    value: str
    low: str
    high: str
    about: str

    @property
    def interval(self) -> str:
        """`96.1 to 98.1 %`, or nothing."""
        if not self.low:
            return ""
        unit = " %" if self.high.endswith(" %") else ""
        return f"{self.low.removesuffix(' %')} to {self.high.removesuffix(' %')}{unit}"


def figures(measured: Mapping[str, Any]) -> list[Figure]:
    """All figures that were measured, the accuracy first."""
    return [_figure(name, values) for name, values in measured["metrics"].items()]


def _figure(name: str, values: Mapping[str, Any]) -> Figure:
    title, share, about = TITLES.get(name, (name.replace("_", " "), False, ""))
    texts = ["" if values[key] is None else _text(values[key], share) for key in _KEYS]
    value, low, high = texts
    return Figure(name, title, value or "not known", low, high, values.get("why", about))


_KEYS = ("value", "low", "high")


def _text(value: float, share: bool) -> str:
    return percent(value) if share else f"{value:.3f}"
