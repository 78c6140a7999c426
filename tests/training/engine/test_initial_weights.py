from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cnnzoo
from cnnzoo.errors import ConfigError, RunError
from cnnzoo.training.checks import check_config, check_initial_weights
from cnnzoo.training.engine.initial_weights import freeze
from cnnzoo.training.progress import Display

# The smallest network of keras.applications, on the smallest images that it takes.
NETWORK = """
name: small
model:
  input_shape: [32, 32, 3]
  layers:
    - Rescaling: {scale: 2/255, offset: -1}
    - MobileNet: {weights: backbone.weights.h5, alpha: 0.25, pooling: avg}
    - Dense: {units: $classes, activation: softmax}
data: {name: digits, limit: 8}
training:
  epochs: 1
  batch_size: 32
  steps_per_execution: 1
  freeze: [mobilenet]
  monitor: val_loss
  optimizer: {Adam: {learning_rate: 0.01}}
"""


class Notes(Display):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, and beside it the weights of a network that nobody else has."""
    import keras

    folder = tmp_path_factory.mktemp("transfer")
    (folder / "small.yaml").write_text(NETWORK)
    keras.utils.set_random_seed(7)
    backbone = keras.applications.MobileNet(
        weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.25
    )
    backbone.save_weights(folder / "backbone.weights.h5")
    np.savez(folder / "backbone.npz", *backbone.get_weights())
    return folder


@pytest.fixture(scope="module")
def head_trained(folder: Path) -> cnnzoo.Run:
    return cnnzoo.train(cnnzoo.load_config(folder / "small.yaml"), folder / "runs")


def layers_of(run: cnnzoo.Run) -> dict[str, list[np.ndarray]]:
    """The weights of a run's model as plain Keras reads it, by layer."""
    import keras

    model = keras.saving.load_model(run.model_path)
    return {layer.name: layer.get_weights() for layer in model.layers}


def same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(some, others, strict=True))


def test_a_frozen_network_keeps_the_weights_of_its_file_to_the_last_bit(folder, head_trained):
    with np.load(folder / "backbone.npz") as given:
        assert same(layers_of(head_trained)["mobilenet"], list(given.values()))


def test_the_saved_model_is_not_frozen(head_trained):
    import keras

    model = keras.saving.load_model(head_trained.model_path)
    assert all(layer.trainable for layer in model.get_layer("mobilenet").layers)


def test_the_second_phase_begins_where_the_first_ended_and_changes_all(folder, head_trained):
    display = Notes()
    words = [f"init_from={head_trained}", "training.freeze=[]"]
    config = cnnzoo.load_config(folder / "small.yaml", words)
    run = cnnzoo.train(config, folder / "runs", display=display)
    before, after = layers_of(head_trained), layers_of(run)
    assert not same(before["dense"], after["dense"])
    changed = [
        not np.array_equal(one, other)
        for one, other in zip(before["mobilenet"], after["mobilenet"], strict=True)
    ]
    assert all(changed)
    report = json.loads((run.path / "run.json").read_text())["init_from"]
    assert report == {"source": str(head_trained), "taken": 55, "left": [], "unused": []}
    assert f"weights of 55 of 55 layers from {head_trained}" in display.notes


def test_a_run_says_absolutely_where_its_weights_were(folder, head_trained, tmp_path):
    """So it means the same from another directory."""
    written = head_trained.config().model.layers[1].arguments["weights"]
    assert written == str(folder / "backbone.weights.h5")
    (tmp_path / "mine.yaml").write_text(NETWORK + "init_from: ../elsewhere/runs/1\n")
    assert cnnzoo.load_config(tmp_path / "mine.yaml").init_from == str(
        tmp_path / ".." / "elsewhere" / "runs" / "1"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["init_from=nowhere"], "nowhere does not exist"),
        (["init_from=."], "is not a run directory"),
        (["model.layers.1.MobileNet.weights=gone.h5"], "gone.h5 does not exist"),
    ],
)
def test_what_is_not_there_is_missed_before_anything_is_loaded(folder, words, said):
    planned = check_config(cnnzoo.load_config(folder / "small.yaml", words))
    with pytest.raises((ConfigError, RunError), match=said):
        check_initial_weights(planned, downloads=False)


