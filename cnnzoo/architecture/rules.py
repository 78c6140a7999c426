"""Rules of Keras layers without Keras: output shape, parameters, MACs and window.

A new layer needs one function from (arguments, input shape) to Facts, one line in RULES,
and one example in tests/architecture/test_rules.py, which compares it with Keras itself. Images are
channels-last and shapes have no batch axis.
"""

from __future__ import annotations

import math
from dataclasses import replace

from cnnzoo.architecture import convolutions, sequences, shaping
from cnnzoo.architecture.arguments import Arguments, axes, axis_sizes, image, number
from cnnzoo.architecture.arithmetic import DoesNotFit, Shape, merge_shapes, shape_text
from cnnzoo.architecture.facts import Facts, Rule

__all__ = [
    "RULES",
    "Arguments",
    "DoesNotFit",
    "Facts",
    "Rule",
    "Shape",
    "layer_facts",
    "merge_shapes",
]


def layer_facts(name: str, arguments: Arguments, input_shape: Shape) -> Facts | None:
    """Return the facts of `keras.layers.<name>(**arguments)` on an input of this shape.

    Returns None if no rule covers the class or these arguments; then Keras must measure them.

    Raises:
        DoesNotFit: Keras would fail on this input, or the output would have no values.

    """
    rule = RULES.get(name)
    if rule is None or not _is_covered(name, arguments):
        return None
    try:
        facts = rule(arguments, input_shape)
    except DoesNotFit as problem:
        raise DoesNotFit(f"{name} {problem}", problem.hint) from None
    if arguments.get("trainable", True):
        return facts
    return replace(facts, trainable=0, non_trainable=facts.trainable + facts.non_trainable)


# Layers with rules for both data formats.
_ANY_DATA_FORMAT = (
    "Cropping2D",
    "GlobalAveragePooling1D",
    "GlobalMaxPooling1D",
    "ZeroPadding2D",
)


def _is_covered(name: str, arguments: Arguments) -> bool:
    """Return whether the rules know the effect of all arguments on shape and weights.

    LoRA and quantisation (a dtype such as `int8_from_float32`) change the weights.
    """
    dtype = arguments.get("dtype")
    return (
        (name in _ANY_DATA_FORMAT or arguments.get("data_format") in (None, "channels_last"))
        and not arguments.get("lora_rank")
        and not arguments.get("quantization_config")
        and arguments.get("interpolation") != "area"  # only TensorFlow has it
        and (dtype is None or (isinstance(dtype, str) and "_from_" not in dtype))
    )


def _scale_and_centre(arguments: Arguments) -> int:
    return bool(arguments.get("scale", True)) + bool(arguments.get("center", True))


def _batch_normalization(arguments: Arguments, shape: Shape) -> Facts:
    features = math.prod(axis_sizes(arguments, shape))
    statistics = 5 if arguments.get("renorm") else 2
    return Facts(
        shape,
        trainable=features * _scale_and_centre(arguments),
        non_trainable=features * statistics,
    )


def _layer_normalization(arguments: Arguments, shape: Shape) -> Facts:
    weights = _scale_and_centre(arguments)
    if not weights:
        return _along_axis(arguments, shape)
    return Facts(shape, trainable=weights * math.prod(axis_sizes(arguments, shape)))


def _group_normalization(arguments: Arguments, shape: Shape) -> Facts:
    features = math.prod(axis_sizes(arguments, shape))
    groups = arguments.get("groups", 32)
    if groups != -1:  # -1 is instance normalisation: each channel is a group
        convolutions.refuse_uneven_groups(number(arguments, "groups", 32), features, "channels")
    return Facts(shape, trainable=features * _scale_and_centre(arguments))


def _rms_normalization(arguments: Arguments, shape: Shape) -> Facts:
    return Facts(shape, trainable=math.prod(axis_sizes(arguments, shape)))


def _normalization(arguments: Arguments, shape: Shape) -> Facts:
    """Return the facts of Normalization: mean, variance and a count, unless they are given."""
    features = math.prod(axis_sizes(arguments, shape))
    return Facts(shape, non_trainable=2 * features + 1 if arguments.get("mean") is None else 0)


def _unchanged(arguments: Arguments, shape: Shape) -> Facts:
    return Facts(shape)


def _along_axis(arguments: Arguments, shape: Shape) -> Facts:
    axes(arguments, shape)
    return Facts(shape)


def _unchanged_image(arguments: Arguments, shape: Shape) -> Facts:
    image(shape)
    return Facts(shape)


def _coloured_image(*channels: int) -> Rule:
    """Make the rule of a layer that needs a certain number of channels."""
    wanted = " or ".join(map(str, channels))

    def rule(arguments: Arguments, shape: Shape) -> Facts:
        if image(shape)[2] not in channels:
            raise DoesNotFit(
                f"needs images of {wanted} channels, but its input is {shape_text(shape)}",
                "remove it: it changes colours",
            )
        return Facts(shape)

    return rule


