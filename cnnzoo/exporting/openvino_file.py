"""Keras' OpenVINO export → the final `.xml` and `.bin`, with the contract in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnzoo.exporting.job import Job
from cnnzoo.models.runtimes.contract import KEY


def finish(exported: Path, job: Job, images: NDArray[np.uint8] | None) -> None:
    """Write the final files of a job from Keras' float32 export; float16 is of weights only."""
    import openvino

    model = openvino.Core().read_model(exported)
    for result in model.get_results():
        # Unused sizes of images, as those in attention layers, would be outputs of the file.
        if not len(result.output(0).get_partial_shape()):
            model.remove_result(result)
    model.set_rt_info(job.contract.text(), [KEY])
    half = job.contract.precision == "float16"
    openvino.save_model(model, job.target, compress_to_fp16=half)
