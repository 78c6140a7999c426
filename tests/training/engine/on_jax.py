"""Tests of what runs on JAX; test_epoch_program.py runs them in a process of their own.

The process of the suite has Keras on another backend. This one has two virtual devices.
"""

from __future__ import annotations

from itertools import pairwise

import jax
import keras
import numpy as np
import pytest

import cnnzoo
from cnnzoo.config.loader import load_config
from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.errors import ConfigError
from cnnzoo.training.checks import check_config
from cnnzoo.training.engine.batches import ordered_batches, training_batches
from cnnzoo.training.engine.epoch_program import EpochProgram, spans
from cnnzoo.training.engine.training_model import make_training_model
from cnnzoo.training.engine.variables import assign_values, averaged, values_of
from cnnzoo.training.job import Job
from cnnzoo.training.settings import Settings

# Keras asks for int64 where it mixes images, and JAX has 32 bits.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")

SEED, BATCH, AT_ONCE = 3, 4, 3
EXAMPLES = 30  # chunks of 3, 3 and 1 steps, and one of 2 examples
FIRST = "augmentation, dropout, class weights, a schedule"

MODEL = [
    "model.input_shape=[6, 6, 1]",
    "model.classes=3",
    "data=digits",
    "data.classes=['0', '1', '2']",
]
# Not Adam: where a gradient is next to nothing, it makes a whole step of its rounding.
SGD = "training.optimizer={SGD: {momentum: 0.9, learning_rate: {CosineDecay: [0.05, $steps]}}}"
RECIPES = {
    FIRST: [
        "data.augment=[RandomFlip]",
        "training.class_weight=balanced",
        SGD,
    ],
    "moving averages of the weights": [
        "training.optimizer={SGD: {learning_rate: 0.05, use_ema: true, ema_momentum: 0.5}}",
    ],
    "gradients of three steps, the same examples again": [
        "data.balance=oversample",
        "training.optimizer={SGD: {learning_rate: 0.05, gradient_accumulation_steps: 3}}",
    ],
    "MixUp": ["data.augment=[MixUp: 0.4]"],
    "mixed_bfloat16": ["training.precision=mixed_bfloat16"],
}
LAYERS = """
name: tiny
model:
  layers:
    - Rescaling: 1/255
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - BatchNormalization
    - Flatten
    - Dropout: 0.3
    - Dense: {units: $classes, activation: softmax}
"""


def examples(count=EXAMPLES) -> Examples:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 6, 6, 1), dtype=np.uint8)
    return Examples(images, rng.choice(3, count, p=[0.6, 0.2, 0.2]).astype(np.int32))


@pytest.fixture
def made(tmp_path):
    """A compiled model and the batches of an epoch, as a configuration says."""

    def make(words=(), count=EXAMPLES):
        path = tmp_path / "tiny.yaml"
        path.write_text(LAYERS)
        checked = check_config(load_config(path, [*MODEL, f"seed={SEED}", *words]))
        dataset = Dataset("any", ("0", "1", "2"), {"train": examples(count)}, "", {})
        settings = Settings(BATCH, AT_ONCE, checked.config.training.precision)
        job = Job(checked.config, dataset, checked.architecture, checked.head, settings)
        batches = training_batches(job)
        keras.utils.set_random_seed(SEED)
        compiled_model = make_training_model(job, len(batches)).compiled_model
        compiled_model._symbolic_build(data_batch=batches[0])
        return compiled_model, batches

    return make


def plain(logs) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}


def one_by_one(compiled_model, batches) -> list[dict[str, float]]:
    """The metrics up to each step, of steps as Keras' `train_on_batch` does them."""
    taken, sums, logs = 0, {"accuracy": 0.0, "loss": 0.0}, []
    for step in range(len(batches)):
        batch = batches[step]
        alone = compiled_model.train_on_batch(*batch, return_dict=True)
        taken += len(batch[0])
        for name in sums:
            sums[name] += len(batch[0]) * float(alone[name])
        logs.append({name: total / taken for name, total in sums.items()})
    return logs


def in_chunks(stepper, batches, first=0) -> dict[int, dict[str, float]]:
    """The metrics after each chunk."""
    if not first:
        stepper.compiled_model.reset_metrics()
    logs = {step: plain(logs) for step, logs in stepper.train(batches, first)}
    stepper.sync()
    return logs


