from __future__ import annotations

import numpy as np
import pytest

import cnnzoo
from cnnzoo.architecture.arithmetic import DoesNotFit
from cnnzoo.architecture.rules import layer_facts
from cnnzoo.config.data import AUGMENTATIONS, MIXING
from cnnzoo.errors import ConfigError
from cnnzoo.training.engine.compile import compile_model, make_augmentation, training_variables
from cnnzoo.training.settings import Settings

# What a layer of AUGMENTATIONS needs to be told, and what makes it do something.
EXAMPLES = {
    "RandomBrightness": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.9},
    "RandomColorJitter": {"brightness_factor": 0.5, "contrast_factor": 0.5},
    "RandomContrast": {"factor": 0.5},
    "RandomHue": {"factor": 0.5},
    "RandomPosterization": {"factor": 3},
    "RandomRotation": {"factor": 0.2},
    "RandomSaturation": {"factor": [0.5, 0.95]},
    "RandomSharpness": {"factor": 0.9},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.3},
    "RandomZoom": {"height_factor": 0.5},
    "Solarization": {"threshold_factor": 0.5},
}


def compiled(head, augment=(), **training):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1 if head == "binary" else 3)])
    config = cnnzoo.Config.model_validate(
        {
            "name": "any",
            "model": {"input_shape": [4, 4, 1], "layers": ["Flatten"]},
            "training": training,
            "data": {"name": "digits", "augment": list(augment)},
        }
    )
    compile_model(model, config, training_variables(config, 3, 16, 64), head, Settings(64))
    return model


@pytest.mark.parametrize(
    ("head", "loss"),
    [("binary", "BinaryCrossentropy"), ("categorical", "SparseCategoricalCrossentropy")],
)
def test_the_loss_follows_the_head(head, loss):
    assert type(compiled(head).loss).__name__ == loss


def test_a_loss_of_ones_own_is_taken():
    loss = compiled("binary", loss={"BinaryFocalCrossentropy": {"gamma": 3}}).loss
    assert type(loss).__name__ == "BinaryFocalCrossentropy"
    assert loss.gamma == 3


def test_the_schedule_ends_with_the_training():
    schedule = {"CosineDecay": {"initial_learning_rate": 0.1, "decay_steps": "$steps"}}
    model = compiled(
        "categorical", epochs=5, batch_size=64, optimizer={"SGD": {"learning_rate": schedule}}
    )
    assert model.optimizer.get_config()["learning_rate"]["config"]["decay_steps"] == 5 * 16


def test_an_expression_is_checked_against_the_type_of_its_argument():
    optimizer = {"SGD": {"gradient_accumulation_steps": "${steps / 3}"}}
    with pytest.raises(cnnzoo.CnnzooError, match=r"'gradient_accumulation_steps' must be .*, not"):
        compiled("categorical", optimizer=optimizer)


@pytest.mark.parametrize(
    ("head", "loss"),
    [("binary", "BinaryCrossentropy"), ("categorical", "CategoricalCrossentropy")],
)
def test_mixed_labels_have_a_loss_of_their_own(head, loss):
    assert type(compiled(head, ["CutMix"]).loss).__name__ == loss


def augmentation(channels, *augment):
    config = cnnzoo.Config.model_validate(
        {
            "name": "any",
            "model": {"input_shape": [16, 16, channels], "layers": ["Flatten"]},
            "data": {"name": "digits", "augment": list(augment)},
        }
    )
    return make_augmentation(config, training_variables(config, 3, 16, 32))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_works_in_a_compiled_step(name, channels):
    """On bytes, within their range, and in training only; or a shape rule refuses the images."""
    import keras

    arguments = EXAMPLES.get(name, {})
    try:
        layer_facts(name, arguments, (16, 16, channels))
    except DoesNotFit:
        assert channels == 1
        return
    keras.utils.set_random_seed(0)
    layers = augmentation(channels, {name: arguments} if arguments else name)

    class Range(keras.layers.Layer):
        """Remembers the range of what it is given; its output is its input."""

        def build(self, shape):
            self.low = self.add_weight(initializer="zeros", trainable=False)
            self.high = self.add_weight(initializer="zeros", trainable=False)
            self.mean = self.add_weight(initializer="zeros", trainable=False)

        def call(self, images):
            self.low.assign(keras.ops.min(images))
            self.high.assign(keras.ops.max(images))
            self.mean.assign(keras.ops.mean(images))
            return images

    seen = Range()
    model = keras.Sequential(
        [
            keras.Input((16, 16, channels)),
            *layers,
            seen,
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    # Dark and bright values: a byte that wraps around would leave its half.
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16, channels), dtype=np.uint8)
    targets = np.zeros((12, 2), np.float32)
    model.fit(images, targets, batch_size=12, verbose=0)
    assert float(seen.low) >= -0.01
    assert float(seen.high) <= 255.01
    assert float(seen.high) > 30, "the values are not those of 0 to 1"
    model.evaluate(images, targets, batch_size=12, verbose=0)
    assert float(seen.mean) == pytest.approx(images.mean(), rel=1e-5), "not in validation"


def test_an_augmentation_changes_images_in_training():
    """All but RandomGrayscale of gray images do."""
    images = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3)).astype(np.float32)
    for name in AUGMENTATIONS:
        (layer,) = augmentation(3, {name: EXAMPLES[name]} if name in EXAMPLES else name)
        if name not in MIXING:
            assert not np.allclose(np.asarray(layer(images, training=True)), images), name


def test_what_keras_refuses_has_the_place_of_the_augmentation(tmp_path):
    path = tmp_path / "it.yaml"
    path.write_text(
        "name: it\nmodel: {input_shape: [8, 8, 1], layers: [Flatten]}\n"
        "data:\n  name: digits\n  augment:\n    - RandomFlip\n    - RandomPosterization: 9\n"
    )
    config = cnnzoo.load_config(path)
    with pytest.raises(
        ConfigError, match=r"it\.yaml:7:\d+: error: Keras refuses RandomPosterization"
    ):
        make_augmentation(config, training_variables(config, 10, 16, 32))
