from __future__ import annotations

import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.training.engine import features
from cnnzoo.training.engine.checkpoint import checkpoints_in
from cnnzoo.training.engine.features import frozen_base
from cnnzoo.training.progress import Display
from cnnzoo.training.resume import resume

NETWORK = """
name: small
model:
  input_shape: [8, 8, 1]
  layers:
    - Rescaling: 1/16
    - Residual:
        layers: [Conv2D: {filters: 4, kernel_size: 3, padding: same}, BatchNormalization]
        shortcut: [Conv2D: {filters: 4, kernel_size: 1}]
    - ReLU
    - Flatten
    - Dropout: 0.2
    - Dense: {units: 16, activation: relu}
    - Dense: {units: $classes, activation: softmax}
data: {name: digits, limit: 30}
training:
  epochs: 3
  batch_size: 32
  freeze: residual
  label_smoothing: 0.1
  optimizer: {Adam: {learning_rate: {CosineDecay: [0.01, $steps]}}}
"""


class Notes(Display):
    """Keeps notes; stops the training in the second epoch if asked to."""

    def __init__(self, stop: bool = False) -> None:
        self.notes: list[str] = []
        self.stop_training = stop

    def note(self, text):
        self.notes.append(text)

    def step(self, epoch, step, metrics):
        if self.stop_training and epoch == 2:
            raise KeyboardInterrupt


@pytest.fixture
def train(tmp_path):
    (tmp_path / "small.yaml").write_text(NETWORK)

    def train(*words, display=None):
        config = cnnzoo.load_config(tmp_path / "small.yaml", words)
        return cnnzoo.train(config, tmp_path / "runs", display=display)

    return train


def weights(run):
    return keras.saving.load_model(run.model_path, compile=False).get_weights()


def test_the_head_gets_the_weights_of_a_training_without_the_cache(train, monkeypatch):
    cached, plain = Notes(), Notes()
    with_cache = train(display=cached)
    monkeypatch.setattr(features, "MOST_BYTES", 0)
    without = train(display=plain)
    assert "the outputs of the frozen layers are computed once" in "\n".join(cached.notes)
    assert "the frozen layers run in every step: they take" in "\n".join(plain.notes)
    for first, second in zip(weights(with_cache), weights(without), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)
    for first, second in zip(with_cache.history(), without.history(), strict=True):
        assert first == pytest.approx(second, abs=1e-4)


def test_a_resumed_training_has_the_same_bits(train):
    undisturbed = train()
    with pytest.raises(KeyboardInterrupt):
        train("name=stopped", display=Notes(stop=True))
    stopped = cnnzoo.open_run(undisturbed.path.parents[1] / "stopped" / "1")
    assert len(stopped.history()) == 1
    resume(stopped)
    for first, second in zip(weights(undisturbed), weights(stopped), strict=True):
        np.testing.assert_array_equal(first, second)
    assert undisturbed.history() == stopped.history()
    (checkpoint,) = checkpoints_in(stopped.checkpoints_path)
    (frozen,) = stopped.checkpoints_path.glob("constants-*.npz")
    with np.load(checkpoint) as file:
        assert not [name for name in file.files if name.startswith("frozen")]
    with np.load(frozen) as file:
        frozen_names = [name for name in file.files if name.startswith("frozen")]
        assert len(frozen_names) == 8  # of two convolutions and a BatchNormalization


def test_augmentation_changes_the_images_so_nothing_is_cached(train):
    display = Notes()
    train("data.augment=[RandomFlip: horizontal]", "training.epochs=1", display=display)
    reason = "data.augment changes the images in each epoch"
    assert f"the frozen layers run in every step: {reason}" in display.notes


def layers(*extra, frozen=True):
    convolution = keras.layers.Conv2D(2, 3, trainable=not frozen)
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), convolution, *extra, keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    base = frozen_base(model)
    return None if base is None else len(base.layers)


@pytest.mark.parametrize(
    ("extra", "count"),
    [
        ([], 2),
        ([keras.layers.Dropout(0.5)], 1),
        ([keras.layers.Dropout(0.0)], 3),
        ([keras.layers.GaussianNoise(0.5)], 1),
        ([keras.layers.BatchNormalization(trainable=False)], 3),
        # Without weights that train, it still updates its statistics.
        ([keras.layers.BatchNormalization(center=False, scale=False)], 1),
    ],
    ids=["none", "dropout", "no dropout", "noise", "frozen statistics", "statistics"],
)
def test_only_deterministic_layers_before_the_first_that_trains_are_in_the_base(extra, count):
    assert layers(*extra) == count


def test_without_frozen_weights_there_is_no_base():
    assert layers(frozen=False) is None
