"""Runs that must be equal to the last bit."""

from __future__ import annotations

import numpy as np

from cnnzoo.runs.run import Run
from cnnzoo.training.engine.checkpoint import newest_checkpoint


def assert_same_bits(run: Run, whole: Run) -> None:
    """Two runs have the same history, and the same arrays in their newest checkpoints."""
    assert whole.history_path.read_bytes() == run.history_path.read_bytes()
    one, other = (newest_arrays(each) for each in (whole, run))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def newest_arrays(run: Run):
    found = newest_checkpoint(run.checkpoints_path, print)
    assert found is not None
    return found[0]
