"""Keras model → file of another runtime, with its input contract in it.

Keras converts to float32 (`keras.Model.export`); the libraries of each format make float16 and int8
of that. Needs Keras on TensorFlow.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cnnzoo.errors import UserError
from cnnzoo.exporting import litert_file, onnx_file, openvino_file, saved_model_file
from cnnzoo.exporting.formats import FORMATS
from cnnzoo.exporting.job import Job
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line

INPUT = "image"
_OTHER_BYTES = 1 << 18  # of a file, besides weights

# Makes the final file of Keras' float32 one: (float32 file, job, calibration images or None).
Finish = Callable[[Path, Job, Any], None]
FINISH: dict[str, Finish] = {
    "onnx": onnx_file.finish,
    "litert": litert_file.finish,
    "openvino": openvino_file.finish,
    "saved_model": saved_model_file.finish,
}


def convert(model: Any, job: Job) -> None:
    """Write a Keras model as a job says.

    Raises UserError, naming the layer, for a network that the format cannot express, and OSError
    if the file cannot be written.
    """
    images = None if job.calibration is None else np.load(job.calibration, allow_pickle=False)
    with (
        TemporaryDirectory(prefix="cnnzoo-", dir=job.target.parent) as folder,
        warnings.catch_warnings(),
        redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")  # converters warn about each other, and print sizes
        exported = Path(folder, f"model{FORMATS[job.format].suffix}")
        try:
            keras_export(model, exported, job)
            FINISH[job.format](exported, job, images)
        except OSError:
            raise
        except Exception as error:  # each converter has errors of its own
            if _is_full(Path(folder), error, model):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise _inconvertible(model, job, error) from error


def _is_full(folder: Path, error: Exception, model: Any) -> bool:
    """Return whether a conversion failed for lack of space, which not all libraries say."""
    if any(os.strerror(each) in str(error) for each in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)):
        return True
    weights: int = 4 * model.count_params()
    # On their way they are written up to three times.
    return bool(shutil.disk_usage(folder).free < 3 * weights + _OTHER_BYTES)


def keras_export(model: Any, path: Path, job: Job) -> None:
    """Write Keras' own float32 export; its input is uint8 [batch, height, width, channels]."""
    keras = load_keras()
    shape = (job.batch, *model.input_shape[1:])
    arguments: dict[str, Any] = {"opset_version": job.opset} if job.format == "onnx" else {}
    if job.format == "litert":
        arguments["target_spec"] = litert_file.builtin_operators_only()
    inlined = _functions_inlined() if job.format == "onnx" else nullcontext()
    with _constants_as_arrays(model), _without_signatures(model), inlined:
        model.export(
            str(path),
            format=FORMATS[job.format].keras,
            verbose=False,
            input_signature=[keras.InputSpec(shape=shape, dtype="uint8", name=INPUT)],
            **arguments,
        )


@contextmanager
def _constants_as_arrays(model: Any) -> Iterator[None]:
    """Within, layers hold arrays in place of tensors that are not variables.

    Such a tensor, as the mean of a Normalization, would be one more input of an ONNX graph.
    """
    import tensorflow as tf

    replaced = [
        (layer, name, value)
        for layer in model._flatten_layers()
        for name, value in vars(layer).items()
        if isinstance(value, tf.Tensor) and hasattr(value, "numpy")
    ]
    for layer, name, value in replaced:
        setattr(layer, name, value.numpy())
    try:
        yield
    finally:
        for layer, name, value in replaced:
            setattr(layer, name, value)


@contextmanager
def _without_signatures(model: Any) -> Iterator[None]:
    """Within, Keras does not trace a default signature for the model and for each block in it.

    It would do so twice for an export that does not use them: most of the time for deep networks.
    """
    name = "_default_save_signature"
    owners = [each for each in type(model).__mro__ if name in vars(each)]
    before = [vars(each)[name] for each in owners]
    for each in owners:
        setattr(each, name, None)
    try:
        yield
    finally:
        for each, value in zip(owners, before, strict=True):
            setattr(each, name, value)


@contextmanager
def _functions_inlined() -> Iterator[None]:
    """Within, functions of TensorFlow are written into the graph that calls them.

    Keras computes a grouped convolution in such a function, and ONNX has no calls.
    """
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _inconvertible(model: Any, job: Job, error: Exception) -> UserError:
    """The error that names the first layer which cannot be converted alone, if there is one."""
    for layer in model.layers:
        if reason := _refusal(layer, job):
            kind = type(layer).__name__
            return UserError(
                f"{job.format} cannot express the layer {layer.name!r} ({kind}): {reason}",
                hint="replace this layer, or choose another format: " + ", ".join(FORMATS),
            )
    return UserError(f"the conversion to {job.format} failed: {first_line(error)}")


def _refusal(layer: Any, job: Job) -> str | None:
    """Why a layer alone cannot be converted; None if it can."""
    keras = load_keras()
    alone = keras.Sequential([keras.Input(layer.input.shape[1:], dtype=layer.input.dtype), layer])
    with TemporaryDirectory(prefix="cnnzoo-") as folder:
        exported = Path(folder, f"layer{FORMATS[job.format].suffix}")
        try:
            keras_export(alone, exported, job)
            if job.format == "onnx":
                onnx_file.read_export(exported)
        except Exception as error:
            return first_line(error)
    return None
