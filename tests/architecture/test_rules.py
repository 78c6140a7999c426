"""The shape rules, compared with Keras itself on arguments and inputs that hypothesis draws."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Mapping
from fractions import Fraction
from inspect import signature
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnzoo.architecture.arithmetic import adaptive_window, output_size, same_size
from cnnzoo.architecture.rules import RULES, DoesNotFit, Facts, layer_facts, merge_shapes
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import ATTENTION
from cnnzoo.models.build import attend

np = pytest.importorskip("numpy")
keras = pytest.importorskip("keras")

Shape = tuple[int, ...]
Drawn = st.SearchStrategy[Any]


def up_to(largest: int, least: int = 1) -> Drawn:
    return st.integers(least, largest)


def pairs(numbers: Drawn) -> Drawn:
    """One number, or two in either of the forms that YAML and Python give."""
    two = st.tuples(numbers, numbers)
    return numbers | two | two.map(list)


def arguments(required: Mapping[str, Drawn] | None = None, /, **optional: Drawn) -> Drawn:
    return st.fixed_dictionaries(dict(required or {}), optional=optional)


IMAGES = st.tuples(up_to(9), up_to(9), up_to(6))
FLAT = st.tuples(up_to(12))
ANY = IMAGES | FLAT | st.tuples(up_to(6), up_to(6))
MOSTLY_IMAGES = st.one_of(IMAGES, IMAGES, IMAGES, FLAT)
BOOLS = st.booleans()
PADDING = st.sampled_from(["valid", "same"])
AXIS = up_to(4, -5)
AXES = AXIS | st.lists(st.sampled_from([1, 2, 3, -1]), min_size=1, max_size=2, unique=True)
BORDERS = pairs(up_to(3, 0)) | st.tuples(*[st.tuples(up_to(4, 0), up_to(4, 0))] * 2)
DATA_FORMAT = st.sampled_from(["channels_last", "channels_first"])
INTERPOLATION = st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
SIZE = {"height": up_to(12), "width": up_to(12)}
HALF = st.just(0.5)
FACTOR = arguments({"factor": HALF})

WINDOW = {
    "strides": pairs(up_to(3)),
    "padding": PADDING | st.just("SAME"),
    "dilation_rate": pairs(up_to(2)),
    "use_bias": BOOLS,
    "trainable": BOOLS,
}
FILTERED = {"filters": up_to(6, 0), "kernel_size": pairs(up_to(4))}
CONVOLUTION = arguments(FILTERED, groups=up_to(3), **WINDOW)
DEPTHWISE = {"depth_multiplier": up_to(3), **WINDOW}
SEPARABLE = arguments(FILTERED, **DEPTHWISE)
TRANSPOSED = arguments(FILTERED, output_padding=st.none() | pairs(up_to(2, 0)), **WINDOW)
POOLING = arguments(
    {"pool_size": pairs(up_to(4))}, strides=st.none() | pairs(up_to(3)), padding=PADDING
)
GLOBAL_POOLING = arguments(keepdims=BOOLS)
ADAPTIVE = arguments({"output_size": pairs(up_to(5, 2))})
SCALED = {"scale": BOOLS, "center": BOOLS, "trainable": BOOLS}
NOTHING = arguments()

SEQUENCES = st.tuples(up_to(6), up_to(6))
MOSTLY_SEQUENCES = st.one_of(SEQUENCES, SEQUENCES, IMAGES, FLAT)
ENDS = up_to(3, 0) | st.tuples(up_to(3, 0), up_to(3, 0)).map(list)
POOLING_1D = arguments({"pool_size": up_to(4)}, strides=st.none() | up_to(3), padding=PADDING)
GLOBAL_1D = arguments(keepdims=BOOLS, data_format=DATA_FORMAT)
ATTENDING = {"use_bias": BOOLS, "use_gate": BOOLS, "trainable": BOOLS}
EINSUMS = st.sampled_from(
    [
        {"equation": "abc,cd->abd", "output_shape": [None, 4]},
        {"equation": "abc,cd->abd", "output_shape": [3, 4], "bias_axes": "bd"},
        {"equation": "abc,cd->adb", "output_shape": [4, None], "bias_axes": "d"},
        {"equation": "...c,cd->...d", "output_shape": [4], "bias_axes": "d"},
        {"equation": "abc,cde->abde", "output_shape": [None, 2, 3], "bias_axes": "de"},
        {"equation": "abcd,de->abce", "output_shape": [None, None, 5]},
        {"equation": "ab...,bc->ac...", "output_shape": [4], "bias_axes": "c"},
    ]
)

# For each layer what arguments and what inputs to draw; both may be such that Keras refuses them.
LAYERS: dict[str, tuple[Drawn, Drawn]] = {
    "Conv2D": (CONVOLUTION, MOSTLY_IMAGES),
    "Conv2DTranspose": (TRANSPOSED, MOSTLY_IMAGES),
    "DepthwiseConv2D": (
        arguments({"kernel_size": pairs(up_to(4))}, **DEPTHWISE),
        MOSTLY_IMAGES,
    ),
    "SeparableConv2D": (SEPARABLE, MOSTLY_IMAGES),
    "Dense": (arguments({"units": up_to(5, 0)}, use_bias=BOOLS, trainable=BOOLS), ANY),
    "AveragePooling2D": (POOLING, MOSTLY_IMAGES),
    "MaxPooling2D": (POOLING | arguments(padding=PADDING), MOSTLY_IMAGES),
    "GlobalAveragePooling2D": (GLOBAL_POOLING, MOSTLY_IMAGES),
    "GlobalMaxPooling2D": (GLOBAL_POOLING, MOSTLY_IMAGES),
    "AdaptiveAveragePooling2D": (ADAPTIVE, st.tuples(up_to(9, 2), up_to(9, 2), up_to(6)) | FLAT),
    "AdaptiveMaxPooling2D": (ADAPTIVE, st.tuples(up_to(9, 2), up_to(9, 2), up_to(6)) | FLAT),
    "AdditiveAttention": (arguments(use_scale=BOOLS), SEQUENCES),
    "Attention": (
        arguments(use_scale=BOOLS, score_mode=st.sampled_from(["dot", "concat"])),
        SEQUENCES,
    ),
    "GroupQueryAttention": (
        arguments(
            {
                "head_dim": up_to(4),
                "num_query_heads": up_to(4),
                "num_key_value_heads": up_to(3),
            },
            **ATTENDING,
        ),
        SEQUENCES,
    ),
    "MultiHeadAttention": (
        arguments(
            {"num_heads": up_to(3), "key_dim": up_to(4)},
            value_dim=st.none() | up_to(3),
            output_shape=st.none() | st.tuples(up_to(5)).map(list),
            **ATTENDING,
        ),
        SEQUENCES | st.tuples(up_to(4), up_to(4), up_to(4)),
    ),
    "EinsumDense": (EINSUMS, st.tuples(up_to(6, 2), up_to(6, 2))),
    "AveragePooling1D": (POOLING_1D, MOSTLY_SEQUENCES),
    "MaxPooling1D": (POOLING_1D, MOSTLY_SEQUENCES),
    "GlobalAveragePooling1D": (GLOBAL_1D, MOSTLY_SEQUENCES),
    "GlobalMaxPooling1D": (GLOBAL_1D, MOSTLY_SEQUENCES),
    "Cropping1D": (arguments(cropping=ENDS), MOSTLY_SEQUENCES),
    "UpSampling1D": (arguments(size=st.integers(1, 3)), MOSTLY_SEQUENCES),
    "ZeroPadding1D": (arguments(padding=ENDS), MOSTLY_SEQUENCES),
    "ZeroPadding2D": (arguments(padding=BORDERS, data_format=DATA_FORMAT), MOSTLY_IMAGES),
    "Cropping2D": (arguments(cropping=BORDERS, data_format=DATA_FORMAT), MOSTLY_IMAGES),
    "UpSampling2D": (
        arguments(size=pairs(up_to(3)), interpolation=INTERPOLATION | st.just("Bilinear")),
        MOSTLY_IMAGES,
    ),
    "Resizing": (
        arguments(
            SIZE,
            interpolation=INTERPOLATION | st.just("cubic"),
            crop_to_aspect_ratio=BOOLS,
            antialias=BOOLS,
        ),
        MOSTLY_IMAGES,
    ),
    "CenterCrop": (arguments(SIZE), MOSTLY_IMAGES),
    "RandomCrop": (arguments(SIZE), MOSTLY_IMAGES),
    "Flatten": (NOTHING, ANY | st.just(())),
    "Reshape": (
        arguments({"target_shape": st.lists(up_to(6, -2), min_size=1, max_size=3)}),
        st.tuples(up_to(4), up_to(4), up_to(4)) | FLAT,
    ),
    "Permute": (
        arguments({"dims": st.permutations([1, 2, 3]) | st.permutations([1, 2])}),
        ANY,
    ),
    "RepeatVector": (arguments({"n": up_to(5)}), FLAT | IMAGES),
    "BatchNormalization": (arguments(axis=AXIS, renorm=BOOLS, **SCALED), ANY),
    "LayerNormalization": (arguments(axis=AXES, **SCALED), IMAGES),
    "GroupNormalization": (arguments(groups=up_to(4) | st.just(-1), axis=AXIS, **SCALED), ANY),
    "RMSNormalization": (arguments(axis=AXES, trainable=BOOLS), IMAGES),
    "UnitNormalization": (arguments(axis=AXES), ANY),
    "Normalization": (
        arguments(axis=st.none() | AXES) | st.just({"mean": 0.5, "variance": 0.25}),
        IMAGES,
    ),
    "Rescaling": (arguments({"scale": HALF}), ANY),
    "Activation": (arguments({"activation": st.sampled_from(["relu", "softmax"])}), ANY),
    "ReLU": (arguments(max_value=st.just(6.0)), ANY),
    "LeakyReLU": (NOTHING, ANY),
    "ELU": (NOTHING, ANY),
    "PReLU": (
        arguments(shared_axes=st.none() | AXIS | st.lists(up_to(3), max_size=3), trainable=BOOLS),
        ANY,
    ),
    "Softmax": (arguments(axis=AXES), ANY),
    "Dropout": (arguments({"rate": HALF}), ANY),
    "SpatialDropout2D": (arguments({"rate": HALF}), MOSTLY_IMAGES),
    "AlphaDropout": (arguments({"rate": HALF}), ANY),
    "GaussianDropout": (arguments({"rate": HALF}), ANY),
    "GaussianNoise": (arguments({"stddev": HALF}), ANY),
    "ActivityRegularization": (arguments(l2=HALF), ANY),
    "Identity": (NOTHING, ANY),
    "Masking": (NOTHING, ANY),
    "AugMix": (NOTHING, MOSTLY_IMAGES),
    "AutoContrast": (NOTHING, MOSTLY_IMAGES),
    "ContrastLimitedAdaptiveHistogramEqualization": (NOTHING, MOSTLY_IMAGES),
    "CutMix": (NOTHING, MOSTLY_IMAGES),
    "Equalization": (NOTHING, MOSTLY_IMAGES),
    "MixUp": (NOTHING, MOSTLY_IMAGES),
    "RandAugment": (NOTHING, MOSTLY_IMAGES),
    "RandomBrightness": (FACTOR, MOSTLY_IMAGES),
    "RandomColorDegeneration": (FACTOR, MOSTLY_IMAGES),
    "RandomColorJitter": (
        arguments(brightness_factor=HALF, contrast_factor=HALF)
        | arguments({"hue_factor": HALF}, saturation_factor=HALF),
        MOSTLY_IMAGES,
    ),
    "RandomContrast": (FACTOR, MOSTLY_IMAGES),
    "RandomElasticTransform": (NOTHING, MOSTLY_IMAGES),
    "RandomErasing": (NOTHING, MOSTLY_IMAGES),
    "RandomFlip": (NOTHING, MOSTLY_IMAGES),
    "RandomGaussianBlur": (NOTHING, MOSTLY_IMAGES),
    "RandomGrayscale": (NOTHING, MOSTLY_IMAGES),
    "RandomHue": (FACTOR, MOSTLY_IMAGES),
    "RandomInvert": (NOTHING, MOSTLY_IMAGES),
    "RandomPerspective": (NOTHING, MOSTLY_IMAGES),
    "RandomPosterization": (arguments({"factor": st.just(4)}), MOSTLY_IMAGES),
    "RandomRotation": (FACTOR, MOSTLY_IMAGES),
    "RandomSaturation": (FACTOR, MOSTLY_IMAGES),
    "RandomSharpness": (FACTOR, MOSTLY_IMAGES),
    "RandomShear": (arguments(x_factor=HALF), MOSTLY_IMAGES),
    "RandomTranslation": (arguments({"height_factor": HALF, "width_factor": HALF}), MOSTLY_IMAGES),
    "RandomZoom": (arguments({"height_factor": HALF}), MOSTLY_IMAGES),
    "Solarization": (NOTHING, MOSTLY_IMAGES),
}


def measured(name: str, arguments: dict[str, Any], shape: Shape) -> tuple[Shape, int, int] | None:
    """Keras' own output shape and parameters, or None where Keras fails or nothing is left."""
    try:
        layer = getattr(keras.layers, name)(**arguments)
        if name in ATTENTION:
            output = tuple(attend(layer, keras.Input(shape)).shape)
        elif name == "EinsumDense":  # a symbolic output may have open sizes
            output = (None, *layer(np.zeros((2, *shape), "float32")).shape[1:])
        else:
            output = tuple(layer(keras.Input(shape)).shape)
            assert output == tuple(layer.compute_output_shape((None, *shape)))
    except AssertionError:
        raise
    except Exception:  # Keras refuses by whatever its arithmetic happens to raise
        return None
    if 0 in output or min(output[1:], default=1) < 0:
        return None
    return output[1:], parameters(layer.trainable_weights), parameters(layer.non_trainable_weights)


