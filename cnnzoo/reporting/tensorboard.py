"""Figures of a finished training for TensorBoard, beside its scalars."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from cnnzoo.evaluation.confusion import Confusion
from cnnzoo.reporting.confusion import confusion_matrix
from cnnzoo.reporting.curves import learning_curves
from cnnzoo.reporting.style import figure_style
from cnnzoo.runs.run import Run
from cnnzoo.training.loggers.events import Events
from cnnzoo.training.loggers.tensorboard import log_directory

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_images(run: Run, measured: dict[str, Any] | None = None) -> None:
    """Write the curves of a run, and the confusion that was measured, into its TensorBoard logs.

    Raises UserError where tensorboardX or matplotlib is not installed.
    """
    record, history = run.record(), run.history()
    figures = {"curves": learning_curves(history, record["best_epoch"])}
    if measured:
        names = record["class_names"]
        figures["confusion"] = confusion_matrix(
            Confusion.from_plain(measured["confusion"]).matrix(), names, measured["split"]
        )
    events = Events(log_directory(run) / "figures")
    for tag, figure in figures.items():
        if figure is not None:
            png, width, height = _png(figure)
            events.add_png(tag, png, width, height, step=len(history))
    events.close()


@figure_style()
def _png(figure: Figure) -> tuple[bytes, int, int]:
    data = io.BytesIO()
    figure.savefig(data, format="png")
    width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
    return data.getvalue(), width, height
