"""How the steps of an epoch run on a backend. Imported only where Keras is already loaded.

A stepper gives, while an epoch runs, how many of its steps are done and the metrics so far, as
values of the backend. It may hold the state of the model itself until `sync` is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import keras

from cnnzoo.training.engine.batches import Batches

Logs = Mapping[str, Any]


class Stepper(Protocol):
    """Trains or measures a compiled model, batch by batch."""

    def train(self, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        """Train on the batches from step `first` on."""

    def test(self, batches: Batches) -> Iterator[tuple[int, Logs]]:
        """Measure all batches."""

    def sync(self) -> None:
        """Give the variables of the model the values that the last step left."""


def make_stepper(around: Any, batches: Batches) -> Stepper:
    """The stepper of the backend, for a compiled model and batches as it will be given.

    The variables of the optimizer and of the metrics are there afterwards.
    """
    # Keras makes them at the first step; a training that is resumed fills them before.
    around._symbolic_build(data_batch=batches[0])
    stepper: Stepper = _STEPPERS[keras.backend.backend()](around)
    return stepper


class _TensorFlow:
    """Keras' own compiled functions, which run `steps_per_execution` steps at once."""

    def __init__(self, around: Any) -> None:
        around.make_train_function()
        around.make_test_function()
        self.around = around

    def train(self, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        yield from self._run(self.around.train_function, batches, first)

    def test(self, batches: Batches) -> Iterator[tuple[int, Logs]]:
        yield from self._run(self.around.test_function, batches, 0)

    def sync(self) -> None:
        pass

    def _run(self, function: Any, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        from cnnzoo.training.engine.feeding import tf_dataset

        count, at_once = len(batches), self.around.steps_per_execution
        iterator = iter(tf_dataset(batches, first))
        for step in range(first, count, at_once):
            logs = function(iterator)  # of fewer steps where no more are left
            yield min(step + at_once, count), logs


def _jax(around: Any) -> Stepper:
    from cnnzoo.training.engine.epoch_program import EpochProgram

    return EpochProgram(around)


class _Torch:
    """Keras' steps as they are."""

    def __init__(self, around: Any) -> None:
        around.make_train_function()
        around.make_test_function()
        self.around = around

    def train(self, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        self.around.train()
        for step in range(first, len(batches)):
            yield step + 1, self.around.train_function([batches[step]])

    def test(self, batches: Batches) -> Iterator[tuple[int, Logs]]:
        self.around.eval()
        for step in range(len(batches)):
            yield step + 1, self.around.test_function([batches[step]])

    def sync(self) -> None:
        pass


_STEPPERS: Mapping[str, Any] = {"tensorflow": _TensorFlow, "jax": _jax, "torch": _Torch}
