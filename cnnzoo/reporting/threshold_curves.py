"""ROC and precision-recall curves of a binary classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.predictions import Predictions
from cnnzoo.evaluation.thresholds import DEFAULT, POSITIVE, decide
from cnnzoo.reporting.style import (
    BLUE,
    DIM,
    GREEN,
    VERMILLION,
    figure_style,
    new_figure,
)
from cnnzoo.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LETTERS = 16  # of a class name


def roc_and_precision_recall(predictions: Predictions, tuned: float | None = None) -> Figure | None:
    """Draw the ROC and the precision-recall curve of two classes; the second is the positive one.

    The areas are ROC-AUC by the trapezoidal rule and average precision, as scikit-learn computes
    them; the thresholds 0.5 and `tuned` are marked. Returns None unless there are two classes with
    examples.
    """
    if len(predictions.class_names) != 2 or len(np.unique(predictions.labels)) != 2:
        return None
    return _both(predictions, tuned)


@figure_style()
def _both(predictions: Predictions, tuned: float | None) -> Figure:
    figure = new_figure(9.6, 4.8)
    left, right = figure.subplots(1, 2)
    truth = predictions.labels == POSITIVE
    scores = predictions.probabilities[:, POSITIVE]
    _draw_roc(left, truth, scores)
    _draw_precision_recall(right, truth, scores)
    _mark(left, right, truth, scores, DEFAULT, ("threshold", "D", VERMILLION))
    if tuned is not None and tuned != DEFAULT:
        _mark(left, right, truth, scores, tuned, ("tuned threshold", "o", GREEN))
    name = shorten(predictions.class_names[POSITIVE], _LETTERS, "both")
    left.set_title(f"ROC, positive: {name}")
    figure.set_label(f"ROC and precision-recall curves; the positive class is {name}.")
    right.set_title(f"precision and recall, positive: {name}")
    for axes, place in ((left, "lower right"), (right, "lower left")):
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.grid(True, axis="both")
        axes.legend(loc=place)
    return figure


def _draw_roc(axes: Axes, truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> None:
    from sklearn import metrics

    rates, recalls, _ = metrics.roc_curve(truth, scores)
    area = metrics.roc_auc_score(truth, scores)
    axes.plot([0, 1], [0, 1], ":", color=DIM, linewidth=1.2, label="chance")
    axes.plot(rates, recalls, color=BLUE, label=f"ROC, area {area:.3f}")
    axes.set_xlabel("false positive rate (1 - specificity)")
    axes.set_ylabel("true positive rate (sensitivity)")


def _draw_precision_recall(
    axes: Axes, truth: NDArray[np.bool_], scores: NDArray[np.float32]
) -> None:
    from sklearn import metrics

    precisions, recalls, _ = metrics.precision_recall_curve(truth, scores)
    area = metrics.average_precision_score(truth, scores)
    share = float(truth.mean())
    axes.axhline(share, linestyle=":", color=DIM, linewidth=1.2, label=f"chance, {share:.3f}")
    # Recalls decrease: each precision holds until the next lower recall.
    axes.plot(
        recalls,
        precisions,
        drawstyle="steps-post",
        color=BLUE,
        label=f"average precision {area:.3f}",
    )
    axes.set_xlabel("recall (share of the positives that are found)")
    axes.set_ylabel("precision (share of the found that are positive)")


def _mark(
    roc: Axes,
    precision_recall: Axes,
    truth: NDArray[np.bool_],
    scores: NDArray[np.float32],
    threshold: float,
    style: tuple[str, str, str],
) -> None:
    called = decide(scores, threshold)
    name, marker, colour = style
    recall = called[truth].mean()
    points = [(roc, called[~truth].mean(), recall)]
    if called.any():  # no precision without a prediction
        points.append((precision_recall, recall, truth[called].mean()))
    for axes, x, y in points:
        axes.plot([x], [y], marker, color=colour, clip_on=False, label=f"{name} {threshold:.3g}")