def parameters(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def fails_on_data(name: str, arguments: dict[str, Any], shape: Shape) -> bool:
    """Whether Keras fails once there are data: many layers do not look at a symbolic input."""
    layer = getattr(keras.layers, name)(**arguments)
    images = np.zeros((2, *shape), "float32")
    training = {"training": True} if "training" in signature(layer.call).parameters else {}
    try:
        if name in ATTENTION:
            attend(layer, images)
        else:
            layer(images, **training)
    except Exception:
        return True
    return False


def assert_agrees(name: str, arguments: dict[str, Any], shape: Shape) -> None:
    expected = measured(name, arguments, shape)
    try:
        facts = layer_facts(name, arguments, shape)
    except DoesNotFit:
        assert expected is None or fails_on_data(name, arguments, shape)
    else:
        assert facts is not None
        assert (facts.output_shape, facts.trainable, facts.non_trainable) == expected


def facts_of(name: str, shape: Shape, **arguments: Any) -> Facts:
    facts = layer_facts(name, arguments, shape)
    assert facts is not None
    return facts


def refusal(name: str, shape: Shape, **arguments: Any) -> DoesNotFit:
    with pytest.raises(DoesNotFit) as caught:
        layer_facts(name, arguments, shape)
    assert measured(name, arguments, shape) is None or fails_on_data(name, arguments, shape)
    return caught.value


def constant(value: Any) -> Call:
    return Call("initializers", "Constant", {"value": value})


@pytest.mark.parametrize(
    ("name", "arguments", "initializer", "weights"),
    [
        ("Conv2D", {"filters": 2, "kernel_size": 1}, "kernel_initializer", "1x1x3x2"),
        ("DepthwiseConv2D", {"kernel_size": 1}, "depthwise_initializer", "1x1x3x1"),
        ("Dense", {"units": 2}, "kernel_initializer", "3x2"),
    ],
)
def test_numbers_for_all_weights_have_their_shape(
    name: str, arguments: dict[str, Any], initializer: str, weights: str
) -> None:
    def given(value: Any) -> dict[str, Any]:
        return {**arguments, initializer: constant(value)}

    fits: Any = 0.5
    for size in reversed(weights.split("x")):
        fits = (fits,) * int(size)
    plain = facts_of(name, (4, 4, 3), **arguments)
    assert facts_of(name, (4, 4, 3), **given(0.5)) == plain
    assert facts_of(name, (4, 4, 3), **given(fits)) == plain
    said = f"{name} has weights of {weights}, but its {initializer} has numbers of 1x4"
    with pytest.raises(DoesNotFit, match=said):
        layer_facts(name, given(((1, 2, 3, 4),)), (4, 4, 3))
    with pytest.raises(DoesNotFit, match="has lists of different lengths"):
        layer_facts(name, given(((1, 2), (3,))), (4, 4, 3))


def test_every_rule_is_of_a_public_keras_layer_and_has_an_example() -> None:
    assert list(LAYERS) == list(RULES)
    for name in RULES:
        assert issubclass(getattr(keras.layers, name), keras.layers.Layer)


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_facts_equal_keras(name: str, data: st.DataObject) -> None:
    arguments, shapes = LAYERS[name]
    assert_agrees(name, data.draw(arguments), data.draw(shapes))


@pytest.mark.parametrize("name", RULES)
def test_every_rule_takes_a_colour_image_or_a_flat_input(name: str) -> None:
    """The drawn examples above could all be such that Keras refuses them; these are not."""
    required = {
        "filters": 4, "kernel_size": 3, "units": 5, "pool_size": 2, "output_size": 2, "scale": 0.5,
        "height": 4, "width": 4, "target_shape": [4, -1], "dims": [3, 1, 2], "n": 2, "rate": 0.5,
        "stddev": 0.5, "activation": "relu", "height_factor": 0.5, "width_factor": 0.5,
        "num_heads": 2, "key_dim": 3, "head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 1,
        "equation": "...c,cd->...d",
    }  # fmt: skip
    wanted = getattr(keras.layers, name).__init__.__code__.co_varnames
    arguments = {key: value for key, value in required.items() if key in wanted}
    if "Normalization" in name:
        arguments = {"groups": 3} if name == "GroupNormalization" else {}
    elif name.startswith("Random"):
        arguments |= {"factor": 1} if "factor" in wanted else {}
        arguments.pop("scale", None)
    if name == "EinsumDense":
        arguments["output_shape"] = [5]
    sequences = ("AdditiveAttention", "Attention", "GroupQueryAttention")
    shape: Shape = (12,) if name == "RepeatVector" else (8, 8, 3)
    shape = (8, 3) if "1D" in name or name in sequences else shape
    assert measured(name, arguments, shape) is not None
    assert_agrees(name, arguments, shape)


@settings(max_examples=40, deadline=None)
@given(size=up_to(40), kernel=up_to(7), stride=up_to(4), padding=up_to(3, 0))
def test_output_size_is_that_of_padding_and_a_valid_convolution(
    size: int, kernel: int, stride: int, padding: int
) -> None:
    """(I + 2P - K) / S + 1, for which Keras has ZeroPadding2D before a Conv2D."""
    expected = (size + 2 * padding - kernel) / stride + 1
    assert output_size(size, kernel, stride, padding) == math.floor(expected)
    padded = keras.layers.ZeroPadding2D(padding)(keras.Input((size, size, 1)))
    convolution = keras.layers.Conv2D(1, kernel, strides=stride)
    if kernel > size + 2 * padding:
        with pytest.raises(ValueError, match="zero or negative"):
            convolution(padded)
    else:
        assert convolution(padded).shape[1] == output_size(size, kernel, stride, padding)


def test_output_size_of_a_28_pixel_image_with_padding_1_and_kernel_5_is_26() -> None:
    """The article that made the formula popular says 24 for these, which is the size with P = 0."""
    assert output_size(28, 5, stride=1, padding=1) == 26
    padded = facts_of("ZeroPadding2D", (28, 28, 1), padding=1)
    convolved = facts_of("Conv2D", padded.output_shape, filters=1, kernel_size=5)
    assert convolved.output_shape == (26, 26, 1)
    assert output_size(28, 5) == 24


@given(size=up_to(50), stride=up_to(9))
def test_same_size_covers_every_pixel_once(size: int, stride: int) -> None:
    assert same_size(size, stride) == len(range(0, size, stride))


@given(size=up_to(30), outputs=up_to(10))
def test_adaptive_windows_of_a_divisor_are_its_strides(size: int, outputs: int) -> None:
    assert adaptive_window(size * outputs, outputs) == size


@settings(max_examples=20, deadline=None)
@given(seed=up_to(1000, 0), size=up_to(4), strides=up_to(4), padding=PADDING)
def test_relu_and_max_pooling_commute(seed: int, size: int, strides: int, padding: str) -> None:
    """So `Conv2D: {activation: relu}` before the pooling costs time, but changes nothing."""
    images = np.random.default_rng(seed).normal(size=(2, 7, 8, 3)).astype("float32")
    relu = keras.layers.ReLU()
    pooling = keras.layers.MaxPooling2D(size, strides=strides, padding=padding)
    np.testing.assert_array_equal(relu(pooling(images)), pooling(relu(images)))


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "macs"),
    [
        # LeNet-5 with 28 x 28 images, padding: same
        ("Conv2D", (28, 28, 1), {"filters": 6, "kernel_size": 5, "padding": "same"}, 117_600),
        ("Conv2D", (14, 14, 6), {"filters": 16, "kernel_size": 5}, 240_000),
        ("Dense", (400,), {"units": 120}, 48_000),
        # AlexNet's first layer
        ("Conv2D", (227, 227, 3), {"filters": 96, "kernel_size": 11, "strides": 4}, 105_415_200),
        # AlexNet's second layer, on two GPUs: 27 * 27 * 256 * 5 * 5 * 48
        (
            "Conv2D",
            (27, 27, 96),
            {"filters": 256, "kernel_size": 5, "padding": "same", "groups": 2},
            223_948_800,
        ),
        # VGG-16's first layer, ResNet-50's first layer
        ("Conv2D", (224, 224, 3), {"filters": 64, "kernel_size": 3, "padding": "same"}, 86_704_128),
        (
            "Conv2D",
            (224, 224, 3),
            {"filters": 64, "kernel_size": 7, "strides": 2, "padding": "same"},
            118_013_952,
        ),
        # MobileNet's first block, as two layers and as one: 112 * 112 * 32 * (9 + 64)
        ("DepthwiseConv2D", (112, 112, 32), {"kernel_size": 3, "padding": "same"}, 3_612_672),
        ("Conv2D", (112, 112, 32), {"filters": 64, "kernel_size": 1}, 25_690_112),
        (
            "SeparableConv2D",
            (112, 112, 32),
            {"filters": 64, "kernel_size": 3, "padding": "same"},
            29_302_784,
        ),
        # each of 7 * 7 values meets 4 * 4 weights for each of 16 * 8 pairs of channels
        ("Conv2DTranspose", (7, 7, 16), {"filters": 8, "kernel_size": 4, "strides": 2}, 100_352),
        # Dense on an image is a 1x1 convolution
        ("Dense", (4, 5, 3), {"units": 2}, 120),
        # a bias adds, a pooling compares, a normalisation scales: none of them counts
        ("Conv2D", (2, 2, 1), {"filters": 1, "kernel_size": 1, "use_bias": False}, 4),
        ("MaxPooling2D", (8, 8, 3), {}, 0),
        ("BatchNormalization", (8, 8, 3), {}, 0),
    ],
)
def test_macs(name: str, shape: Shape, arguments: dict[str, Any], macs: int) -> None:
    assert facts_of(name, shape, **arguments).macs == macs


