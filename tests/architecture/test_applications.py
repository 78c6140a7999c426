from __future__ import annotations

import importlib
from typing import Any

import pytest

from cnnzoo.architecture.applications import MIN_SIZE, application_facts
from cnnzoo.architecture.arithmetic import DoesNotFit
from cnnzoo.architecture.facts import Facts
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.calls import Call
from cnnzoo.config.composites import APPLICATIONS
from cnnzoo.models.build import measure


def facts(name: str, shape: tuple[int, ...], **arguments: Any) -> Facts | None:
    return application_facts(name, arguments, shape, resolve)


# One of each family; the sizes are such that rounding up and down differ.
@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("ResNet50", {}, (75, 33, 3)),
        ("ResNet50V2", {}, (47, 64, 3)),
        ("MobileNet", {"alpha": 0.25}, (96, 64, 3)),
        ("MobileNetV2", {"alpha": 0.35}, (75, 33, 3)),
        ("DenseNet121", {}, (75, 47, 3)),
        ("VGG16", {}, (75, 33, 3)),
    ],
)
def test_the_zoo_knows_what_keras_would_measure(name, arguments, shape):
    known = facts(name, shape, **arguments)
    measured = measure(Call("layers", name, arguments), shape)
    assert (known.output_shape, known.trainable, known.non_trainable) == (
        measured.output_shape,
        measured.trainable,
        measured.non_trainable,
    )


def test_pooling_and_trainable_are_known():
    every = facts("MobileNet", (64, 64, 3))
    pooled = facts("MobileNet", (64, 64, 3), pooling="max", trainable=False)
    assert every.output_shape == (2, 2, 1024)
    assert (pooled.output_shape, pooled.kernel) == ((1024,), None)
    assert (pooled.trainable, pooled.non_trainable) == (0, every.trainable + every.non_trainable)
    assert pooled.macs == every.macs > 40e6


@pytest.mark.parametrize(
    ("name", "shape", "arguments"),
    [
        ("MobileNet", (64, 64, 3), {"alpha": 0.9}),
        ("MobileNet", (64, 64, 1), {}),
        ("MobileNet", (64, 75, 3), {}),
        ("InceptionV3", (96, 96, 3), {}),
    ],
)
def test_the_others_are_left_to_keras(name, shape, arguments):
    assert facts(name, shape, **arguments) is None


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_an_image_that_is_too_small_is_refused_as_keras_does(name):
    least = MIN_SIZE[name]
    with pytest.raises(DoesNotFit, match=f"{name} needs images of at least {least}x{least}"):
        facts(name, (least, least - 1, 3))
    keras = importlib.import_module("keras")
    make = getattr(keras.applications, name)
    with pytest.raises(ValueError, match=f"at least {least}x{least}"):
        make(weights=None, include_top=False, input_shape=(least, least - 1, 3))


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "said", "hint"),
    [
        ("ResNet50", (48, 48, 1), {}, "needs 3 channels, but its input is 48x48x1", "[48, 48, 3]"),
        ("MobileNet", (64, 64, 3), {"alpha": 0.35}, "alpha to be one of 0.25, 0.5, 0.75, 1.0", ""),
        ("ResNet50", (48,), {}, "needs an image", "before Flatten"),
    ],
)
def test_imagenets_weights_are_for_some_networks_only(name, shape, arguments, said, hint):
    with pytest.raises(DoesNotFit, match=said) as problem:
        facts(name, shape, weights="imagenet", **arguments)
    assert str(problem.value).startswith(name)
    assert hint in (problem.value.hint or "")
