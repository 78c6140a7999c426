"""Facts of keras.applications networks that the zoo also has as layers, computed without Keras.

The zoo's config of the same architecture is resolved on the same input, up to its head;
`scripts/zoo-equality` shows that the two are equal. Keras measures the other networks.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import cast

from cnnzoo.architecture.arguments import Arguments, image
from cnnzoo.architecture.arithmetic import DoesNotFit, Shape, shape_text
from cnnzoo.architecture.facts import Facts, Stride
from cnnzoo.architecture.layers import Architecture
from cnnzoo.config.composites import APPLICATIONS
from cnnzoo.config.loader import load_config
from cnnzoo.config.schema import ModelConfig

IMAGENET = "imagenet"

# The smallest height and width that Keras takes.
MIN_SIZE = {
    **dict.fromkeys(APPLICATIONS, 32),
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "Xception": 71,
}

# Values of `alpha` with ImageNet weights, for which the zoo is known to be equal.
_ALPHAS = {
    "MobileNet": (0.25, 0.5, 0.75, 1.0),
    "MobileNetV2": (0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
    "MobileNetV3Large": (0.75, 1.0),
    "MobileNetV3Small": (0.75, 1.0),
}

# The zoo config of the same network.
_IN_ZOO = {
    "DenseNet121": "densenet121",
    "DenseNet169": "densenet169",
    "DenseNet201": "densenet201",
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "ResNet50": "resnet50",
    "ResNet101": "resnet101",
    "ResNet152": "resnet152",
    "ResNet50V2": "resnet50_v2",
    "VGG16": "vgg16",
    "VGG19": "vgg19",
}
# Arguments that are handled below, or that do not change the layers.
_KNOWN = {"alpha", "include_top", "name", "pooling", "trainable", "weights"}
_HEADS = ("Flatten", "GlobalAveragePooling2D")


def application_facts(
    name: str,
    arguments: Arguments,
    shape: Shape,
    resolve: Callable[[ModelConfig, int | None], Architecture],
) -> Facts | None:
    """Return the facts of a keras.applications network on an input of this shape, without its head.

    Returns None if only Keras knows them. Raises DoesNotFit if Keras would refuse the input.
    """
    try:
        _refuse(name, arguments, shape)
    except DoesNotFit as problem:
        raise DoesNotFit(f"{name} {problem}", problem.hint) from None
    if name not in _IN_ZOO or shape[2] != 3 or not arguments.keys() <= _KNOWN:
        return None
    if name == "MobileNet" and any(size % 32 for size in shape[:2]):
        return None  # Keras does not pad odd sizes like `padding: same`
    words = [f"model.input_shape={list(shape)}"]
    if "alpha" in arguments:
        if arguments["alpha"] not in _ALPHAS[name]:
            return None
        words.append(f"model.params.alpha={arguments['alpha']}")
    config = load_config(_IN_ZOO[name], words)
    resolved = resolve(config.model, config.model.classes).layers
    layers = list(takewhile(lambda layer: layer.name not in _HEADS, resolved))
    last = layers[-1]
    pooled = arguments.get("pooling") is not None
    parameters = sum(layer.parameters for layer in layers)
    trainable = sum(layer.trainable for layer in layers) if arguments.get("trainable", True) else 0
    return Facts(
        last.output_shape[-1:] if pooled else last.output_shape,
        trainable,
        parameters - trainable,
        sum(layer.macs for layer in layers),
        None if pooled else last.receptive_field.size,
        cast(tuple[Stride, Stride], last.receptive_field.stride),
    )


def _refuse(name: str, arguments: Arguments, shape: Shape) -> None:
    height, width, channels = image(shape)
    least = MIN_SIZE[name]
    if min(height, width) < least:
        raise DoesNotFit(
            f"needs images of at least {least}x{least}, but its input is {shape_text(shape)}",
            f"set model.input_shape to [{max(height, least)}, {max(width, least)}, {channels}] or "
            "more; the images are then enlarged",
        )
    if arguments.get("weights") != IMAGENET:
        return
    alpha, alphas = arguments.get("alpha", 1.0), _ALPHAS.get(name, (1.0,))
    if alpha not in alphas:
        raise DoesNotFit(
            f"with ImageNet weights needs alpha to be one of {', '.join(map(str, alphas))}, but "
            f"it is {alpha}"
        )
    if channels != 3:
        raise DoesNotFit(
            f"with ImageNet weights needs 3 channels, but its input is {shape_text(shape)}",
            f"set model.input_shape to [{height}, {width}, 3]; grey images then become RGB",
        )
