"""Figures of a finished training for TensorBoard, next to its scalars."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image

from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.reporting.confusion import confusion_matrix
from cnnzoo.reporting.curves import learning_curves
from cnnzoo.reporting.figures import MAX_CLASSES
from cnnzoo.reporting.saving import write_figure
from cnnzoo.runs.run import Run
from cnnzoo.training.loggers.events import Events
from cnnzoo.training.loggers.tensorboard import log_directory

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_images(run: Run, measured: dict[str, Any] | None = None) -> None:
    """Write the learning curves of a run and its confusion matrix into its TensorBoard logs.

    Raises UserError if tensorboardX or matplotlib is not installed.
    """
    record, history = run.record(), run.history()
    figures = {"curves": learning_curves(history, record["best_epoch"])}
    names = record["class_names"]
    if measured and len(names) <= MAX_CLASSES:
        matrix = Confusion.from_plain(measured["confusion"]).matrix()
        figures["confusion"] = confusion_matrix(matrix, names, measured["split"])
    events = Events(log_directory(run) / "figures")
    for tag, figure in figures.items():
        if figure is not None:
            png, width, height = _png(figure)
            events.add_png(tag, png, width, height, step=len(history))
    events.close()


def _png(figure: Figure) -> tuple[bytes, int, int]:
    data = io.BytesIO()
    write_figure(figure, data, "png")
    return data.getvalue(), *Image.open(data).size
