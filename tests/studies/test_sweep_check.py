from __future__ import annotations

import pytest
from sweeps import TEXT

from cnnzoo.config.loader import load_raw
from cnnzoo.errors import ConfigError
from cnnzoo.studies.sweep_check import check_sweep

BATCHES = "training.batch_size: [16, 32]"


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("training.batch_siz: [16]", "13:5: error: training has no key 'batch_siz'; did you", ""),
        (
            "training.batch_size: [16, 0]",
            "13:31: error: training.batch_size must be a positive",
            "",
        ),
        ("training.epochs: {int: [0, 3]}", "13:28: error: training.epochs must be at least 1", ""),
        (
            "model.params.width: [8]",
            "13:5: error: model.params has no 'width'",
            "define it: model:",
        ),
        ("model.layers.9: [Flatten]", "13:5: error: '9' is not an index of a list", "from 0 to 2"),
        ("data.augment: [[RandomFli: vertical]]", "did you mean 'RandomFlip'?", ""),
        ("model.layers.1: [{Conv2D: [4, 9]}]", "Conv2D 9x9 does not fit its 8x8 input", "padding"),
    ],
)
def test_a_value_that_does_not_fit_has_a_place_and_a_fix(tmp_path, written, message, hint):
    path = tmp_path / "quick.yaml"
    path.write_text(TEXT.replace(BATCHES, written))
    with pytest.raises(ConfigError) as raised:
        check_sweep(load_raw(path))
    assert message in str(raised.value)
    assert hint in str(raised.value)
    assert str(raised.value).startswith(f"{path}:13:")


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("val_acuracy", "'val_acuracy' is not measured; did you mean 'val_accuracy'?"),
        ("val_loss", "smaller values of val_loss are better"),
        ("-accuracy", "larger values of accuracy are better"),
        ("macs", "smaller values of macs are better"),
    ],
)
def test_an_objective_must_be_measured_and_have_the_right_sign(tmp_path, objective, message):
    path = tmp_path / "quick.yaml"
    path.write_text(TEXT + f"  objective: {objective}\n")
    with pytest.raises(ConfigError, match=message):
        check_sweep(load_raw(path))


def test_every_kind_of_key_can_be_searched(tmp_path):
    path = tmp_path / "quick.yaml"
    keys = """training.batch_size: [16, 32]
    training.optimizer: [SGD, {Adam: {learning_rate: 1e-2}}]
    training.optimizer.AdamW.weight_decay: {float: [0, 0.1]}
    model.layers.1: [Flatten, GlobalAveragePooling2D]
    model.layers: [[Flatten, Dense: [$classes, softmax]]]
    data: [digits, {name: digits, limit: 10}]
    data.augment: [[], [RandomFlip: horizontal]]
    training.label_smoothing: {float: [0, 0.2], step: 0.1}"""
    path.write_text(TEXT.replace(BATCHES, keys))
    assert check_sweep(load_raw(path)).sweep


def test_a_file_without_the_section_is_refused(tmp_path):
    path = tmp_path / "quick.yaml"
    path.write_text(TEXT.partition("sweep:")[0])
    with pytest.raises(ConfigError, match="quick has no sweep section"):
        check_sweep(load_raw(path))