def seen(layer: Any, size: int) -> list[tuple[int, int]]:
    """For each output in a column the first and the last of `size` rows that it depends on."""
    for weight in layer.trainable_weights:
        weight.assign(np.ones(weight.shape))
    impulses = np.eye(size, dtype="float32")[:, :, None, None].repeat(2, axis=2)
    outputs = np.asarray(layer(impulses) - layer(0 * impulses))[:, :, 0, 0]
    pixels = [np.flatnonzero(np.abs(column) > 1e-6) for column in outputs.T]
    return [(int(each[0]), int(each[-1])) for each in pixels if len(each)]


@pytest.mark.parametrize(
    ("name", "arguments", "size"),
    [
        ("Conv2D", {"filters": 1, "kernel_size": [5, 1], "strides": [2, 2]}, 25),
        ("Conv2D", {"filters": 1, "kernel_size": [3, 1], "dilation_rate": [3, 1]}, 24),
        ("Conv2D", {"filters": 1, "kernel_size": [3, 1], "padding": "same"}, 17),
        ("DepthwiseConv2D", {"kernel_size": [3, 1], "dilation_rate": [2, 1]}, 17),
        ("SeparableConv2D", {"filters": 1, "kernel_size": [4, 1], "strides": [3, 3]}, 17),
        ("Conv2DTranspose", {"filters": 1, "kernel_size": [3, 1], "strides": [2, 2]}, 9),
        ("Conv2DTranspose", {"filters": 1, "kernel_size": [4, 2], "strides": [2, 2]}, 9),
        ("Conv2DTranspose", {"filters": 1, "kernel_size": [5, 1], "dilation_rate": [2, 1]}, 30),
        ("MaxPooling2D", {"pool_size": [3, 1], "strides": [2, 1]}, 17),
        ("AveragePooling2D", {"pool_size": [2, 1]}, 17),
        ("AdaptiveAveragePooling2D", {"output_size": [4, 2]}, 16),
        ("AdaptiveAveragePooling2D", {"output_size": [9, 2]}, 32),
        ("AdaptiveMaxPooling2D", {"output_size": [7, 2]}, 16),
        ("AdaptiveAveragePooling2D", {"output_size": [20, 2]}, 9),
        ("UpSampling2D", {"size": [3, 1]}, 9),
        ("UpSampling2D", {"size": [2, 2], "interpolation": "bilinear"}, 12),
        ("UpSampling2D", {"size": [2, 2], "interpolation": "bicubic"}, 18),
        ("UpSampling2D", {"size": [2, 2], "interpolation": "lanczos3"}, 24),
        ("UpSampling2D", {"size": [2, 2], "interpolation": "lanczos5"}, 36),
        ("Resizing", {"height": 8, "width": 1}, 16),
        ("Resizing", {"height": 24, "width": 1, "antialias": True}, 96),
        ("Resizing", {"height": 5, "width": 1, "interpolation": "nearest"}, 16),
        ("CenterCrop", {"height": 5, "width": 1}, 9),
        ("Dense", {"units": 2}, 9),
        ("BatchNormalization", {}, 9),
        ("ReLU", {}, 9),
    ],
)
def test_kernel_and_strides_are_what_an_output_depends_on(
    name: str, arguments: dict[str, Any], size: int
) -> None:
    facts = facts_of(name, (size, 2, 1), **arguments)
    layer = getattr(keras.layers, name)(**arguments)
    layer.build((None, size, 2, 1))
    windows = seen(layer, size)
    assert facts.kernel is not None
    assert max(last - first + 1 for first, last in windows) == facts.kernel[0]
    rows, stride = facts.kernel[0], Fraction(facts.strides[0])
    inner = [first for first, last in windows if first >= rows and last < size - rows]
    tolerance = 0 if isinstance(facts.strides[0], int) else 1
    assert len(inner) > 1
    for (i, one), (j, other) in itertools.combinations(enumerate(inner), 2):
        assert abs(other - one - (j - i) * stride) <= tolerance


