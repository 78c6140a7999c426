"""All figures that the files of a run allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.architecture.layers import Architecture
from cnnzoo.architecture.resolve import resolve
from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.evaluation.predictions import Predictions, read_predictions
from cnnzoo.models.build import measure
from cnnzoo.reporting.class_bars import class_bars
from cnnzoo.reporting.confusion import confusion_matrix
from cnnzoo.reporting.curves import learning_curves, learning_rate_curve
from cnnzoo.reporting.gallery import mistakes_gallery
from cnnzoo.reporting.graph import MAX_BOXES, boxes_of, draw_graph
from cnnzoo.reporting.reliability import reliability_diagram
from cnnzoo.reporting.saving import save_figure
from cnnzoo.reporting.threshold_curves import roc_and_precision_recall
from cnnzoo.reporting.volumes import draw_volumes
from cnnzoo.runs.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

FOLDER = "figures"
TEST = "test"


def write_figures(
    run: Run, split: str = TEST, images: NDArray[np.uint8] | None = None
) -> list[Path]:
    """Write the figures of a run into `figures/` in it; returns their paths.

    `images` uint8 [n, height, width, channels] are those of the split, in its order; without them
    there is no gallery of mistakes. What a figure needs and the run does not have leaves it out,
    and removes one that was drawn before.

    Raises:
        UserError: matplotlib is not installed, or a file cannot be written.
        RunError: a file of the run is damaged.

    """
    written = []
    for name, figure in draw_figures(run, split, images).items():
        path = run.path / FOLDER / name
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        save_figure(figure, path)
        written.append(path)
    return written


def draw_figures(
    run: Run, split: str = TEST, images: NDArray[np.uint8] | None = None
) -> dict[str, Figure | None]:
    """The figures of a run by the name of their file; None for those that its files do not allow.

    Figures of a split other than test have its name in theirs, as `metrics-SPLIT.json` has.
    """
    history, record, config = run.history(), run.record(), run.config()
    architecture = resolve(config.model, len(record.get("class_names", [])) or None, measure)
    best = record.get("best_epoch")
    end = "" if split == TEST else f"-{split}"
    measured = run.metrics(split) if run.metrics_path(split).exists() else {}
    path = run.predictions_path(split)
    predictions = read_predictions(path) if path.exists() else None
    return {
        "volumes.svg": draw_volumes(architecture, config.name),
        "graph.svg": _graph(architecture, config.name),
        "learning-curves.svg": learning_curves(history, best),
        "learning-rate.svg": learning_rate_curve(history, best),
        **{f"{name}{end}.svg": figure for name, figure in _of_metrics(measured, split).items()},
        **_of_predictions(predictions, measured, images, end),
    }


def _graph(architecture: Architecture, name: str) -> Figure | None:
    # The graph of a very deep network is refused; its volumes are there.
    return draw_graph(architecture, name) if boxes_of(architecture) <= MAX_BOXES else None


def _of_metrics(measured: dict[str, Any], split: str) -> dict[str, Figure | None]:
    per_class = measured.get("per_class", {})
    confusion = measured.get("confusion")
    return {
        "confusion": confusion_matrix(
            Confusion.from_plain(confusion).matrix(), list(per_class), split
        )
        if confusion
        else None,
        "classes": class_bars(per_class, split),
        "reliability": reliability_diagram(measured.get("calibration", {}).get("bins", []), split),
    }


def _of_predictions(
    predictions: Predictions | None,
    measured: dict[str, Any],
    images: NDArray[np.uint8] | None,
    end: str,
) -> dict[str, Figure | None]:
    roc = gallery = None
    if predictions is not None:
        tuned = measured.get("binary", {}).get("threshold", {}).get("value")
        roc = roc_and_precision_recall(predictions, tuned)
        gallery = None if images is None else mistakes_gallery(images, predictions)
    return {f"roc{end}.svg": roc, f"mistakes{end}.png": gallery}
