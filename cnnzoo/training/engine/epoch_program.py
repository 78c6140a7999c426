"""Steps on JAX: as many as belong together are one compiled program, on the GPU a whole epoch.

Called step by step from Python, a fast GPU waits for Python most of the time where the network is
small. Here `jax.lax.scan` runs Keras' own stateless step over the batches of a chunk, within one
program that takes the state of the model and gives back the next one, in the same memory. What
augments, mixes and normalises images is part of the model, so all of it runs on the device.

Images that fit a share of the memory of the device are put there once, as uint8, and a chunk is
only the rows of its batches; others are read while the device computes the chunk before. Rows are
those of the step-by-step path, so order, resume and oversampling are the same.

Programs are compiled by the number of steps and of examples in a step: for training at most three
(a chunk; the last chunk, of fewer steps; the last step, of fewer examples), and as many for
validation.

On a CPU a chunk is one step, whose program has no loop: XLA computes the gradient of a convolution
in a loop there in a way that makes LeNet four times slower. `steps_per_execution` can still ask
for longer chunks, which is how the tests prove them. On a real GPU none of this has been run yet:
neither its speed, nor that `SHARE_FOR_IMAGES` leaves room enough, nor that a resumed training is
the same to the last bit. Imported only where JAX is the backend.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from cnnzoo.training.devices import Placement
from cnnzoo.training.engine.batches import Batches
from cnnzoo.training.hardware import Hardware, find_hardware

Logs = Mapping[str, Any]

# Of the memory of a device, for images that stay there. Activations may take half of it
# (`cnnzoo.training.execution`), which leaves a quarter for weights, gradients and moments.
SHARE_FOR_IMAGES = 0.25
# Of images that are read a chunk ahead, two chunks of which are in memory.
MOST_BYTES_AHEAD = 2**28

# In the order in which Keras' steps take them.
_TRAINED = ("trainable", "non_trainable", "optimizer", "metrics")
_MEASURED = ("trainable", "non_trainable", "metrics")


class EpochProgram:
    """A `cnnzoo.training.engine.stepping.Stepper`; `steps_per_execution` of the model make a chunk.

    From the first chunk on until `sync`, the variables of the model hold memory that was given
    away: the state of the model is where Keras' own `fit` on JAX keeps it. A callback that asks for
    its `model` makes Keras sync, so it finds the variables as the last chunk left them.
    """

    def __init__(self, around: Any, room: int | None = None) -> None:
        """`room` is how many bytes of images may stay on the device; None by the hardware."""
        self.around = around
        self.placement = Placement()
        self.train_program = self._compiled(around.train_step)
        self.test_program = self._compiled(around.test_step)
        self.room = room_for_images(find_hardware()) if room is None else room
        self.held: Any = None
        self.placed: dict[Batches, Any] = {}  # what of them is on the device

    def train(self, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        """Train on the batches from step `first` on."""
        yield from self._run(self.train_program, _TRAINED, batches, first)

    def test(self, batches: Batches) -> Iterator[tuple[int, Logs]]:
        """Measure all batches."""
        yield from self._run(self.test_program, _MEASURED, batches, 0)

    def sync(self) -> None:
        """Give the variables of the model the values that the last chunk left."""
        self.around.jax_state_sync()
        vars(self.around).update(_jax_state=None)
        self.held = None

    def _compiled(self, step: Any) -> Any:
        def program(state: Any, source: Any, chunk: Any) -> tuple[Logs, Any]:
            def body(state: Any, item: Any) -> tuple[Any, Logs]:
                logs, state = step(state, item if source is None else _gathered(source, item))
                return state, logs

            if jax.tree.leaves(chunk)[0].shape[0] == 1:  # no loop: XLA compiles one worse
                state, logs = body(state, jax.tree.map(lambda part: part[0], chunk))
                return logs, state
            state, logs = jax.lax.scan(body, state, chunk)
            return jax.tree.map(lambda values: values[-1], logs), state

        return jax.jit(program, donate_argnums=0, out_shardings=(None, self.placement.everywhere()))

    def _run(
        self, program: Any, groups: tuple[str, ...], batches: Batches, first: int
    ) -> Iterator[tuple[int, Logs]]:
        self.sync()
        chunks = self._chunks(batches, first)
        ahead = next(chunks, None)
        while ahead:
            done, source, chunk = ahead
            logs, state = program(self._state(groups), source, chunk)
            self._hold(groups, state)
            ahead = next(chunks, None)  # is read while the device computes
            yield done, logs

    def _state(self, groups: tuple[str, ...]) -> Any:
        """The values that the next chunk begins with."""
        if self.around._jax_state_synced:  # the variables were read, and may have been changed
            return self.around._get_jax_state(**{f"{group}_variables": True for group in groups})
        return self.held

    def _hold(self, groups: tuple[str, ...], state: Any) -> None:
        """Keep the values that a chunk left, where `jax_state_sync` finds them."""
        named = {f"{group}_variables": values for group, values in zip(groups, state, strict=True)}
        self.held = state
        # Past Keras' tracking of attributes, which takes longer than a small step.
        vars(self.around).update(_jax_state=named, _jax_state_synced=False)

    def _chunks(self, batches: Batches, first: int) -> Iterator[tuple[int, Any, Any]]:
        """How many steps are done after each chunk, what its rows are taken from, and itself."""
        source, size = self._source(batches), batches.batch_size
        full, at_once = len(batches.rows) // size, self._at_once(batches)
        for start, stop in spans(first, full, len(batches), at_once):
            rows = batches.rows[start * size : stop * size].reshape(stop - start, -1)
            if source is None:
                chunk = tuple(self.placement.put(part, axis=1) for part in batches.take(rows))
            else:
                chunk = self.placement.put(rows.astype(np.int32), axis=1)
            yield stop, source, chunk

    def _source(self, batches: Batches) -> Any:
        """The examples on the device; None where they do not fit."""
        if batches not in self.placed:
            size = math.prod(batches.examples.images.shape)
            fits = size <= self.room
            self.room -= size if fits else 0
            self.placed[batches] = self._place(batches) if fits else None
        return self.placed[batches]

    def _place(self, batches: Batches) -> Any:
        parts = batches.take(np.arange(len(batches.examples)))
        return tuple(self.placement.put(part) for part in parts)

    def _at_once(self, batches: Batches) -> int:
        """Steps in a chunk."""
        wanted = int(self.around.steps_per_execution)
        if self.placed[batches] is not None:
            return wanted
        step = batches.batch_size * math.prod(batches.examples.images.shape[1:])
        return max(1, min(wanted, MOST_BYTES_AHEAD // step))


def room_for_images(hardware: Hardware) -> int:
    """How many bytes of images may stay on the device: on a CPU none, for they are there already.

    It is a share of all memory, not of what is free now, so that it is the same in every run.
    """
    return int((hardware.memory or 0) * SHARE_FOR_IMAGES) if hardware.gpu else 0


def spans(first: int, full: int, count: int, at_once: int) -> Iterator[tuple[int, int]]:
    """The chunks from step `first` on, of an epoch of `full` whole steps and `count` in all.

    They end at the same steps wherever the epoch begins. A step of fewer examples is a chunk.
    """
    start = first
    while start < full:
        stop = min((start // at_once + 1) * at_once, full)
        yield start, stop
        start = stop
    if start < count:
        yield start, count


def _gathered(source: Any, rows: Any) -> Any:
    return tuple(part[rows] for part in source)