@pytest.mark.parametrize(
    ("name", "shape", "arguments"),
    [
        ("GlobalAveragePooling2D", (4, 4, 3), {}),
        ("Flatten", (4, 4, 3), {}),
        ("Dense", (12,), {"units": 3}),
        ("Reshape", (4, 4, 3), {"target_shape": [3, 4, 4]}),
        ("Permute", (4, 4, 3), {"dims": [3, 1, 2]}),
    ],
)
def test_some_layers_have_no_window(name: str, shape: Shape, arguments: dict[str, Any]) -> None:
    assert facts_of(name, shape, **arguments).kernel is None


def test_a_layer_that_enlarges_has_fractional_strides() -> None:
    assert facts_of("UpSampling2D", (4, 4, 3)).strides == (Fraction(1, 2), Fraction(1, 2))
    resized = facts_of("Resizing", (4, 8, 3), height=8, width=4)
    assert resized.strides == (Fraction(1, 2), 2)
    cropped = facts_of("Resizing", (4, 8, 3), height=8, width=4, crop_to_aspect_ratio=True)
    assert cropped.strides == (Fraction(1, 2), Fraction(1, 2))
    padded = facts_of("Resizing", (4, 8, 3), height=8, width=4, pad_to_aspect_ratio=True)
    assert padded.strides == (2, 2)


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "message"),
    [
        ("MaxPooling2D", (1, 1, 120), {"pool_size": 2}, "2x2 does not fit its 1x1 input"),
        ("MaxPooling2D", (4, 1, 3), {"pool_size": [3, 2]}, "3x2 does not fit its 4x1 input"),
        ("Conv2D", (3, 3, 1), {"filters": 2, "kernel_size": 5}, "5x5 does not fit its 3x3 input"),
        (
            "DepthwiseConv2D",
            (4, 4, 1),
            {"kernel_size": 3, "dilation_rate": 2},
            "3x3 (dilated to 5x5) does not fit its 4x4 input",
        ),
        (
            "Conv2D",
            (120,),
            {"filters": 2, "kernel_size": 5},
            "needs an image (height, width, channels), but its input is 120 values",
        ),
        (
            "RandomFlip",
            (1,),
            {},
            "needs an image (height, width, channels), but its input is 1 value",
        ),
        (
            "Conv2D",
            (8, 8, 6),
            {"filters": 4, "kernel_size": 1, "groups": 4},
            "cannot divide 6 input channels into 4 groups",
        ),
        (
            "Conv2D",
            (8, 8, 6),
            {"filters": 4, "kernel_size": 1, "groups": 3},
            "cannot divide 4 filters into 3 groups",
        ),
        ("GroupNormalization", (8, 8, 24), {}, "cannot divide 24 channels into 32 groups"),
        (
            "Conv2D",
            (8, 8, 6),
            {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": [1, 2]},
            "cannot have strides of 2x2 and a dilation_rate of 1x2 together",
        ),
        (
            "Conv2D",
            (8, 8, 6),
            {"filters": 0, "kernel_size": 3},
            "needs filters to be 1 or more, but it is 0",
        ),
        (
            "Conv2D",
            (8, 8, 6),
            {"filters": 1, "kernel_size": [3, 3, 3]},
            "needs kernel_size as one number or two (height, width), but it is [3, 3, 3]",
        ),
        (
            "MaxPooling2D",
            (8, 8, 6),
            {"padding": "full"},
            "needs padding to be one of valid, same, but it is 'full'",
        ),
        (
            "Conv2DTranspose",
            (1, 4, 2),
            {"filters": 1, "kernel_size": 2, "padding": "same", "output_padding": 0},
            "2x2 leaves nothing of its 1x4 input",
        ),
        (
            "Conv2DTranspose",
            (4, 4, 2),
            {"filters": 1, "kernel_size": 3, "strides": 2, "output_padding": [1, 2]},
            "needs output_padding to be less than its strides of 2x2, but it is 1x2",
        ),
        (
            "Cropping2D",
            (4, 9, 3),
            {"cropping": [2, 1]},
            "removes 4 rows and 2 columns, which leaves nothing of its 4x9x3 input",
        ),
        (
            "Reshape",
            (5, 5, 8),
            {"target_shape": [4, 4, 8]},
            "to 4x4x8 needs 128 values, but its 5x5x8 input has 200",
        ),
        (
            "Reshape",
            (50,),
            {"target_shape": [-1, 4, 4]},
            "to -1x4x4 needs a multiple of 16 values, but its 50 values input has 50",
        ),
        (
            "Reshape",
            (50,),
            {"target_shape": [-1, -1]},
            "needs a target_shape of positive sizes and at most one -1, but it is [-1, -1]",
        ),
        (
            "Permute",
            (4, 5, 3),
            {"dims": [2, 1]},
            "needs dims to be an order of the axes 1 to 3 of its input of 4x5x3, but it is [2, 1]",
        ),
        (
            "Normalization",
            (9, 9, 3),
            {"axis": [3, -1]},
            "axis [3, -1] names the same axis of 9x9x3 twice",
        ),
        ("RepeatVector", (4, 5, 3), {"n": 2}, "needs a flat input, but its input is 4x5x3"),
        (
            "BatchNormalization",
            (9, 9, 3),
            {"axis": 4},
            "axis 4 does not exist in its input of 9x9x3",
        ),
        (
            "LayerNormalization",
            (9, 9, 3),
            {"axis": [0]},
            "axis 0 is the batch, which has no fixed size",
        ),
        (
            "MultiHeadAttention",
            (9,),
            {"num_heads": 1, "key_dim": 2},
            "needs a sequence or an image, but its input is 9 values",
        ),
        (
            "MultiHeadAttention",
            (9, 9, 3),
            {"num_heads": 1, "key_dim": 2, "attention_axes": [3]},
            "needs attention_axes from 1 to 2, all but the features, for its input of 9x9x3, but "
            "it is [3]",
        ),
        (
            "EinsumDense",
            (9, 9, 3),
            {"equation": "abc,cd->abd", "output_shape": [None, 4]},
            "needs an input of 2 axes for 'abc,cd->abd', but its input is 9x9x3",
        ),
        (
            "EinsumDense",
            (9, 3),
            {"equation": "abc,cd", "output_shape": [None, 4]},
            "cannot read the equation 'abc,cd'",
        ),
        (
            "EinsumDense",
            (9, 3),
            {"equation": "abc,cd->abd", "output_shape": [8, 4]},
            "has 8 in output_shape for the axis 'b' of 'abc,cd->abd', which has size 9",
        ),
        (
            "PReLU",
            (9, 9, 3),
            {"shared_axes": 4},
            "shared axis 4 does not exist in its input of 9x9x3",
        ),
        (
            "RandomHue",
            (9, 9, 1),
            {"factor": 0.5},
            "needs images of 3 channels, but its input is 9x9x1",
        ),
        (
            "RandomGrayscale",
            (9, 9, 4),
            {},
            "needs images of 1 or 3 channels, but its input is 9x9x4",
        ),
        (
            "Dense",
            (),
            {"units": 2},
            "needs a list of values, but its input is 1 value",
        ),
    ],
)
def test_what_does_not_fit_says_what_came_and_what_was_expected(
    name: str, shape: Shape, arguments: dict[str, Any], message: str
) -> None:
    assert str(refusal(name, shape, **arguments)) == f"{name} {message}"


