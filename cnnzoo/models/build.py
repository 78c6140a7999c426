"""Build a plain `keras.Sequential` from a resolved architecture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cnnzoo import limits
from cnnzoo.architecture.arithmetic import Shape
from cnnzoo.architecture.facts import Facts
from cnnzoo.architecture.layers import Architecture, Layer, walk
from cnnzoo.architecture.names import MERGE_LAYERS, given_names, namer
from cnnzoo.architecture.resolve import resolve
from cnnzoo.architecture.trained import has_trained_weights, trained_layers
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import APPLICATIONS, ATTENTION, TRAINED
from cnnzoo.config.schema import ModelConfig
from cnnzoo.errors import CnnzooError, ConfigError
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line, make
from cnnzoo.models.pending import pending_variables, recorded
from cnnzoo.models.pretrained import load_trained, make_application


def build_model(model: ModelConfig, *, classes: int | None = None, name: str = "model") -> Any:
    """Build the `keras.Sequential` of a configuration.

    Its input is float or uint8 [batch, height, width, channels] with pixel values 0 to 255, its
    output the class probabilities float32 [batch, classes], or [batch, 1] for one sigmoid unit.
    `classes` is the value of `$classes`; by default the `classes` of the configuration.
    """
    return build_architecture(resolve(model, classes or model.classes, measure), name)


def build_architecture(
    architecture: Architecture,
    name: str = "model",
    policy: str = "float32",
    *,
    pretrained: bool = True,
) -> Any:
    """Build the `keras.Sequential` of a resolved architecture; layer names are deterministic.

    `policy` is the Keras dtype policy of its layers. The head (everything from the last layer with
    weights on) always computes in float32, because probabilities and their loss need that
    precision. Without `pretrained`, networks of keras.applications get random weights too, for
    callers that overwrite all weights.

    Raises ConfigError if the architecture exceeds the limits of `cnnzoo.limits`, or if pretrained
    weights are not available.
    """
    check_memory(architecture)
    keras = load_keras()
    name_of = namer(given_names(architecture.layers))
    inputs = keras.Input(architecture.input_shape, name=name_of("InputLayer"))
    weighted = [n for n, layer in enumerate(architecture.layers) if layer.parameters]
    head = weighted[-1] if weighted else 0
    layers = [
        _make_layer(layer, name_of, policy if number < head else "float32", pretrained)
        for number, layer in enumerate(architecture.layers)
    ]
    return keras.Sequential([inputs, *layers], name=name)


def check_memory(architecture: Architecture) -> None:
    """Raise ConfigError if a network is too large for any machine (`cnnzoo.limits`)."""
    if architecture.parameters > limits.PARAMETERS:
        largest = max(architecture.layers, key=lambda layer: layer.parameters)
        raise ConfigError(
            f"the model has {architecture.parameters:,} parameters; the limit is "
            f"{limits.PARAMETERS:,}",
            place=largest.place,
            hint=f"this {largest.name} alone has {largest.parameters:,}",
        )
    for layer in walk(architecture.layers):
        if (size := 4 * math.prod(layer.output_shape)) > limits.ACTIVATION_BYTES:
            raise ConfigError(
                f"the output of {layer.name} takes {limits.size_text(size)} for one image; the "
                f"limit is {limits.size_text(limits.ACTIVATION_BYTES)}",
                place=layer.place,
            )


def measure(call: Call, input_shape: Shape) -> Facts:
    """Return the facts of a layer that no rule of `cnnzoo.architecture` covers, from Keras.

    Keras computes the layer on an array, because for a symbolic input it accepts shapes that do not
    fit; a large layer is not computed. Raises ConfigError if the layer does not fit its input.
    """
    if call.name in APPLICATIONS:
        return _measure_application(call, input_shape)
    keras = load_keras()
    try:
        with pending_variables():
            layer = make(call)
            output = layer(keras.Input(batch_shape=(1, *input_shape)))
            sizes = [variable.shape for variable in recorded()]
            needed = 4 * sum(map(_values, [input_shape, output.shape, *sizes]))
            if needed <= limits.SMALL_BYTES:
                output = layer(keras.ops.zeros((1, *input_shape)))
            elif None in output.shape:
                raise ConfigError(
                    f"{call.name} takes {limits.size_text(needed)} or more for one image, and "
                    "Keras does not know the shape of its output without computing it",
                    place=call.place,
                )
            return _measured(tuple(output.shape[1:]), layer)
    except CnnzooError:
        raise
    except Exception as error:  # each backend has different errors
        raise ConfigError(
            f"{call.name} does not fit its input {input_shape}: {first_line(error)}",
            place=call.place,
        ) from error


def _values(shape: tuple[int | None, ...]) -> int:
    """Return the least number of values of an array of this shape."""
    return math.prod(size or 1 for size in shape)


def _measure_application(call: Call, input_shape: Shape) -> Facts:
    """Return the facts of a network; pretrained weights, which may be downloaded, are omitted."""
    arguments = {key: value for key, value in call.arguments.items() if key != "weights"}
    with pending_variables():
        model = make_application(replace(call, arguments=arguments), input_shape, "measured")
        return _measured(tuple(model.output_shape[1:]), model)


def _measured(shape: Shape, layer: Any) -> Facts:
    return Facts(
        shape,
        trainable=_size(layer.trainable_weights),
        non_trainable=_size(layer.non_trainable_weights),
    )


def _size(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _make_layer(layer: Layer, name_of: Callable[[str], str], policy: str, pretrained: bool) -> Any:
    if layer.name in APPLICATIONS:
        # Like most names in Keras: resnet50, not res_net50.
        own_name = layer.arguments.get("name") or name_of(layer.name.lower())
        call = Call("layers", layer.name, layer.arguments, layer.place)
        return make_application(
            call, layer.input_shape, own_name, policy=policy, pretrained=pretrained
        )
    own_name = layer.arguments.get("name") or name_of(layer.name)
    if layer.name in TRAINED:
        return _make_trained(layer, own_name, policy, pretrained)
    if layer.branches:
        return _make_composite(layer, own_name, name_of, policy, pretrained)
    arguments = {name: _under(policy, value) for name, value in layer.arguments.items()}
    arguments = {"dtype": policy, **arguments, "name": own_name}
    made = make(Call("layers", layer.name, arguments, layer.place))
    return _attending(made, layer, name_of, policy) if layer.name in ATTENTION else made


def _make_trained(layer: Layer, own_name: str, policy: str, pretrained: bool) -> Any:
    """Build a trained network without its head as a functional model, with the names it has."""
    keras = load_keras()
    inner = trained_layers(layer.name, layer.arguments, layer.input_shape, resolve)
    name_of = namer(given_names(inner))
    inputs = _input(layer, name_of, policy)
    made = [_make_layer(each, name_of, policy, pretrained) for each in inner]
    tensor = inputs
    for each in made:
        tensor = each(tensor)
    model = keras.Model(inputs, tensor, name=own_name)
    if pretrained and has_trained_weights(layer.arguments):
        load_trained(layer.name, made)
    model.trainable = layer.arguments.get("trainable", True)
    return model


def _attending(attention: Any, layer: Layer, name_of: Callable[[str], str], policy: str) -> Any:
    """Return a functional model of one attention layer: query, key and value are its input."""
    keras = load_keras()
    inputs = _input(layer, name_of, policy)
    outputs = attend(attention, inputs)
    return keras.Model(inputs, outputs, name=name_of(f"Self{layer.name}"))


def attend(attention: Any, tensor: Any) -> Any:
    """Apply an attention layer of Keras from a tensor to itself."""
    if hasattr(attention, "num_heads") or hasattr(attention, "num_query_heads"):
        return attention(tensor, tensor)
    return attention([tensor, tensor])


def _input(layer: Layer, name_of: Callable[[str], str], policy: str) -> Any:
    """Return the input of a functional model, which converts every input to its dtype."""
    keras = load_keras()
    dtype = keras.DTypePolicy(policy).compute_dtype
    return keras.Input(layer.input_shape, dtype=dtype, name=name_of("InputLayer"))


def _under(policy: str, argument: Any) -> Any:
    """Build an argument of a layer, which may be a layer itself, such as an activation."""
    if isinstance(argument, Call) and argument.namespace == "layers":
        return replace(argument, arguments={"dtype": policy, **argument.arguments})
    return argument


def _make_composite(
    layer: Layer, own_name: str, name_of: Callable[[str], str], policy: str, pretrained: bool
) -> Any:
    """Build a composite as a functional model of plain Keras layers."""
    keras = load_keras()
    inputs = _input(layer, name_of, policy)
    outputs = []
    for branch in layer.branches:
        tensor = inputs
        for inner in branch:
            tensor = _make_layer(inner, name_of, policy, pretrained)(tensor)
        outputs.append(tensor)
    merge = MERGE_LAYERS[layer.arguments.get("merge", "add")]
    merged = getattr(keras.layers, merge)(name=name_of(merge), dtype=policy)(outputs)
    return keras.Model(inputs, merged, name=own_name)