def _colour_jitter(arguments: Arguments, shape: Shape) -> Facts:
    """Require colours for saturation and hue; brightness and contrast fit any image."""
    factors = (arguments.get("saturation_factor"), arguments.get("hue_factor"))
    coloured = any(factor is not None for factor in factors)
    return (_coloured_image(3) if coloured else _unchanged_image)(arguments, shape)


def _prelu(arguments: Arguments, shape: Shape) -> Facts:
    shared = arguments.get("shared_axes")
    sizes = list(shape)
    for axis in [shared] if isinstance(shared, int) else shared or ():
        if not -len(shape) < axis <= len(shape):
            raise DoesNotFit(
                f"shared axis {axis} does not exist in its input of {shape_text(shape)}",
                "axes count from 1: height is 1, width is 2",
            )
        sizes[axis - 1] = 1
    return Facts(shape, trainable=math.prod(sizes))


RULES: dict[str, Rule] = {
    # convolutions and dense layers
    "Conv2D": convolutions.convolution,
    "Conv2DTranspose": convolutions.transposed_convolution,
    "DepthwiseConv2D": convolutions.depthwise_convolution,
    "SeparableConv2D": convolutions.separable_convolution,
    "Dense": convolutions.dense,
    # poolings
    "AveragePooling2D": shaping.pooling,
    "MaxPooling2D": shaping.pooling,
    "GlobalAveragePooling2D": shaping.global_pooling,
    "GlobalMaxPooling2D": shaping.global_pooling,
    "AdaptiveAveragePooling2D": shaping.adaptive_pooling,
    "AdaptiveMaxPooling2D": shaping.adaptive_pooling,
    # sequences
    "AdditiveAttention": sequences.additive_attention,
    "Attention": sequences.attention,
    "GroupQueryAttention": sequences.group_query_attention,
    "MultiHeadAttention": sequences.multi_head_attention,
    "EinsumDense": sequences.einsum_dense,
    "AveragePooling1D": sequences.pooling,
    "MaxPooling1D": sequences.pooling,
    "GlobalAveragePooling1D": sequences.global_pooling,
    "GlobalMaxPooling1D": sequences.global_pooling,
    "Cropping1D": sequences.cropping,
    "UpSampling1D": sequences.upsampling,
    "ZeroPadding1D": sequences.zero_padding,
    # sizes and shapes
    "ZeroPadding2D": shaping.zero_padding,
    "Cropping2D": shaping.cropping,
    "UpSampling2D": shaping.upsampling,
    "Resizing": shaping.resizing,
    "CenterCrop": shaping.crop,
    "RandomCrop": shaping.crop,
    "Flatten": shaping.flatten,
    "Reshape": shaping.reshape,
    "Permute": shaping.permute,
    "RepeatVector": shaping.repeat_vector,
    # normalisations
    "BatchNormalization": _batch_normalization,
    "LayerNormalization": _layer_normalization,
    "GroupNormalization": _group_normalization,
    "RMSNormalization": _rms_normalization,
    "UnitNormalization": _along_axis,
    "Normalization": _normalization,
    "Rescaling": _unchanged,
    # activations
    "Activation": _unchanged,
    "ReLU": _unchanged,
    "LeakyReLU": _unchanged,
    "ELU": _unchanged,
    "PReLU": _prelu,
    "Softmax": _along_axis,
    # regularisation
    "Dropout": _unchanged,
    "SpatialDropout2D": _unchanged_image,
    "AlphaDropout": _unchanged,
    "GaussianDropout": _unchanged,
    "GaussianNoise": _unchanged,
    "ActivityRegularization": _unchanged,
    "Identity": _unchanged,
    "Masking": _unchanged,
    # augmentation
    "AugMix": _coloured_image(1, 3),
    "AutoContrast": _unchanged_image,
    "ContrastLimitedAdaptiveHistogramEqualization": _unchanged_image,
    "CutMix": _unchanged_image,
    "Equalization": _unchanged_image,
    "MixUp": _unchanged_image,
    "RandAugment": _coloured_image(1, 3),
    "RandomBrightness": _unchanged_image,
    "RandomColorDegeneration": _coloured_image(3),
    "RandomColorJitter": _colour_jitter,
    "RandomContrast": _unchanged_image,
    "RandomElasticTransform": _unchanged_image,
    "RandomErasing": _unchanged_image,
    "RandomFlip": _unchanged_image,
    "RandomGaussianBlur": _unchanged_image,
    "RandomGrayscale": _coloured_image(1, 3),
    "RandomHue": _coloured_image(3),
    "RandomInvert": _unchanged_image,
    "RandomPerspective": _unchanged_image,
    "RandomPosterization": _unchanged_image,
    "RandomRotation": _unchanged_image,
    "RandomSaturation": _coloured_image(3),
    "RandomSharpness": _unchanged_image,
    "RandomShear": _unchanged_image,
    "RandomTranslation": _unchanged_image,
    "RandomZoom": _unchanged_image,
    "Solarization": _unchanged_image,
}
