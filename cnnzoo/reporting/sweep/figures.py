"""The table of the figures of a sweep."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cnnzoo.reporting.sweep.curves import trial_curves
from cnnzoo.reporting.sweep.data import SweepData
from cnnzoo.reporting.sweep.history import search_history
from cnnzoo.reporting.sweep.importance import importance_bars
from cnnzoo.reporting.sweep.parallel import parallel_coordinates
from cnnzoo.reporting.sweep.pareto import pareto_fronts
from cnnzoo.reporting.sweep.slices import slices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Name of the file → function. A figure that is added here appears on the page and as a file.
FIGURES: dict[str, Callable[[SweepData], Figure | None]] = {
    "pareto": pareto_fronts,
    "history": search_history,
    "importance": lambda data: importance_bars(data.importances),
    "slices": slices,
    "parallel": parallel_coordinates,
    "curves": trial_curves,
}