@pytest.mark.parametrize("name", ["AdditiveAttention", "Attention"])
def test_attention_along_the_rows_of_an_image_is_refused(name: str) -> None:
    """Keras attends along the width alone, which is hardly meant."""
    with pytest.raises(DoesNotFit, match=r"needs a sequence .* but its input is 9x9x3") as caught:
        layer_facts(name, {}, (9, 9, 3))
    assert "Reshape" in str(caught.value.hint)


def test_attention_multiplies_each_position_with_each() -> None:
    facts = facts_of("MultiHeadAttention", (4, 4, 8), num_heads=2, key_dim=4)
    assert facts.macs == 16 * (4 * 8 * 8) + 2 * 16 * 16 * 8
    rows = facts_of("MultiHeadAttention", (4, 4, 8), num_heads=2, key_dim=4, attention_axes=[2])
    assert rows.macs == 16 * (4 * 8 * 8) + 2 * 16 * 4 * 8
    assert facts_of("Attention", (16, 8)).macs == 2 * 16 * 16 * 8


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow fails")
@pytest.mark.parametrize("name", ["AdaptiveAveragePooling2D", "AdaptiveMaxPooling2D"])
@pytest.mark.parametrize(("size", "outputs"), [(8, 1), (1, 1), (1, 2)])
def test_adaptive_pooling_of_or_to_one_pixel_fails_once_compiled(
    name: str, size: int, outputs: int
) -> None:
    """When this fails, Keras has been mended, and `shaping.adaptive_pooling` need not refuse it."""
    arguments = {"output_size": [2, outputs]}
    with pytest.raises(DoesNotFit, match=f"cannot pool its 8x{size} input to 2x{outputs}"):
        layer_facts(name, arguments, (8, size, 3))
    layer = getattr(keras.layers, name)(**arguments)
    model = keras.Sequential([keras.Input((8, size, 3)), layer])
    with pytest.raises(ValueError, match="Negative dimension"):
        model.predict_on_batch(np.zeros((1, 8, size, 3), "float32"))


