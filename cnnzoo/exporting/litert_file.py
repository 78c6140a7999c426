"""Keras' LiteRT export → the final `.tflite` file: in its precision, with its contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.exporting.job import CALIBRATION_BATCH, Job
from cnnzoo.models.runtimes.contract import KEY

SIGNATURE = "serving_default"  # Keras' name
INPUT = "image"
# They stay float32 in every precision: their outputs are the probabilities.
_FLOAT = ("SOFTMAX", "LOGISTIC", "OUTPUT")


def builtin_operators_only() -> dict[str, Any]:
    """The converter setting that refuses operators of TensorFlow, which LiteRT lacks."""
    import tensorflow as tf

    return {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}


def finish(exported: Path, job: Job, images: NDArray[np.uint8] | None) -> None:
    """Write the final file of a job from Keras' float32 export."""
    content = exported.read_bytes()
    if job.contract.precision == "float16":
        content = _float16(exported)
    elif job.contract.precision == "int8" and images is not None:
        content = _int8(exported, images, job.batch or CALIBRATION_BATCH)
    job.target.write_bytes(with_metadata(content, job.contract.text().encode()))


def with_metadata(content: bytes, metadata: bytes) -> bytes:
    """A `.tflite` file with an entry of cnnzoo in its metadata."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    for each in model.buffers:
        if each.offset > 1:  # the quantizer stores large weights behind the structure
            each.data = np.frombuffer(content, np.uint8, each.size, each.offset)
            each.offset = each.size = 0
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(metadata, np.uint8)
    entry.name, entry.buffer = KEY, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]
    builder = flatbuffers.Builder(len(content) + len(metadata))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _float16(exported: Path) -> bytes:
    """The model with float16 weights; it computes in float32."""
    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer

    process = quantizer.Quantizer(str(exported))
    process.update_quantization_recipe(
        regex=".*",
        operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
        algorithm_key=algorithm_manager.AlgorithmName.FLOAT_CASTING,
        op_config=qtyping.OpQuantizationConfig(
            weight_tensor_config=qtyping.TensorQuantizationConfig(
                num_bits=16, dtype=qtyping.TensorDataType.FLOAT
            ),
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
    )
    return bytes(process.quantize().quantized_model)


def _int8(exported: Path, images: NDArray[np.uint8], batch: int) -> bytes:
    """The model with int8 weights, one scale a channel, and int8 activations.

    Calibrated on images by their smallest and largest values.
    """
    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe

    process = quantizer.Quantizer(str(exported))
    process.load_quantization_recipe(recipe.static_wi8_ai8())
    for operation in _FLOAT:
        process.update_quantization_recipe(
            regex=".*",
            operation_name=qtyping.TFLOperationName(operation),
            algorithm_key=algorithm_manager.AlgorithmName.NO_QUANTIZE,
        )
    batches = [{INPUT: images[start : start + batch]} for start in range(0, len(images), batch)]
    calibrated = process.calibrate({SIGNATURE: batches})
    return bytes(process.quantize(calibrated).quantized_model)
