"""Steps on JAX: several steps are one compiled program, on a GPU a whole epoch.

With one call per step, a fast GPU waits for Python most of the time if the network is small. Here
`jax.lax.scan` runs Keras' own stateless step over the batches of a chunk, within one program that
takes the state of the model and returns the next state, in the same memory. Augmentation, mixing
and normalisation are part of the model, so all of it runs on the device.

Images that fit in a share of the device memory are copied there once, as uint8, and a chunk is only
the rows of its batches; otherwise the images of a chunk are read while the device computes the
previous chunk. The rows are those of the step-by-step path, so order, resume and oversampling are
the same.

A program is compiled for each number of steps and of examples in a step: for training at most three
(a chunk; the last chunk, with fewer steps; the last step, with fewer examples), and as many for
validation.

On a CPU a chunk is one step, whose program has no loop: XLA computes the gradient of a convolution
in a loop so that LeNet is four times slower. `steps_per_execution` can still set longer chunks,
which the tests use. Not tested on a GPU: speed, whether `SHARE_FOR_IMAGES` leaves enough memory,
and whether a resumed training has the same bits. Imported only if JAX is the backend.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from cnnzoo.training.devices import process_count
from cnnzoo.training.engine.batches import Batches
from cnnzoo.training.engine.placement import Placement
from cnnzoo.training.hardware import Hardware, find_hardware
from cnnzoo.training.interrupt import StopRequest

Logs = Mapping[str, Any]

# Share of the device memory for images. Activations may take half of the memory
# (`cnnzoo.training.settings`), which leaves a quarter for weights, gradients and moments.
SHARE_FOR_IMAGES = 0.25
# Size of a chunk of images that is read ahead; two chunks are in memory.
MOST_BYTES_AHEAD = 2**28

# In the order of the arguments of Keras' steps.
_TRAINED = ("trainable", "non_trainable", "optimizer", "metrics")
_MEASURED = ("trainable", "non_trainable", "metrics")


class EpochProgram:
    """A `stepping.Stepper` for JAX; a chunk has `steps_per_execution` steps.

    From the first chunk until `sync`, the memory of the model's variables is donated to the
    program: the state of the model is where Keras' own `fit` on JAX keeps it. A callback that
    accesses its `model` makes Keras sync, so the variables have the values after the last chunk.
    """

    def __init__(
        self, compiled_model: Any, room: int | None = None, request: StopRequest | None = None
    ) -> None:
        """Set the bytes of images that may stay on the device; None chooses by the hardware."""
        self.compiled_model = compiled_model
        self.placement = Placement()
        self.train_program = self._compiled(compiled_model.train_step)
        self.test_program = self._compiled(compiled_model.test_step)
        self.room = room_for_images(find_hardware()) if room is None else room
        self.request = request or StopRequest()
        self.is_one_of_several = process_count() > 1
        self.requests: Any = None  # the number of devices whose process requested a stop
        self.held: Any = None
        self.placed: dict[Batches, Any] = {}  # their examples on the device, or None

    def train(self, batches: Batches, first: int) -> Iterator[tuple[int, Logs]]:
        """Train on the batches from step `first` on."""
        yield from self._run(self.train_program, _TRAINED, batches, first)

    def test(self, batches: Batches) -> Iterator[tuple[int, Logs]]:
        """Measure all batches."""
        yield from self._run(self.test_program, _MEASURED, batches, 0)

    def sync(self) -> None:
        """Assign the values after the last chunk to the variables of the model."""
        self.compiled_model.jax_state_sync()
        vars(self.compiled_model).update(_jax_state=None)
        self.held = None

    def stops(self) -> bool:
        """Return whether a stop was requested; several processes agree on it in each chunk.

        If one of them stopped before the others, they would wait for it forever.
        """
        if self.is_one_of_several:
            return self.requests is not None and float(self.requests) > 0
        return self.request.signal is not None

    def _compiled(self, step: Any) -> Any:
        def program(state: Any, source: Any, chunk: Any, flags: Any) -> tuple[Logs, Any, Any]:
            requests = None if flags is None else flags.sum()

            def body(state: Any, item: Any) -> tuple[Any, Logs]:
                logs, state = step(state, item if source is None else _gathered(source, item))
                return state, logs

            if jax.tree.leaves(chunk)[0].shape[0] == 1:  # without a loop, which XLA compiles worse
                state, logs = body(state, jax.tree.map(lambda part: part[0], chunk))
                return logs, state, requests
            state, logs = jax.lax.scan(body, state, chunk)
            return jax.tree.map(lambda values: values[-1], logs), state, requests

        whole = self.placement.replicated()
        return jax.jit(program, donate_argnums=0, out_shardings=(None, whole, whole))

    def _run(
        self, program: Any, groups: tuple[str, ...], batches: Batches, first: int
    ) -> Iterator[tuple[int, Logs]]:
        self.sync()
        chunks = self._chunks(batches, first)
        ahead = next(chunks, None)
        while ahead:
            done, source, chunk = ahead
            flags = None
            if self.is_one_of_several:
                flags = self.placement.flags(self.request.signal is not None)
            logs, state, self.requests = program(self._state(groups), source, chunk, flags)
            self._hold(groups, state)
            ahead = next(chunks, None)  # read while the device computes
            yield done, logs

    def _state(self, groups: tuple[str, ...]) -> Any:
        """The values for the start of the next chunk."""
        if (
            self.compiled_model._jax_state_synced
        ):  # the variables were read, and may have been changed
            return self.compiled_model._get_jax_state(
                **{f"{group}_variables": True for group in groups}
            )
        return self.held

    def _hold(self, groups: tuple[str, ...], state: Any) -> None:
        """Keep the values after a chunk for `jax_state_sync`."""
        named = {f"{group}_variables": values for group, values in zip(groups, state, strict=True)}
        self.held = state
        # Without Keras' tracking of attributes, which takes longer than a small step.
        vars(self.compiled_model).update(_jax_state=named, _jax_state_synced=False)

    def _chunks(self, batches: Batches, first: int) -> Iterator[tuple[int, Any, Any]]:
        """For each chunk: the number of finished steps after it, its source, and its rows."""
        source, size = self._source(batches), batches.batch_size
        full, at_once = len(batches.rows) // size, self._at_once(batches)
        for start, stop in spans(first, full, len(batches), at_once):
            rows = batches.rows[start * size : stop * size].reshape(stop - start, -1)
            if source is None:
                chunk = self.placement.gather(rows, batches.take)
            else:
                chunk = self.placement.put(rows.astype(np.int32), axis=1)
            yield stop, source, chunk

    def _source(self, batches: Batches) -> Any:
        """The examples on the device; None if they do not fit."""
        if batches not in self.placed:
            images = batches.examples.images
            size = math.prod(images.shape) * images.dtype.itemsize
            fits = size <= self.room
            self.room -= size if fits else 0
            self.placed[batches] = self._place(batches) if fits else None
        return self.placed[batches]

    def _place(self, batches: Batches) -> Any:
        parts = batches.take(np.arange(len(batches.examples)))
        return tuple(self.placement.put(part) for part in parts)

    def _at_once(self, batches: Batches) -> int:
        """The number of steps in a chunk."""
        wanted = int(self.compiled_model.steps_per_execution)
        if self.placed[batches] is not None:
            return wanted
        step = batches.batch_size * math.prod(batches.examples.images.shape[1:])
        return max(1, min(wanted, MOST_BYTES_AHEAD // step))


def room_for_images(hardware: Hardware) -> int:
    """The bytes of images that may stay on the device: none on a CPU, which has them in memory.

    It is a share of the total memory, not of the free memory, so that it is the same in every run.
    """
    return int((hardware.memory or 0) * SHARE_FOR_IMAGES) if hardware.gpu else 0


def spans(first: int, full: int, count: int, at_once: int) -> Iterator[tuple[int, int]]:
    """The first and last steps of the chunks from step `first` on.

    An epoch has `full` steps of whole batches and `count` steps in all. Chunks end at the same
    steps for every first step. A step with fewer examples is a chunk by itself.
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
