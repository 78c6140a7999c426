"""Keras' ONNX export → the final ONNX file: checked, in its precision, with its contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.exporting.job import CALIBRATION_BATCH, Job
from cnnzoo.models.runtimes.contract import KEY

OUTPUT = "probabilities"
BATCH = "batch"
# They stay float32 in every precision: their outputs are the probabilities.
ACTIVATIONS = ("Softmax", "Sigmoid")
_STANDARD = ("", "ai.onnx")
_ONE = "cnnzoo_one"


def finish(exported: Path, job: Job, images: NDArray[np.uint8] | None) -> None:
    """Write the final file of a job from Keras' float32 export."""
    import onnx

    model = read_export(exported)
    if job.contract.precision == "int8" and images is not None:
        onnx.save(model, exported)
        model = _int8(exported, images, job.batch or CALIBRATION_BATCH)
    elif job.contract.precision == "float16":
        model = _float16(model)
    _name_ports(model)
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, job.contract.text()
    model.producer_name, model.producer_version = "cnnzoo", job.contract.cnnzoo
    onnx.checker.check_model(model)
    onnx.save(model, job.target)


def read_export(path: Path) -> Any:
    """Keras' export as an ONNX model.

    Raises ValueError for operators that ONNX does not define: the converter writes those that it
    does not know under their TensorFlow names.
    """
    import onnx

    model = onnx.load(path)
    _replace_erfc(model.graph)
    opset = next(each.version for each in model.opset_import if each.domain in _STANDARD)
    for node in model.graph.node:
        if node.domain not in _STANDARD or not _is_defined(node.op_type, opset):
            raise ValueError(f"ONNX has no operator {node.op_type} (opset {opset})")
    onnx.checker.check_model(model)
    return model


def _replace_erfc(graph: Any) -> None:
    """Write Erfc(x), which is in the exact GELU of TensorFlow, as 1 - Erf(x)."""
    from onnx import helper, numpy_helper

    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        erf = f"{node.output[0]}_erf"
        nodes += [
            helper.make_node("Erf", [node.input[0]], [erf]),
            helper.make_node("Sub", [_ONE, erf], [node.output[0]]),
        ]
    if len(nodes) > len(graph.node):
        graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), _ONE))
        del graph.node[:]
        graph.node.extend(nodes)


def _is_defined(operator: str, opset: int) -> bool:
    import onnx

    try:
        onnx.defs.get_schema(operator, opset, "")
    except onnx.defs.SchemaError:
        return False
    return True


def _float16(model: Any) -> Any:
    """The model with float16 weights and arithmetic; its last activation stays float32."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    blocked = [*DEFAULT_OP_BLOCK_LIST, *ACTIVATIONS]
    half = OnnxModel(convert_float_to_float16(model, keep_io_types=True, op_block_list=blocked))
    _keep_precision_of_output(half.model.graph)
    half.topological_sort()  # the casts around blocked operators are at the end
    return half.model


def _keep_precision_of_output(graph: Any) -> None:
    """Remove casts to float16 and back between the last activation and the output."""
    producers = {name: node for node in graph.node for name in node.output}
    output = graph.output[0].name
    node, casts = producers[output], []
    while node.op_type == "Cast":
        casts.append(node)
        node = producers[node.input[0]]
    if casts and node.op_type in ACTIVATIONS:
        for cast in casts:
            graph.node.remove(cast)
        node.output[0] = output


def _int8(exported: Path, images: NDArray[np.uint8], batch: int) -> Any:
    """The model with int8 weights, one scale a channel, and uint8 activations.

    The weights use 7 of the 8 bits: on x86 CPUs without VNNI, the sum of two products has 16 bits,
    and larger weights would overflow it, which changes the probabilities without an error.
    Calibrated on images by their smallest and largest values. The operators are ONNX's
    QuantizeLinear and DequantizeLinear, which runtimes fuse into integer arithmetic.
    """
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = exported.with_stem("prepared")
    quant_pre_process(exported, prepared, skip_symbolic_shape=True)
    model = onnx.load(prepared)
    quantized = exported.with_stem("quantized")
    quantization.quantize_static(
        prepared,
        quantized,
        _Calibration(images, batch, model.graph.input[0].name),
        quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=[node.name for node in model.graph.node if node.op_type in ACTIVATIONS],
    )
    return onnx.load(quantized)


class _Calibration:
    """Batches of calibration images, as onnxruntime asks for them."""

    def __init__(self, images: NDArray[np.uint8], batch: int, name: str) -> None:
        self.batches: Iterator[dict[str, Any]] = (
            {name: images[start : start + batch]} for start in range(0, len(images), batch)
        )

    def get_next(self) -> dict[str, Any] | None:
        return next(self.batches, None)


def _name_ports(model: Any) -> None:
    """Call the output `probabilities` and a variable batch size `batch`."""
    graph = model.graph
    old = graph.output[0].name
    graph.output[0].name = OUTPUT
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = OUTPUT
    for port in (graph.input[0], graph.output[0]):
        size = port.type.tensor_type.shape.dim[0]
        if size.HasField("dim_param") or not size.HasField("dim_value"):
            size.dim_param = BATCH