# ── freezing ───────────────────────────────────────────────────────────────────────────────────

NESTED = """
name: nested
model:
  input_shape: [8, 8, 1]
  classes: 3
  layers:
    - Conv2D: [4, 3]
    - Residual: {layers: [Conv2D: {filters: 4, kernel_size: 3, padding: same}, BatchNormalization]}
    - Flatten
    - Dense: {units: $classes, activation: softmax}
"""


def trained_layers(tmp_path: Path, patterns: str) -> list[str]:
    """The layers with weights that a training would change."""
    (tmp_path / "nested.yaml").write_text(NESTED)
    config = cnnzoo.load_config(tmp_path / "nested.yaml", [f"training.freeze={patterns}"])
    model = cnnzoo.build_model(config.model)
    freeze(model, config)
    return sorted({weight.path.split("/")[-2] for weight in model.trainable_weights})


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ("[]", ["batch_normalization", "conv2d", "conv2d_1", "dense"]),
        ("[conv2d]", ["batch_normalization", "conv2d_1", "dense"]),
        ("['conv2d*']", ["batch_normalization", "dense"]),
        ("[residual]", ["conv2d", "dense"]),
        ("['residual/*']", ["conv2d", "dense"]),
        ("[residual/conv2d_1]", ["batch_normalization", "conv2d", "dense"]),
        ("['conv2d*', batch_normalization]", ["dense"]),
        ("all_but_head", ["dense"]),
        ("[all_but_head, '!residual/conv2d_1']", ["conv2d_1", "dense"]),
        ("['*', '!dense']", ["dense"]),
        ("[residual, '!batch*']", ["batch_normalization", "conv2d", "dense"]),
        ("['!residual', '*', '!dense']", ["dense"]),
    ],
)
def test_patterns_name_layers_and_those_within_others(tmp_path, patterns, left):
    assert trained_layers(tmp_path, patterns) == left


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ("[conv2]", "training.freeze: no layer is called 'conv2'; did you mean 'conv2d'"),
        ("['*', '!conv2']", "training.freeze: no layer is called 'conv2'; did you mean 'conv2d'"),
        ("[xyz]", "hint: the layers: conv2d, residual, flatten, dense"),
        ("['*']", "training.freeze leaves nothing to train"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_a_mistake(tmp_path, patterns, said):
    with pytest.raises(ConfigError) as error:
        trained_layers(tmp_path, patterns)
    assert said in str(error.value)


def test_a_frozen_batch_normalization_keeps_its_statistics(tmp_path):
    (tmp_path / "nested.yaml").write_text(NESTED)
    config = cnnzoo.load_config(tmp_path / "nested.yaml", ["training.freeze=[residual]"])
    model = cnnzoo.build_model(config.model)
    freeze(model, config)
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = model.get_layer("residual").get_weights()
    images = np.random.default_rng(0).uniform(size=(8, 8, 8, 1))
    model.train_on_batch(images, np.arange(8) % 3)
    assert same(before, model.get_layer("residual").get_weights())


def test_a_line_says_how_much_is_frozen(tmp_path):
    (tmp_path / "nested.yaml").write_text(NESTED)
    config = cnnzoo.load_config(tmp_path / "nested.yaml", ["training.freeze=all_but_head"])
    model = cnnzoo.build_model(config.model)
    head = model.layers[-1].count_params()
    whole = model.count_params()
    said = f"frozen: 3 of 4 layers with weights, {whole - head:,} of {whole:,} parameters"
    assert freeze(model, config) == said
    assert freeze(model, cnnzoo.load_config(tmp_path / "nested.yaml")) is None
