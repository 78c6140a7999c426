"""A script that classifies image files with an exported model, Pillow, NumPy and its runtime."""

from __future__ import annotations

import pprint
from importlib.resources import files
from string import Template

from cnnzoo.models.runtimes.contract import Contract

_ONNX = '''
def load():
    """Return a function: images uint8 [BATCH, HEIGHT, WIDTH, CHANNELS] → probabilities."""
    import onnxruntime

    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]
'''
_LITERT = '''
def load():
    """Return a function: images uint8 [BATCH, HEIGHT, WIDTH, CHANNELS] → probabilities."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(MODEL))
    interpreter.allocate_tensors()
    taken = interpreter.get_input_details()[0]["index"]
    given = interpreter.get_output_details()[0]["index"]

    def predict(images):
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return predict
'''
_OPENVINO = '''
def load():
    """Return a function: images uint8 [BATCH, HEIGHT, WIDTH, CHANNELS] → probabilities."""
    import openvino

    # Without the hint, processors with bfloat16 units compute less precisely.
    model = openvino.Core().compile_model(MODEL, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: model(images)[0]
'''
_SAVED_MODEL = '''
def load():
    """Return a function: images uint8 [BATCH, HEIGHT, WIDTH, CHANNELS] → probabilities."""
    import tensorflow as tf

    model = tf.saved_model.load(str(MODEL))
    return lambda images: model.serve(tf.constant(images)).numpy()
'''
# For each format, the package that runs it and the function that loads it.
_RUNTIMES = {
    "onnx": ("onnxruntime", _ONNX),
    "litert": ("ai-edge-litert", _LITERT),
    "openvino": ("openvino", _OPENVINO),
    "saved_model": ("tensorflow", _SAVED_MODEL),
}


def example_script(form: str, model: str, contract: Contract, batch: int | None = None) -> str:
    """The text of a Python script next to the model file `model`, in one of the formats.

    It decodes and resizes as cnnzoo does, so it gives the same labels.
    """
    package, runtime = _RUNTIMES[form]
    template = Template(files(__package__).joinpath("example.txt").read_text(encoding="utf-8"))
    return template.substitute(
        model=model,
        script=f"{model}.py",
        package=package,
        model_literal=repr(model),
        classes=pprint.pformat(list(contract.class_names), width=90, compact=True),
        shape=", ".join(map(str, contract.input_shape)),
        method=repr(contract.resize.method),
        interpolation=repr(contract.resize.interpolation),
        pixel_range=repr(contract.pixel_range),
        batch=batch or 1,
        runtime=runtime.strip() + "\n",
    )
