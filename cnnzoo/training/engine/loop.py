"""The epochs of a training: steps, validation, the best model, and a checkpoint of all of it.

Keras' `fit` cannot begin inside an epoch, so these are its steps, and its own callbacks are called
as it calls them. A checkpoint is the truth: what else is in a run follows from it, and is written
after it. Imported only where Keras is already loaded.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from cnnzoo.config.durations import seconds_of
from cnnzoo.config.schema import TrainingConfig
from cnnzoo.errors import ConfigError, TrainingError, did_you_mean
from cnnzoo.models.saved import Description, save_model
from cnnzoo.runs.run import Run
from cnnzoo.training.engine.batches import Batches
from cnnzoo.training.engine.checkpoint import Arrays, State, save_checkpoint
from cnnzoo.training.engine.stepping import make_stepper
from cnnzoo.training.engine.training_model import Trainee
from cnnzoo.training.engine.variables import (
    assign_attributes,
    assign_values,
    attributes_of,
    averaged,
    random_states_kept,
    values_of,
    weights_are_finite,
)
from cnnzoo.training.execution import Settings
from cnnzoo.training.interrupt import Asked
from cnnzoo.training.loggers.loggers import Logs
from cnnzoo.training.precision import MIXED_FLOAT16
from cnnzoo.training.progress import Course, Display

# How the names of losses and of metrics that measure an error end.
_LESS_IS_BETTER = ("loss", "error", "crossentropy", "divergence", "hinge", "poisson")


@dataclass(frozen=True, slots=True)
class Work:
    """What a training needs that does not change while it runs."""

    run: Run
    trainee: Trainee
    training: TrainingConfig
    settings: Settings
    train: Batches
    validation: Batches
    description: Description
    display: Display
    logs: Logs
    asked: Asked


class Loop:
    """Trains from a state on; `begin` first, then `run`."""

    def __init__(self, work: Work, state: State, began: float) -> None:
        """`began` is when this process began to work on the run, by `time.perf_counter`."""
        self.work = work
        self.state = state
        self.around = work.trainee.around
        # Averaged weights are put in and out by the loop itself, exactly.
        self.own_callbacks = [
            callback
            for callback in work.trainee.callbacks
            if not isinstance(callback, keras.callbacks.SwapEMAWeights)
        ]
        self.callbacks = keras.callbacks.CallbackList(
            self.own_callbacks,
            model=self.around,
            epochs=work.training.epochs,
            steps=len(work.train),
            verbose=0,
        )
        self.stepper = make_stepper(self.around, work.train)
        self.every = seconds_of(work.training.checkpoint_every)
        self.counted = began
        self.saved = time.perf_counter()

    def begin(self, values: Arrays | None) -> None:
        """Take up the state: the values of the variables that belong to it, None for a new one."""
        work, state = self.work, self.state
        best = None
        if state.best_epoch is not None and state.best is not None:
            best = (state.best_epoch, state.best)
        self.around.stop_training = False
        self.callbacks.on_train_begin()
        if values is not None:
            assign_values(self.around, values)
            assign_attributes(self.own_callbacks, state.callbacks)
            self._write_what_follows()
        work.display.start(
            Course(
                epochs=work.training.epochs,
                steps=len(work.train),
                images=len(work.train.rows),
                monitor=work.training.monitor,
                epoch=min(state.epoch + 1, work.training.epochs),
                step=state.step,
                best=best,
            )
        )

    def run(self) -> None:
        """Train until the last epoch has ended, or a callback wants no more.

        Raises:
            KeyboardInterrupt: it was asked to stop; a checkpoint of this moment is there.
            TrainingError: the loss or a weight is no number any more.

        """
        state = self.state
        self._count_time()
        while state.epoch < self.work.training.epochs and not state.stopped:
            self._stop_if_asked()
            self.run_epoch()
        self.callbacks.on_train_end(state.rows[-1] if state.rows else None)

    def run_epoch(self) -> None:
        """Train what is left of the epoch that the state is in; raises what `run` raises."""
        state = self.state
        self.work.train.begin(state.epoch)
        if state.logs is None and not state.step:
            state.running = 0.0
            self.around.reset_metrics()
        self.callbacks.on_epoch_begin(state.epoch)
        if state.logs is None:
            self._train()
        self._end_epoch()

    def _train(self) -> None:
        """The steps of the epoch that are left."""
        work, state, count = self.work, self.state, len(self.work.train)
        self.callbacks.on_train_batch_begin(state.step)
        for step, logs in self.stepper.train(work.train, state.step):
            metrics = _numbers(logs)
            state.step = step
            if not math.isfinite(metrics["loss"]):
                raise self._no_number(f"the loss became {metrics['loss']}")
            self.callbacks.on_train_batch_end(step - 1, metrics)
            work.display.step(state.epoch + 1, step, metrics)
            if step == count or self.around.stop_training:
                state.logs = metrics
            if work.asked.signal is not None or time.perf_counter() - self.saved >= self.every:
                self._save()
            self._stop_if_asked()
            if state.logs is not None:
                break
            self.callbacks.on_train_batch_begin(step)
        self.stepper.sync()

    def _end_epoch(self) -> None:
        """Validation and callbacks, a checkpoint, then what follows from it."""
        work, state = self.work, self.state
        with averaged(self.around.optimizer), random_states_kept(self.around):
            logs = {**(state.logs or {}), **self._validate()}
            asked = work.asked.signal is not None  # from here on it is too late
            if not asked:
                row = {"epoch": state.epoch + 1, **logs, "learning_rate": self._learning_rate()}
                best = self._is_best(logs)
                self.callbacks.on_epoch_end(state.epoch, logs)
        if asked:
            self._save()
            raise KeyboardInterrupt
        self._count_time()
        state.epoch, state.step, state.logs = state.epoch + 1, 0, None
        state.rows.append(row)
        state.epoch_seconds.append(round(state.running, 3))
        state.stopped = bool(self.around.stop_training)
        if best:
            state.best, state.best_epoch = logs[work.training.monitor], state.epoch
        self._save()
        self._write_what_follows()
        work.logs.epoch(row)
        work.display.epoch({**row, "seconds": state.epoch_seconds[-1]}, best=best)

    def _validate(self) -> dict[str, float]:
        """The metrics of the validation; they are worth nothing where it was asked to stop."""
        work, count = self.work, len(self.work.validation)
        if not count:
            return {}
        self.callbacks.on_test_begin()
        self.around.reset_metrics()
        work.display.validate(0, count)
        self.callbacks.on_test_batch_begin(0)
        for step, logs in self.stepper.test(work.validation):
            metrics = _numbers(logs)
            self.callbacks.on_test_batch_end(step - 1, metrics)
            work.display.validate(step, count)
            if step == count or work.asked.signal is not None:
                break
            self.callbacks.on_test_batch_begin(step)
        self.stepper.sync()
        self.callbacks.on_test_end(metrics)
        return {f"val_{name}": value for name, value in metrics.items()}

    def _save(self) -> None:
        self.stepper.sync()
        self._count_time()
        values = values_of(self.around)
        if not weights_are_finite(values):
            raise self._no_number("a weight became no number")
        self.state.callbacks = attributes_of(self.own_callbacks)
        save_checkpoint(self.work.run.checkpoints_path, values, self.state)
        self.saved = time.perf_counter()

    def _write_what_follows(self) -> None:
        """Write the model, the history and the record that belong to the last checkpoint."""
        work, state = self.work, self.state
        if state.rows and state.best_epoch == state.epoch and not state.step:
            with averaged(self.around.optimizer):
                save_model(work.trainee.to_save(), work.run.model_path, work.description)
        if state.rows:
            work.run.write_history(state.rows)
        work.run.update(
            best_epoch=state.best_epoch,
            epochs=state.epoch,
            epoch_seconds=state.epoch_seconds,
            seconds=round(state.seconds, 3),
        )

    def _is_best(self, logs: Mapping[str, float]) -> bool:
        monitor, best = self.work.training.monitor, self.state.best
        if monitor not in logs:
            raise ConfigError(
                f"training.monitor: nothing measures {monitor!r}" + did_you_mean(monitor, logs),
                place=self.work.training.place("monitor"),
                hint=f"measured: {', '.join(logs)}",
            )
        value = logs[monitor]
        if not math.isfinite(value):
            return False
        if best is None or value == best:
            return True  # of two equally good epochs the later one is kept: it has trained longer
        return (value < best) == monitor.endswith(_LESS_IS_BETTER)

    def _stop_if_asked(self) -> None:
        if self.work.asked.signal is not None:
            raise KeyboardInterrupt

    def _count_time(self) -> None:
        now = time.perf_counter()
        self.state.seconds += now - self.counted
        self.state.running += now - self.counted
        self.counted = now

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.around.optimizer.learning_rate))

    def _no_number(self, what: str) -> TrainingError:
        work, state, count = self.work, self.state, len(self.work.train)
        epoch, step = (state.epoch + 1, state.step) if state.step else (state.epoch, count)
        hint = (
            "try a learning rate ten times smaller, or clipnorm: 1.0 in the optimizer; are the "
            "images rescaled (Rescaling: 1/255)?"
        )
        if work.settings.precision == MIXED_FLOAT16:
            hint += " Does it last with training.precision=float32?"
        return TrainingError(
            f"{what} in epoch {epoch}, step {step} of {count}, at a learning rate of "
            f"{self._learning_rate():.3g}",
            hint=hint,
        )


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """The metrics as numbers, in an order that does not depend on the backend."""
    return {name: float(logs[name]) for name in sorted(logs)}
