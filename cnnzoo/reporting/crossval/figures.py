"""The table of the figures of a cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.reporting.confusion import confusion_matrix
from cnnzoo.reporting.crossval.curves import fold_curves
from cnnzoo.reporting.crossval.data import CrossvalData
from cnnzoo.reporting.crossval.spread import fold_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_CLASSES = 200  # of a confusion matrix


def _confusion(data: CrossvalData) -> Figure | None:
    found = data.predictions
    if found is None or len(found.class_names) > _MAX_CLASSES:
        return None
    cells = Confusion.from_labels(found.labels, found.predicted, len(found.class_names))
    figure = confusion_matrix(cells.matrix(), found.class_names, of="out-of-fold predictions")
    figure.set_label("Confusion matrix of the out-of-fold predictions.")
    return figure


# Name of the file → function. A figure that is added here appears on the page and as a file.
FIGURES: dict[str, Callable[[CrossvalData], Figure | None]] = {
    "metrics": fold_metrics,
    "curves": fold_curves,
    "confusion": _confusion,
}
