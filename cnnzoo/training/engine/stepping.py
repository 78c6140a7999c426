"""The steps of an epoch on each backend. Imported only after Keras is loaded.

A stepper yields, while an epoch runs, the number of finished steps and the metrics so far, as
values of the backend. It may hold the state of the model itself until `sync` is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import keras

from cnnzoo.training.engine.batches import Batches
from cnnzoo.training.interrupt import StopRequest

Logs = Mapping[str, Any]


class Stepper(Protocol):
    """Trains or measures a compiled model, batch by batch."""

    def train(self, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        """Train on the batches from step `first` on."""

    def test(self, batches: Batches) -> Iterator[tuple[int, Logs]]:
        """Measure all batches."""

    def sync(self) -> None:
        """Assign the values after the last step to the variables of the model."""

    def stops(self) -> bool:
        """Return whether a stop is requested, in any of the processes that train the model.

        All of them return the same after the same step.
        """


def make_stepper(
    compiled_model: Any, batches: Batches, request: StopRequest | None = None
) -> Stepper:
    """The stepper of the backend, for a compiled model and batches of the form of `batches`.

    Creates the variables of the optimizer and of the metrics. `request` is that of this process.
    """
    # Keras creates them at the first step; a training that is resumed assigns them before.
    compiled_model._symbolic_build(data_batch=batches[0])
    stepper: Stepper = _STEPPERS[keras.backend.backend()](compiled_model, request or StopRequest())
    return stepper


class _TensorFlow:
    """Keras' own compiled functions, which run `steps_per_execution` steps in one call."""

    def __init__(self, compiled_model: Any, request: StopRequest) -> None:
        compiled_model.make_train_function()
        compiled_model.make_test_function()
        self.compiled_model = compiled_model
        self.request = request

    def train(self, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        yield from self._run(self.compiled_model.train_function, batches, first)

    def test(self, batches: Batches) -> Iterator[tuple[int, Logs]]:
        yield from self._run(self.compiled_model.test_function, batches, 0)

    def sync(self) -> None:
        pass

    def stops(self) -> bool:
        return self.request.signal is not None

    def _run(self, function: Any, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        from cnnzoo.training.engine.feeding import tf_dataset

        count, at_once = len(batches), self.compiled_model.steps_per_execution
        iterator = iter(tf_dataset(batches, first))
        for step in range(first, count, at_once):
            logs = function(iterator)  # runs fewer steps if no more are left
            yield min(step + at_once, count), logs


def _jax(compiled_model: Any, request: StopRequest) -> Stepper:
    from cnnzoo.training.engine.epoch_program import EpochProgram

    return EpochProgram(compiled_model, request=request)


class _Torch:
    """Keras' own steps, one at a time."""

    def __init__(self, compiled_model: Any, request: StopRequest) -> None:
        compiled_model.make_train_function()
        compiled_model.make_test_function()
        self.compiled_model = compiled_model
        self.request = request

    def train(self, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        self.compiled_model.train()
        for step in range(first, len(batches)):
            yield step + 1, self.compiled_model.train_function([batches[step]])

    def test(self, batches: Batches) -> Iterator[tuple[int, Logs]]:
        self.compiled_model.eval()
        for step in range(len(batches)):
            yield step + 1, self.compiled_model.test_function([batches[step]])

    def sync(self) -> None:
        pass

    def stops(self) -> bool:
        return self.request.signal is not None


_STEPPERS: Mapping[str, Any] = {"tensorflow": _TensorFlow, "jax": _jax, "torch": _Torch}