@pytest.mark.parametrize(
    ("recipe", "room"),
    [*((recipe, 2**20) for recipe in RECIPES), (FIRST, 0)],
)
def test_an_epoch_is_that_of_steps_one_by_one(made, recipe, room):
    """Where images stay on the device, and where a chunk of them is read ahead."""
    close = 1e-2 if recipe == "mixed_bfloat16" else 1e-5
    # Two whole chunks, which are one program, do for the others.
    compiled_model, batches = made(
        RECIPES[recipe], EXAMPLES if recipe == FIRST else 2 * AT_ONCE * BATCH
    )
    batches.start_epoch(1)
    before = values_of(compiled_model)
    wanted = one_by_one(compiled_model, batches)
    after = values_of(compiled_model)
    assign_values(compiled_model, before)
    stepper = EpochProgram(compiled_model, room)
    told = in_chunks(stepper, batches)
    assert (stepper.placed[batches] is not None) == bool(room)
    assert list(told)[:2] == [AT_ONCE, 2 * AT_ONCE]
    assert list(told)[-1] == len(batches) == len(wanted)
    assert stepper.train_program._cache_size() == (3 if recipe == FIRST else 1)
    for step, logs in told.items():
        assert logs == pytest.approx(wanted[step - 1], rel=close)
    for name, value in values_of(compiled_model).items():
        if not name.startswith("metrics"):
            np.testing.assert_allclose(value, after[name], rtol=close, atol=close)


def test_an_epoch_that_begins_inside_itself_ends_the_same(made):
    """To the last bit, and a validation in between changes nothing."""
    compiled_model, batches = made(RECIPES["moving averages of the weights"])
    stepper, held_out = EpochProgram(compiled_model), ordered_batches(examples())
    before = values_of(compiled_model)
    whole, wanted = in_chunks(stepper, batches), values_of(compiled_model)
    assign_values(compiled_model, before)
    compiled_model.reset_metrics()
    for step, _ in stepper.train(batches, 0):
        if step == 2 * AT_ONCE:
            break
    stepper.sync()
    parted = values_of(compiled_model)
    with averaged(compiled_model.optimizer):
        compiled_model.reset_metrics()
        *_, (_, measured) = stepper.test(held_out)
        stepper.sync()
        alone = compiled_model.test_on_batch(*held_out[0], return_dict=True)
        assert plain(measured) == pytest.approx(plain(alone), rel=1e-5)
    assign_values(compiled_model, parted)
    assert in_chunks(stepper, batches, 2 * AT_ONCE)[len(batches)] == whole[len(batches)]
    np.testing.assert_equal(values_of(compiled_model), wanted)


def test_a_callback_that_asks_for_the_model_finds_it_as_the_last_chunk_left_it(made):
    compiled_model, batches = made(count=2 * AT_ONCE * BATCH)
    callback = keras.callbacks.Callback()
    callback.set_model(compiled_model)
    before, seen = compiled_model.get_weights()[0], []
    for _ in EpochProgram(compiled_model).train(batches, 0):
        seen.append(callback.model.get_weights()[0])
    assert all((one != other).any() for one, other in pairwise([before, *seen]))


@pytest.mark.parametrize(("first", "full", "count"), [(0, 7, 8), (3, 7, 8), (7, 7, 8), (4, 6, 6)])
def test_chunks_end_at_the_same_steps_wherever_an_epoch_begins(first, full, count):
    whole = list(spans(0, full, count, AT_ONCE))
    assert [start for start, _ in whole] == [0, *(stop for _, stop in whole[:-1])]
    parted = list(spans(first, full, count, AT_ONCE))
    assert parted[0][0] == first
    assert [stop for _, stop in parted] == [stop for _, stop in whole if stop > first]


def history_of(tmp_path, *words) -> list[dict[str, float]]:
    """The epochs of a training whose last step has an odd number of digits."""
    path = tmp_path / "tiny.yaml"
    path.write_text(LAYERS)
    always = ["model.input_shape=[8, 8, 1]", "data=digits", "data.limit=21", SGD]
    run = cnnzoo.train(load_config(path, [*always, "training.epochs=2", *words]), tmp_path / "runs")
    assert run.record()["data"]["examples"]["train"] % 48 % 2 == 1
    return run.history()


def assert_close(rows, others):
    assert len(rows) == len(others) == 2
    for row, other in zip(rows, others, strict=True):
        assert row == pytest.approx(other, rel=1e-5)


def test_two_devices_lose_what_one_loses(tmp_path):
    assert len(jax.devices()) == 2
    words = ["training.batch_size=48", "training.steps_per_execution=2"]
    assert_close(history_of(tmp_path, "training.devices=all", *words), history_of(tmp_path, *words))


def test_a_batch_that_devices_cannot_share_is_told(tmp_path):
    with pytest.raises(ConfigError, match="2 devices cannot share 27 images equally"):
        history_of(tmp_path, "training.devices=all", "training.batch_size=27")
