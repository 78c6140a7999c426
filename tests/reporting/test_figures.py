from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.errors import RunError
from cnnzoo.evaluation.metrics import measure_predictions
from cnnzoo.evaluation.predictions import Predictions, write_predictions
from cnnzoo.reporting.figures import write_figures
from cnnzoo.runs.run import Run, create_run

ARCHITECTURE = {"volumes.svg", "graph.svg"}
HISTORY = {"learning-curves.svg", "learning-rate.svg"}
METRICS = {"confusion.svg", "classes.svg", "reliability.svg"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that has begun."""
    run = create_run(tmp_path, load_config("lenet", ["model.layers.-1.Dense.units=2"]))
    run.update(status="running", class_names=["no", "yes"])
    return run


def evaluated(run: Run, split: str) -> np.ndarray:
    """Writes what an evaluation leaves behind; returns the images of the split."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40).astype(np.int32)
    values = rng.dirichlet([1, 1], 40).astype(np.float32)
    predictions = Predictions(tuple(map(str, range(40))), labels, values, ("no", "yes"))
    measured = measure_predictions(values, labels, ("no", "yes"))
    run.metrics_path(split).write_text(json.dumps(measured))
    write_predictions(run.predictions_path(split), predictions)
    return rng.integers(0, 256, (40, 28, 28, 1), np.uint8)


def names(run: Run, split: str = "test", images: np.ndarray | None = None) -> set[str]:
    paths = write_figures(run, split, images)
    assert all(path.parent == run.path / "figures" for path in paths)
    assert all(path.stat().st_size for path in paths)
    return {path.name for path in paths}


def test_a_run_has_the_figures_that_its_files_allow(run):
    run.history_path.write_text("epoch,loss,val_loss,learning_rate\n1,0.5,0.6,0.1\n")
    assert names(run) == ARCHITECTURE | HISTORY
    images = evaluated(run, "test")
    assert names(run) == ARCHITECTURE | HISTORY | METRICS | {"roc.svg"}
    evaluated(run, "validation")
    drawn = names(run, "validation", images)
    assert {"confusion-validation.svg", "roc-validation.svg", "mistakes-validation.png"} <= drawn
    assert (run.path / "figures/confusion.svg").exists()


def test_a_figure_whose_data_are_gone_does_not_stay(run):
    old = run.path / "figures" / "confusion.svg"
    old.parent.mkdir()
    old.write_text("of other data")
    assert names(run) == ARCHITECTURE
    assert not old.exists()


def test_damaged_predictions_are_named(run):
    run.predictions_path("test").write_text("path,truth\n")
    with pytest.raises(RunError, match=r"predictions\.csv is damaged"):
        write_figures(run)
