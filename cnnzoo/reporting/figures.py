"""Every figure of a run, one line each: the page shows them and `--figures` writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cnnzoo.errors import UserError
from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.evaluation.explain.explain import explain_image, first_filters
from cnnzoo.models.backend import without_retracing_warnings
from cnnzoo.reporting.class_bars import class_bars
from cnnzoo.reporting.confusion import confusion_matrix
from cnnzoo.reporting.curves import learning_curves, learning_rate_curve
from cnnzoo.reporting.explanations import feature_maps_figure, filters_figure, overlays_figure
from cnnzoo.reporting.gallery import mistakes_gallery, surest_mistakes
from cnnzoo.reporting.graph import MAX_BOXES, boxes_of, draw_graph
from cnnzoo.reporting.reliability import reliability_diagram
from cnnzoo.reporting.report_data import ReportData
from cnnzoo.reporting.saving import save_figure
from cnnzoo.reporting.threshold_curves import roc_and_precision_recall
from cnnzoo.reporting.volumes import draw_volumes

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from cnnzoo.runs.run import Run

TRAINING, CLASSES, CALIBRATION = "training", "classes", "calibration"  # sections of the page
FILE = ""  # the page shows the same as an interactive table or as single images

MAX_CLASSES = 1000  # with a row in the figure of a confusion matrix


class Entry(NamedTuple):
    """The section of the page that shows a figure, and the function that draws it.

    The function returns None if the run has no data for the figure.
    """

    section: str
    draw: Callable[[ReportData], Figure | None]


def _confusion(report: ReportData) -> Figure | None:
    names = report.class_names
    if len(names) > MAX_CLASSES:
        return None
    cells = Confusion.from_plain(report.measured["confusion"])
    return confusion_matrix(cells.matrix(), names, report.split)


def _roc(report: ReportData) -> Figure | None:
    tuned = report.measured.get("binary", {}).get("threshold", {}).get("value")
    return roc_and_precision_recall(report.predictions, tuned)


def _mistakes(report: ReportData) -> Figure | None:
    if report.examples is None:
        return None
    return mistakes_gallery(report.examples.images, report.predictions)


def _graph(report: ReportData) -> Figure | None:
    # The graph of a very deep network is too large to read; its volumes are drawn.
    if boxes_of(report.architecture) > MAX_BOXES:
        return None
    return draw_graph(report.architecture, report.config.name)


def _filters(report: ReportData) -> Figure | None:
    return filters_figure(first_filters(report.classifier.model))


def _feature_maps(report: ReportData) -> Figure | None:
    if report.examples is None:
        return None
    image = report.examples.images[np.array([report.typical_example])][0]
    return feature_maps_figure(explain_image(report.classifier, image, steps=1).stages)


def _overlays(report: ReportData) -> Figure | None:
    rows = surest_mistakes(report.predictions, 8)
    if report.examples is None or not len(rows):
        return None
    images = report.examples.images[rows]
    return overlays_figure(report.classifier, images, report.predictions, rows)


# Name of the file → section and function. A figure that is added here appears everywhere.
FIGURES: dict[str, Entry] = {
    "learning-curves": Entry(
        TRAINING, lambda report: learning_curves(report.history, report.best_epoch)
    ),
    "learning-rate": Entry(
        TRAINING, lambda report: learning_rate_curve(report.history, report.best_epoch)
    ),
    "confusion": Entry(FILE, _confusion),
    "classes": Entry(
        CLASSES, lambda report: class_bars(report.measured["per_class"], report.split)
    ),
    "reliability": Entry(
        CALIBRATION,
        lambda report: reliability_diagram(report.measured["calibration"]["bins"], report.split),
    ),
    "roc": Entry(CALIBRATION, _roc),
    "mistakes": Entry(FILE, _mistakes),
    "filters": Entry(FILE, _filters),
    "feature-maps": Entry(FILE, _feature_maps),
    "grad-cam": Entry(FILE, _overlays),
    "volumes": Entry(FILE, lambda report: draw_volumes(report.architecture, report.config.name)),
    "graph": Entry(FILE, _graph),
}


def page_figures(report: ReportData) -> Iterator[tuple[str, str, Figure]]:
    """Yield name, section and figure of those that the page shows."""
    for name, entry in FIGURES.items():
        figure = entry.draw(report) if entry.section != FILE else None
        if figure is not None:
            yield name, entry.section, figure


def figure_folders(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Return the folder of figures of each run: `folder`, or for several runs one inside it."""
    if len(runs) == 1:
        return [folder]
    return [folder / "-".join(run.path.resolve().parts[-2:]) for run in runs]


def write_figures(report: ReportData, folder: Path, form: str = "svg") -> list[Path]:
    """Write every figure of a run into a folder as `NAME.png`, `.svg` or `.pdf`; return the paths.

    Raises UserError if matplotlib is not installed or a file cannot be written.
    """
    written = []
    with without_retracing_warnings():
        for name, entry in FIGURES.items():
            try:
                figure = entry.draw(report)
            except UserError:  # the model has no convolution
                if entry.draw not in (_filters, _feature_maps, _overlays):
                    raise
                continue
            if figure is not None:
                written.append(folder / f"{name}.{form}")
                save_figure(figure, written[-1])
    return written