def test_hints_say_how_to_go_on() -> None:
    pooling = refusal("MaxPooling2D", (1, 1, 120), pool_size=2)
    assert pooling.hint == "remove this pooling, or use padding: same before it"
    flat = refusal("Conv2D", (120,), filters=2, kernel_size=5)
    assert flat.hint is not None
    assert flat.hint.startswith("move it before Flatten")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Lambda", {}),
        ("Conv1D", {"filters": 1, "kernel_size": 3}),
        ("Conv2D", {"filters": 1, "kernel_size": 3, "data_format": "channels_first"}),
        ("Conv2D", {"filters": 1, "kernel_size": 3, "lora_rank": 2}),
        ("Dense", {"units": 1, "quantization_config": {}, "dtype": "int8_from_float32"}),
        ("Dense", {"units": 1, "dtype": {"class_name": "QuantizedDTypePolicy"}}),
        ("Resizing", {"height": 4, "width": 4, "interpolation": "area"}),
    ],
)
def test_what_no_rule_covers_is_left_to_keras(name: str, arguments: dict[str, Any]) -> None:
    assert layer_facts(name, arguments, (8, 8, 3)) is None


def test_an_ordinary_data_type_does_not_matter() -> None:
    assert facts_of("Dense", (3,), units=2, dtype="mixed_float16").trainable == 8


