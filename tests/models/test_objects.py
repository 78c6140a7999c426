from __future__ import annotations

import pytest

from cnnzoo.config.layer_lists import parse_call
from cnnzoo.errors import ConfigError
from cnnzoo.models.objects import first_line, make


@pytest.mark.parametrize(
    ("namespace", "written"),
    [
        ("layers", {"Conv2D": {"filters": 4, "kernel_size": 3}}),
        ("optimizers", {"SGD": {"learning_rate": 0.1, "momentum": 0.9}}),
        ("schedules", {"CosineDecay": [0.1, 100]}),
        ("losses", "SparseCategoricalCrossentropy"),
        ("metrics", {"SparseTopKCategoricalAccuracy": 3}),
        ("callbacks", {"EarlyStopping": {"patience": 3}}),
        ("initializers", {"RandomUniform": {"minval": -1, "maxval": 1}}),
        ("regularizers", {"L2": 1e-4}),
        ("constraints", {"MaxNorm": 2}),
    ],
)
def test_every_namespace_makes_its_objects(namespace, written):
    call = parse_call(namespace, written)
    assert type(make(call)).__name__ == call.name


def test_objects_nest():
    layer = make(
        parse_call(
            "layers",
            {
                "Dense": {
                    "units": 3,
                    "kernel_initializer": "he_normal",
                    "kernel_regularizer": {"L1L2": {"l1": 0.1}},
                    "activation": {"LeakyReLU": 0.001},
                }
            },
        )
    )
    assert type(layer.kernel_initializer).__name__ == "HeNormal"
    assert float(layer.kernel_regularizer.l1) == pytest.approx(0.1)
    assert layer.activation.negative_slope == pytest.approx(0.001)


def test_what_only_keras_knows_to_be_wrong_is_one_error_in_its_words():
    call = parse_call("layers", {"Conv2D": {"filters": 5, "kernel_size": 3, "groups": 2}})
    with pytest.raises(ConfigError, match=r"Keras refuses Conv2D with these arguments: .*groups"):
        make(call)


GRAPH_ERROR = """Graph execution error:

Detected at node compile_loss/SparseSoftmaxCrossEntropy defined at (most recent call last):
  File "train.py", line 5, in <module>

  File "keras/src/utils/traceback_utils.py", line 117, in error_handler

Received a label value of 7 which is outside the valid range of [0, 3).  Label values: 7 7 7
\t [[{{node compile_loss/SparseSoftmaxCrossEntropyWithLogits}}]] [Op:__inference_multi_step_1]"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GRAPH_ERROR, "Received a label value of 7 which is outside the valid range of [0, 3)."),
        (
            "Exception encountered when calling Dense.call().\n\n\x1b[1mIt is too wide.\x1b[0m\n\n"
            "Arguments received by Dense.call(): inputs",
            "It is too wide.",
        ),
        (
            "{{function_node __wrapped__AddV2_device_/job:localhost}} Incompatible shapes: "
            "[1,3] vs. [4,4] [Op:AddV2] name: ",
            "Incompatible shapes: [1,3] vs. [4,4]",
        ),
        ("\n two words\nmore", "two words"),
        ("Graph execution error:\n\n", "Graph execution error:"),
        ("", "RuntimeError"),
    ],
)
def test_the_first_line_of_an_error_tells_the_cause(text, line):
    assert first_line(RuntimeError(text)).startswith(line)
