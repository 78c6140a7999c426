from __future__ import annotations

import numpy as np
from exported_models import contract

from cnnzoo.exporting.job import Job
from cnnzoo.exporting.openvino_file import finish


def test_unused_scalars_are_not_outputs(tmp_path):
    import openvino
    from openvino import opset8 as ops

    image = ops.parameter([-1, 3], np.float32, name="image")
    size = ops.reduce_prod(ops.shape_of(image), ops.constant(0, np.int64), keep_dims=False)
    exported, target = tmp_path / "exported.xml", tmp_path / "model.xml"
    openvino.save_model(openvino.Model([ops.relu(image), size], [image]), exported)
    finish(exported, Job(tmp_path, target, "openvino", contract()), None)
    (output,) = openvino.Core().read_model(target).outputs
    assert len(output.get_partial_shape()) == 2