MERGES = {"add": "Add", "multiply": "Multiply", "average": "Average", "maximum": "Maximum"}
SIZES = st.sampled_from([1, 2, 2, 3])
BRANCHES = st.lists(st.tuples(SIZES, SIZES, SIZES) | st.tuples(SIZES), min_size=1, max_size=3)


@pytest.mark.parametrize("merge", [*MERGES, "concatenate"])
@settings(max_examples=60, deadline=None)
@given(shapes=BRANCHES)
def test_merges_equal_keras(merge: str, shapes: list[Shape]) -> None:
    layer = getattr(keras.layers, MERGES.get(merge, "Concatenate"))()
    try:
        expected = tuple(layer([keras.Input(shape) for shape in shapes]).shape)[1:]
    except ValueError:
        with pytest.raises(DoesNotFit) as caught:
            merge_shapes(merge, shapes)
        assert all("x".join(map(str, shape)) in str(caught.value) for shape in shapes)
    else:
        assert merge_shapes(merge, shapes) == expected


def test_merges_that_cannot_be_show_the_shapes() -> None:
    with pytest.raises(DoesNotFit, match=r"^add needs .* 24x24x32 and 12x12x32$"):
        merge_shapes("add", [(24, 24, 32), (12, 12, 32)])
    with pytest.raises(DoesNotFit, match=r"^concatenate needs .* 8x8x3, 7x7x3 and 12 values$"):
        merge_shapes("concatenate", [(8, 8, 3), (7, 7, 3), (12,)])
    with pytest.raises(DoesNotFit, match="at least one branch"):
        merge_shapes("add", [])
    with pytest.raises(ValueError, match="unknown merge 'subtract'"):
        merge_shapes("subtract", [(1,)])


def test_the_rules_load_no_framework() -> None:
    program = (
        "import sys, cnnzoo.architecture.rules\n"
        "sys.exit(bool({'keras', 'numpy', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
