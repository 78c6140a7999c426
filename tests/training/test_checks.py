from __future__ import annotations

from contextlib import nullcontext

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.errors import ConfigError
from cnnzoo.training.checks import check_config

TRAINED = """\
name: tiny
model:
  input_shape: [28, 28, 1]
  layers:
  - {first}
  - lenet_mnist: {{weights: {weights}}}
  - Dense: {{units: $classes, activation: softmax}}
data: digits
"""

FILE = """\
name: tiny
model:
  input_shape: [8, 8, {channels}]
  layers: [Flatten, Dense: {{units: $classes, activation: softmax}}]
data:
  name: digits
  {data}
training:
  {training}
"""


@pytest.fixture
def checked(tmp_path):
    """Checks a configuration with these lines in it."""

    def make(data: str = "seed: 0", training: str = "epochs: 1", channels: int = 1):
        path = tmp_path / "tiny.yaml"
        path.write_text(FILE.format(data=data, training=training, channels=channels))
        return check_config(load_config(path))

    return make


@pytest.mark.parametrize(
    ("data", "channels", "message"),
    [
        ("augment: [RandomHue: 0.1]", 1, r"RandomHue needs images of 3 channels, but .* 8x8x1"),
        ("augment: [RandomSaturation: 0.1]", 1, r"RandomSaturation needs images of 3 channels"),
        (
            "augment: [RandomColorJitter: {hue_factor: 0.1}]",
            1,
            r"RandomColorJitter needs images of 3 channels",
        ),
        (
            "augment: [RandomColorJitter: {saturation_factor: [0.3, 0.9]}]",
            3,
            r"RandomColorJitter gives pixels below 0 for a saturation_factor above 0.5",
        ),
    ],
)
def test_an_augmentation_that_the_images_cannot_take_is_named(checked, data, channels, message):
    with pytest.raises(ConfigError, match=rf"tiny\.yaml:7:\d+: error: {message}"):
        checked(data, channels=channels)


@pytest.mark.parametrize(
    ("augment", "channels"),
    [("RandomHue: 0.1", 3), ("RandomColorJitter: {brightness_factor: 0.1}", 1)],
)
def test_what_the_images_can_take_is_taken(checked, augment, channels):
    checked(f"augment: [{augment}]", channels=channels)


def test_mixed_labels_need_a_loss_that_takes_them(checked):
    mixed = "augment: [RandomFlip, MixUp]"
    with pytest.raises(ConfigError, match=r"tiny\.yaml:9:\d+: error: Sparse.* that MixUp mixes"):
        checked(mixed, "loss: SparseCategoricalCrossentropy")
    checked(mixed, "loss: {CategoricalCrossentropy: {label_smoothing: 0.1}}")
    checked(mixed)
    checked(training="loss: SparseCategoricalCrossentropy")


def test_a_weight_of_a_class_that_is_not_there_is_named(checked):
    with pytest.raises(
        ConfigError, match=r"tiny\.yaml:9:\d+: error: .*'08'; did you mean '8'"
    ) as failed:
        checked(training="class_weight: {'1': 2, '08': 3}")
    assert "the classes: 0, 1, 2" in str(failed.value)
    checked(training="class_weight: {'1': 2, 8: 3}")


def test_classes_are_not_evened_out_twice(checked):
    with pytest.raises(ConfigError, match=r"tiny\.yaml:9:\d+: error: .* a second time"):
        checked("balance: oversample", "class_weight: balanced")
    checked("balance: oversample", "class_weight: {'1': 2}")
    checked(training="class_weight: balanced")


@pytest.mark.parametrize(
    ("optimizer", "schedule"),
    [
        ("{SGD: {learning_rate: {CosineDecay: [0.1, $steps]}}}", "CosineDecay"),
        ("{Adam: {learning_rate: {one_cycle: 0.1}}}", "one_cycle"),
        (
            "{LossScaleOptimizer: {inner_optimizer: {SGD: {learning_rate: {one_cycle: 0.1}}}}}",
            "one_cycle",
        ),
    ],
)
def test_a_plateau_cannot_change_the_rate_of_a_schedule(checked, optimizer, schedule):
    callbacks = "callbacks: [EarlyStopping, ReduceLROnPlateau: {patience: 2}]"
    message = rf"tiny\.yaml:10:\d+: error: ReduceLROnPlateau cannot change .* {schedule} sets"
    with pytest.raises(ConfigError, match=message) as failed:
        checked(training=f"optimizer: {optimizer}\n  {callbacks}")
    assert "use a constant learning_rate" in str(failed.value)
    checked(training=f"optimizer: {{SGD: {{learning_rate: 0.1}}}}\n  {callbacks}")
    checked(training=f"optimizer: {optimizer}\n  callbacks: [EarlyStopping]")


@pytest.mark.parametrize("freeze", ["flatten", "'f*'", "all_but_head", "['*', '!dense']"])
def test_patterns_of_freeze_name_layers(checked, freeze):
    checked(training=f"freeze: {freeze}")


def test_a_pattern_of_freeze_without_a_layer_is_found_before_the_training(checked):
    with pytest.raises(ConfigError, match=r"no layer is called 'flaten'; did you mean 'flatten'"):
        checked(training="freeze: [flaten]")


@pytest.mark.parametrize(
    ("first", "weights", "is_wrong"),
    [
        ("Rescaling: 1/255", "trained", True),
        ("Rescaling: {scale: [0.01]}", "trained", True),
        ("Normalization: {mean: 128, variance: 3000}", "trained", True),
        ("Rescaling: {scale: -1, offset: 255}", "trained", False),
        ("Dropout: 0.1", "trained", False),
        ("Rescaling: 1/255", "null", False),
    ],
)
def test_pixels_are_not_rescaled_twice(tmp_path, first, weights, is_wrong):
    path = tmp_path / "tiny.yaml"
    path.write_text(TRAINED.format(first=first, weights=weights))
    with (
        pytest.raises(ConfigError, match="takes pixels of 0 to 255") if is_wrong else nullcontext()
    ):
        check_config(load_config(path))
