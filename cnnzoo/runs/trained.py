"""The trained networks that come with cnnzoo: runs in `configs/trained/`, which nothing changes.

`scripts/train-zoo` makes them. Such a run has no checkpoints, its weights are float16 on the disk,
and its data have no location; everything else is as in any run.
"""

from __future__ import annotations

from pathlib import Path

from cnnzoo.config import zoo
from cnnzoo.runs.hub import is_downloaded
from cnnzoo.runs.run import Run


def trained_names() -> list[str]:
    """Return the names of the trained networks, in the order of the zoo."""
    return zoo.trained_names()


def trained_run(name: str) -> Run | None:
    """Return the trained network of this name, or None."""
    path = zoo.trained(name)
    return Run(path) if path else None


def is_trained(opened: Run | Path) -> bool:
    """Return whether a run is a trained network of cnnzoo."""
    return isinstance(opened, Run) and opened.path.parent == zoo.trained_directory()


def results_folder(opened: Run | Path) -> Path:
    """Return the directory for results: that of a run or a model file.

    Results of a trained network of cnnzoo or of a downloaded model belong in the working directory.
    """
    if not isinstance(opened, Run):
        return Path() if is_downloaded(opened) else opened.parent
    return Path() if is_trained(opened) else opened.path


def title(opened: Run | Path) -> str:
    """Return a name for messages: `lenet_mnist`, `runs/lenet/1`, `model.keras`."""
    return opened.path.name if isinstance(opened, Run) and is_trained(opened) else str(opened)
