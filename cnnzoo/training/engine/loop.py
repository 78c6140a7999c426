"""The training loop: steps, validation, the best model, and checkpoints.

Keras' `fit` cannot start in the middle of an epoch, so the loop runs the steps itself and calls
Keras' callbacks as `fit` does. All other files of a run are derived from its checkpoint, and are
written after it. Imported only after Keras is loaded.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import keras

from cnnzoo.architecture.labels import LESS, better
from cnnzoo.config.durations import seconds_of
from cnnzoo.datasets.contrast import Range, contrast_range
from cnnzoo.errors import DivergedError
from cnnzoo.models.saved import Description, save_model
from cnnzoo.runs.files import replacing
from cnnzoo.runs.run import Run
from cnnzoo.training.devices import is_first_process
from cnnzoo.training.engine.batches import Batches
from cnnzoo.training.engine.checkpoint import Arrays, State, save_checkpoint, save_constants
from cnnzoo.training.engine.stepping import make_stepper
from cnnzoo.training.engine.training_model import TrainingModel
from cnnzoo.training.engine.variables import (
    all_weights_finite,
    assign_attributes,
    assign_values,
    attributes_of,
    averaged,
    frozen_values,
    random_states_kept,
    values_of,
)
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.job import Job
from cnnzoo.training.loggers.loggers import Loggers
from cnnzoo.training.progress import Display, EndsAfter, Progress
from cnnzoo.training.settings import MIXED_FLOAT16


class Loop:
    """Train a job from a state on: call `start` first, then `run`.

    `batches` are those of the training and of the validation. The loop changes `state` as it runs.
    `started` is the time, by `time.perf_counter`, from which this process counts as training.
    `ends_after` may end the training after an epoch, before its checkpoint is written.
    """

    def __init__(
        self,
        *,
        run: Run,
        job: Job,
        training_model: TrainingModel,
        batches: tuple[Batches, Batches],
        state: State,
        display: Display,
        loggers: Loggers,
        stop_request: StopRequest,
        started: float,
        ends_after: EndsAfter | None = None,
    ) -> None:
        self.run_directory = run
        self.job = job
        self.training = job.config.training
        self.training_model = training_model
        self.compiled_model = training_model.compiled_model
        self.train, self.validation = batches
        self.state = state
        self.display = display
        self.loggers = loggers
        self.ends_after = ends_after
        self.less_is_better = better(job.config, self.training.monitor) == LESS
        # The loop applies averaged weights itself, without rounding.
        self.own_callbacks = [
            callback
            for callback in training_model.callbacks
            if not isinstance(callback, keras.callbacks.SwapEMAWeights)
        ]
        self.callbacks = keras.callbacks.CallbackList(
            self.own_callbacks,
            model=self.compiled_model,
            epochs=self.training.epochs,
            steps=len(self.train),
            verbose=0,
        )
        self.stepper = make_stepper(self.compiled_model, self.train, stop_request)
        self.writes = is_first_process()
        self.every = seconds_of(self.training.checkpoint_every)
        self.counted = started
        self.saved = time.perf_counter()

    def start(self, values: Arrays | None) -> None:
        """Restore the state, with the values of its variables; None for a new training."""
        state, epochs = self.state, self.training.epochs
        best = None
        if state.best_epoch is not None and state.best is not None:
            best = (state.best_epoch, state.best)
        self.compiled_model.stop_training = False
        self.callbacks.on_train_begin()
        if values is not None:
            assign_values(self.compiled_model, values, self.training_model.base)
            assign_attributes(self.own_callbacks, state.callbacks)
            self._write_derived_files()
        self.display.start(
            Progress(
                epochs=epochs,
                steps=len(self.train),
                images=len(self.train.rows),
                monitor=self.training.monitor,
                epoch=min(state.epoch + 1, epochs),
                step=state.step,
                best=best,
            )
        )

    def run(self) -> None:
        """Train until the last epoch has ended, or a callback stops the training.

        Raises:
            KeyboardInterrupt: a stop was requested; a checkpoint of the current step is written.
            DivergedError: the loss or a weight is NaN or infinite.

        """
        state = self.state
        self._count_time()
        while state.epoch < self.training.epochs and not state.stopped:
            self._check_stop()
            self.run_epoch()
        self.callbacks.on_train_end(state.rows[-1] if state.rows else None)

    def run_epoch(self) -> None:
        """Train the rest of the current epoch; raises what `run` raises."""
        state = self.state
        self.train.start_epoch(state.epoch)
        if state.logs is None and not state.step:
            state.running = 0.0
            self.compiled_model.reset_metrics()
        self.callbacks.on_epoch_begin(state.epoch)
        if state.logs is None:
            self._run_steps()
        self._end_epoch()

    def _run_steps(self) -> None:
        """Run the remaining steps of the epoch."""
        state, count = self.state, len(self.train)
        self.callbacks.on_train_batch_begin(state.step)
        for step, logs in self.stepper.train(self.train, state.step):
            metrics = _numbers(logs)
            state.step = step
            if not math.isfinite(metrics["loss"]):
                raise self._not_finite(f"the loss became {metrics['loss']}")
            self.callbacks.on_train_batch_end(step - 1, metrics)
            self.display.step(state.epoch + 1, step, metrics)
            if step == count or self.compiled_model.stop_training:
                state.logs = metrics
            is_due = time.perf_counter() - self.saved >= self.every
            if self.stepper.stops() or is_due:
                self._save()
            self._check_stop()
            if state.logs is not None:
                break
            self.callbacks.on_train_batch_begin(step)
        self.stepper.sync()

    def _end_epoch(self) -> None:
        """Run validation and callbacks, then write a checkpoint and the files derived from it."""
        state = self.state
        with averaged(self.compiled_model.optimizer), random_states_kept(self.compiled_model):
            logs = {**(state.logs or {}), **self._validate()}
            requested = self.stepper.stops()  # a later request stops the next epoch
            if not requested:
                row = {"epoch": state.epoch + 1, **logs, "learning_rate": self._learning_rate()}
                best = self._is_best(logs)
                self.callbacks.on_epoch_end(state.epoch, logs)
        if requested:
            self._save()
            raise KeyboardInterrupt
        self._count_time()
        state.epoch, state.step, state.logs = state.epoch + 1, 0, None
        state.rows.append(row)
        state.epoch_seconds.append(round(state.running, 3))
        state.stopped = bool(self.compiled_model.stop_training)
        if self.ends_after and self.ends_after(state.rows):
            state.stopped = True
        if best:
            state.best, state.best_epoch = logs[self.training.monitor], state.epoch
        self._save()
        self._write_derived_files()
        self.loggers.epoch(row)
        self.display.epoch({**row, "seconds": state.epoch_seconds[-1]}, best=best)

    def _check_stop(self) -> None:
        """Raise KeyboardInterrupt if a stop is requested."""
        if self.stepper.stops():
            raise KeyboardInterrupt

    def _validate(self) -> dict[str, float]:
        """The validation metrics; incomplete, and not used, after a stop request."""
        count = len(self.validation)
        if not count:
            return {}
        self.callbacks.on_test_begin()
        self.compiled_model.reset_metrics()
        self.display.validate(0, count)
        self.callbacks.on_test_batch_begin(0)
        for step, logs in self.stepper.test(self.validation):
            metrics = _numbers(logs)
            self.callbacks.on_test_batch_end(step - 1, metrics)
            self.display.validate(step, count)
            if step == count or self.stepper.stops():
                break
            self.callbacks.on_test_batch_begin(step)
        self.stepper.sync()
        self.callbacks.on_test_end(metrics)
        return {f"val_{name}": value for name, value in metrics.items()}

    def _save(self) -> None:
        self.stepper.sync()
        self._count_time()
        values = values_of(self.compiled_model)
        if not all_weights_finite(values):
            raise self._not_finite("a weight became NaN or infinite")
        self.state.callbacks = attributes_of(self.own_callbacks)
        if self.writes:
            folder = self.run_directory.checkpoints_path
            save_checkpoint(folder, values, self.state, self._frozen_file)
            self.display.saved()
        self.saved = time.perf_counter()

    @cached_property
    def _frozen_file(self) -> str | None:
        """The file with the values of the frozen layers, which is written once."""
        base = self.training_model.base
        if base is None:
            return None
        return save_constants(self.run_directory.checkpoints_path, frozen_values(base))

    def _write_derived_files(self) -> None:
        """Write the model, the history and the record that belong to the last checkpoint."""
        run, state = self.run_directory, self.state
        if state.rows and state.best_epoch == state.epoch and not state.step:
            # In all processes: they compare the values that are assigned to weights.
            with averaged(self.compiled_model.optimizer):
                if self.writes:
                    self._write_model()
        if not self.writes:
            return
        if state.rows:
            run.write_history(state.rows)
        run.update(
            best_epoch=state.best_epoch,
            epochs=state.epoch,
            epoch_seconds=state.epoch_seconds,
            seconds=round(state.seconds, 3),
        )

    def _write_model(self) -> None:
        run = self.run_directory
        with replacing(run.model_path) as path:
            save_model(self.training_model.updated_export_model(), path, self._description())
            # Only once the new model is on the disk: the results are those of the old one.
            run.remove_measurements()

    def _description(self) -> Description:
        return Description(
            class_names=self.job.dataset.class_names,
            resize=self.job.data.resize,
            pixel_range=self.job.dataset.file_range,
            contrast=self._contrast,
        )

    @cached_property
    def _contrast(self) -> Range | None:
        return contrast_range(self.job.dataset.splits["train"].images)

    def _is_best(self, logs: Mapping[str, float]) -> bool:
        monitor, best = self.training.monitor, self.state.best
        value = logs[monitor]
        if not math.isfinite(value):
            return False
        if best is None or value == best:
            return True  # of two equally good epochs the later one, which has trained longer
        return (value < best) == self.less_is_better

    def _count_time(self) -> None:
        now = time.perf_counter()
        self.state.seconds += now - self.counted
        self.state.running += now - self.counted
        self.counted = now

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.compiled_model.optimizer.learning_rate))

    def _not_finite(self, problem: str) -> DivergedError:
        state, count = self.state, len(self.train)
        epoch, step = (state.epoch + 1, state.step) if state.step else (state.epoch, count)
        hint = (
            "try a learning rate ten times smaller, or clipnorm: 1.0 in the optimizer; are the "
            "images rescaled (Rescaling: 1/255)?"
        )
        if self.job.settings.precision == MIXED_FLOAT16:
            hint += " Does training.precision=float32 solve it?"
        return DivergedError(
            f"{problem} in epoch {epoch}, step {step} of {count}, at a learning rate of "
            f"{self._learning_rate():.3g}",
            hint=hint,
        )


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """The metrics as numbers, in an order that does not depend on the backend."""
    return {name: float(logs[name]) for name in sorted(logs)}
