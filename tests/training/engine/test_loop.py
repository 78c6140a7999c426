"""The loop by itself, on one network that is compiled once and loses its state at each end."""

from __future__ import annotations

import math
import signal
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cnnzoo.config.loader import load_config
from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.errors import ConfigError, TrainingError
from cnnzoo.runs.run import Run
from cnnzoo.training.checks import check_config
from cnnzoo.training.engine.batches import Batches, shuffled_batches
from cnnzoo.training.engine.checkpoint import State, checkpoints_in, newest_checkpoint
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.job import Job
from cnnzoo.training.loggers.loggers import Loggers
from cnnzoo.training.progress import Display
from cnnzoo.training.settings import Settings

# Everything that has a state: random layers, mixing, averages, a plateau, early stopping.
DEMANDING = """
name: demanding
model:
  input_shape: [6, 6, 1]
  layers:
    - Rescaling: 1/255
    - Conv2D: {filters: 2, kernel_size: 3}
    - BatchNormalization
    - Flatten
    - Dropout: 0.2
    - Dense: {units: $classes, activation: softmax}
data:
  name: digits
  augment: [RandomTranslation: [0.1, 0.1], MixUp: 0.4]
training:
  epochs: 6
  optimizer: {Adam: {learning_rate: 0.05, use_ema: true, ema_momentum: 0.8}}
  callbacks:
    - ReduceLROnPlateau: {factor: 0.5, patience: 1, min_delta: 9}
    - EarlyStopping: {patience: 3, min_delta: 9, restore_best_weights: true}
"""
CLASSES = tuple("0123456789")
BATCH, AT_ONCE = 8, 2


class KilledError(Exception):
    """A process that is gone."""


class Killing(Display):
    """Ends the loop at some moment, counted in executions of training and validation."""

    def __init__(self, moment, request=None):
        self.moment, self.request, self.done = moment, request, 0

    def step(self, epoch, step, metrics):
        self.done += 1
        if self.done == self.moment:
            if self.request is None:
                raise KilledError
            self.request.signal = signal.SIGTERM

    def validate(self, step, steps):
        self.step(0, step, {})


class Outcome(dict):
    """All that is left of a run, by what it is."""

    def __repr__(self):
        return f"<{len(self)} values>"  # hypothesis would write out every weight


class Bench:
    """A compiled network, its data, and runs to train it in."""

    def __init__(self, folder):
        import keras

        from cnnzoo.training.engine.seeding import fix_seed
        from cnnzoo.training.engine.training_model import make_training_model
        from cnnzoo.training.engine.variables import values_of

        self.folder, self.runs = folder, 0
        (folder / "demanding.yaml").write_text(DEMANDING)
        checked = check_config(load_config(folder / "demanding.yaml"))
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (26, 6, 6, 1), dtype=np.uint8)
        self.examples = Examples(images, rng.integers(0, 10, 26, dtype=np.int32))
        dataset = Dataset("any", CLASSES, {"train": self.examples}, "", {})
        settings = Settings(BATCH, AT_ONCE)
        self.job = Job(checked.config, dataset, checked.architecture, checked.head, settings)
        weights = np.linspace(0.5, 2, 10, dtype=np.float32)
        self.train = shuffled_batches(self.examples, BATCH, 3, "oversample", weights)
        rows = np.arange(16)
        self.validation = Batches(self.examples, BATCH, lambda epoch: rows)
        fix_seed(keras, 0)
        self.training_model = make_training_model(self.job, len(self.train))
        self.loop(self.run(), State(), {})  # makes every variable
        self.first = values_of(self.training_model.compiled_model)

    def run(self):
        self.runs += 1
        path = self.folder / f"run{self.runs}"
        path.mkdir()
        return Run(path)

    def loop(self, run, state, wishes):
        from cnnzoo.models.objects import make
        from cnnzoo.training.engine.loop import Loop

        training = self.job.config.training
        callbacks = tuple(make(call) for call in training.callbacks)
        changed = training.model_copy(update=wishes.get("training", {}))
        config = self.job.config.model_copy(update={"training": changed})
        return Loop(
            run=run,
            job=replace(self.job, config=config),
            training_model=replace(self.training_model, callbacks=callbacks),
            batches=(self.train, wishes.get("validation", self.validation)),
            state=state,
            display=wishes.get("display") or Display(),
            loggers=Loggers(),
            stop_request=wishes.get("request") or StopRequest(),
            started=0.0,
        )

    def go(self, run, **wishes):
        """Train a run from its newest checkpoint, or from the first weights on."""
        from cnnzoo.training.engine.variables import assign_values, values_of

        values, state = newest_checkpoint(run.checkpoints_path, pytest.fail) or (None, State())
        compiled_model = self.training_model.compiled_model
        assign_values(compiled_model, self.first)
        loop = self.loop(run, state, wishes)
        loop.start(values)
        try:
            loop.run()
        finally:
            # What is in no file is lost with the process.
            assign_values(
                compiled_model,
                {name: value * 0 + 1 for name, value in values_of(compiled_model).items()},
            )
        return loop

    def outcome(self, run):
        values, state = newest_checkpoint(run.checkpoints_path, pytest.fail)
        found = {f"checkpoint {name}": value for name, value in values.items()}
        for number, callback in enumerate(state.callbacks):
            found |= {f"callback {number} {name}": value for name, value in callback.items()}
        record = run.record()
        return Outcome(
            found,
            history=run.history_path.read_bytes(),
            best_epoch=record["best_epoch"],
            epochs=record["epochs"],
            model=best_weights(run),
        )


