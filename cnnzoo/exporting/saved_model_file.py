"""Keras' SavedModel export → the final directory, with the contract in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnzoo.exporting.job import Job
from cnnzoo.models.runtimes.saved_model import CONTRACT


def finish(exported: Path, job: Job, images: NDArray[np.uint8] | None) -> None:
    """Write the final directory of a job from Keras' export."""
    shutil.copytree(exported, job.target)
    described = job.target / CONTRACT
    described.parent.mkdir(exist_ok=True)
    described.write_text(job.contract.text(), encoding="ascii")