def best_weights(run):
    import keras

    return keras.saving.load_model(run.model_path).get_weights()


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_equal(found[name], value, err_msg=name)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)  # no power is lost here
        yield Bench(tmp_path_factory.mktemp("loop"))


@pytest.fixture(scope="module")
def whole(bench):
    """The run that was never stopped, and what is left of it."""
    run = bench.run()
    bench.go(run)
    return bench.outcome(run)


def test_the_recipe_exercises_what_it_is_made_for(whole):
    history = whole["history"].decode().splitlines()
    rates = {line.rpartition(",")[2] for line in history[1:]}
    assert len(rates) > 1, "the plateau lowers the learning rate"
    assert whole["epochs"] < 6, "early stopping ends it"
    assert whole["callback 1 best_weights"], "early stopping remembers weights"


@settings(max_examples=6)
@given(
    kills=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    every=st.sampled_from(["0.001s", "1h"]),
    ask=st.booleans(),
)
@example(kills=[3], every="1h", ask=True)  # within an epoch
@example(kills=[8], every="1h", ask=True)  # within a validation, after 6 times 2 steps
@example(kills=[5, 9, 3], every="0.001s", ask=False)
def test_a_training_that_is_stopped_ends_as_if_it_had_not_been(bench, whole, kills, every, ask):
    """At any moments, killed or request to stop, with and without checkpoints inside epochs."""
    run = bench.run()
    training = {"checkpoint_every": every}
    for moment in kills:
        request = StopRequest() if ask else None
        try:
            bench.go(run, display=Killing(moment, request), request=request, training=training)
        except (KilledError, KeyboardInterrupt):
            continue
        break  # it had ended before
    bench.go(run, training=training)
    assert_equal(bench.outcome(run), whole)


def test_who_asks_loses_no_step(bench):
    run, request = bench.run(), StopRequest()
    with pytest.raises(KeyboardInterrupt):
        bench.go(run, display=Killing(1, request), request=request)
    assert [path.name for path in checkpoints_in(run.checkpoints_path)] == [
        f"epoch-00000-step-{AT_ONCE:07}.npz"
    ]


def test_of_many_checkpoints_two_are_kept(bench):
    run = bench.run()
    bench.go(run, training={"checkpoint_every": "0.001s"})
    assert len(checkpoints_in(run.checkpoints_path)) == 2


def test_the_average_is_measured_and_kept_and_the_weights_go_on_without_it(bench):
    """One epoch: the saved weights are the averages that the optimizer has, the raw ones others."""
    run = bench.run()
    bench.go(run, training={"epochs": 1})
    values, state = newest_checkpoint(run.checkpoints_path, pytest.fail)
    compiled_model = bench.training_model.compiled_model
    optimizer = {id(v): f"optimizer/{n}" for n, v in enumerate(compiled_model.optimizer.variables)}
    model = {id(v): f"model/{n}" for n, v in enumerate(compiled_model.variables)}
    kept = best_weights(run)
    weights = [weight.path for weight in bench.training_model.model.weights]
    averages = compiled_model.optimizer._model_variables_moving_average
    for variable, average in zip(compiled_model.trainable_variables, averages, strict=True):
        saved = kept[weights.index(variable.path)]
        assert (saved == values[optimizer[id(average)]]).all()
        assert (saved != values[model[id(variable)]]).any()
    measured = bench.training_model.model
    measured.set_weights(kept)
    images, labels = bench.examples.images[:16], bench.examples.labels[:16]
    accuracy = np.mean(np.argmax(measured.predict_on_batch(images), 1) == labels)
    assert state.rows[0]["val_accuracy"] == pytest.approx(accuracy)


def test_a_weight_that_is_no_number_is_in_no_checkpoint(bench):
    run = bench.run()

    class Spoiling(Display):
        def step(self, epoch, step, metrics):
            if step == len(bench.train):
                weight = bench.training_model.model.weights[0]
                weight.assign(weight * math.nan)

    with pytest.raises(
        TrainingError, match=r"a weight became NaN or infinite in epoch 1, step 12 of 12"
    ):
        bench.go(run, display=Spoiling())
    assert not checkpoints_in(run.checkpoints_path)
    assert not run.model_path.exists()


def test_a_metric_that_nobody_measures_is_named():
    config = load_config("lenet", ["training.monitor=val_acuracy"])
    with pytest.raises(ConfigError, match=r"'val_acuracy' is not measured; did you mean"):
        check_config(config)


def test_without_validation_there_are_no_metrics_of_one(bench):
    run, none = bench.run(), Batches(bench.examples, BATCH, lambda epoch: np.arange(0))
    with pytest.warns(UserWarning, match="val_loss"):  # the callbacks miss it
        bench.go(run, validation=none, training={"monitor": "loss", "epochs": 1})
    assert not [name for name in run.history()[0] if name.startswith("val_")]


def test_times_add_up_over_processes(bench):
    run, request = bench.run(), StopRequest()
    with pytest.raises(KeyboardInterrupt):
        bench.go(run, display=Killing(2, request), request=request)
    _, before = newest_checkpoint(run.checkpoints_path, pytest.fail)
    assert 0 < before.running < before.seconds
    bench.go(run, training={"epochs": 1})
    record = run.record()
    assert record["epoch_seconds"][0] > before.running
    assert record["seconds"] > before.seconds
