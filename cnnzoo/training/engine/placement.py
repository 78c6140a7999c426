"""Placement of the model and of arrays on one device or on all, by `keras.distribution`.

With `training.devices: all`, each device holds the whole model and computes a part of each batch;
gradients are summed within the step, so losses and weights equal those of one device up to
rounding. Batch normalization and the metrics see the whole batch, and random numbers do not depend
on the number of devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.schema import TrainingConfig
from cnnzoo.training.devices import ALL


@contextmanager
def data_parallel(training: TrainingConfig) -> Iterator[None]:
    """A context in which a model is built on every device that the training uses."""
    if training.devices != ALL:
        yield
        return
    with keras.distribution.DataParallel().scope():
        yield


@contextmanager
def on_one_device() -> Iterator[None]:
    """A context within `data_parallel` in which a model is built on one device of each process.

    A process can assign values to its weights without the others.
    """
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


class Placement:
    """Puts arrays on the only device, or on all; created within `data_parallel`, on JAX."""

    def __init__(self) -> None:
        distribution = keras.distribution.distribution()
        self.mesh: Any = distribution.device_mesh.backend_mesh if distribution else None

    def replicated(self) -> Any:
        """The sharding of an array that each device holds whole; None for one device."""
        return None if self.mesh is None else self._sharding(None)

    def put(self, array: Any, axis: int | None = None) -> Any:
        """Put an array on the devices, divided along `axis`, or whole on each device.

        An array that cannot be divided equally is put whole on each device too, such as the last
        batch of most epochs. JAX has no unequal parts, and added examples, even with the weight 0,
        would change the statistics of batch normalization and the shapes of random numbers.
        """
        import jax

        if self.mesh is None:
            return jax.device_put(array)
        sharding = self._shared(array.shape, axis)
        # Each of several processes has the whole array: `device_put` would compare them.
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    def gather(self, rows: NDArray[np.intp], take: Callable[[NDArray[np.intp]], Any]) -> Any:
        """Put the examples at rows [k, b] on the devices, divided along b as by `put`.

        `take` returns the arrays [k, b, ...] of some rows; it is called for the rows of the devices
        of this process only.
        """
        import jax

        if self.mesh is None:
            return tuple(map(jax.device_put, take(rows)))
        sharding = self._shared(rows.shape, 1)
        indices = sharding.addressable_devices_indices_map(rows.shape)
        parts = {str(index): take(rows[index]) for index in indices.values()}
        arrays = []
        for number, example in enumerate(parts[str(next(iter(indices.values())))]):
            on_devices = [
                jax.device_put(parts[str(index)][number], device)
                for device, index in indices.items()
            ]
            shape = (*rows.shape, *example.shape[2:])
            arrays.append(jax.make_array_from_single_device_arrays(shape, sharding, on_devices))
        return tuple(arrays)

    def flags(self, flag: bool) -> Any:
        """A float32 [devices] of which each process sets the parts of its devices to its flag."""
        import jax

        shape = (self.mesh.size,)
        one = np.full(1, flag, np.float32)
        return jax.make_array_from_callback(shape, self._sharding(0), lambda index: one)

    def _shared(self, shape: tuple[int, ...], axis: int | None) -> Any:
        """The sharding along an axis, or of whole arrays if it cannot be divided equally."""
        shared = axis is not None and shape[axis] % self.mesh.size == 0
        return self._sharding(axis if shared else None)

    def _sharding(self, axis: int | None) -> Any:
        import jax

        names = () if axis is None else (*[None] * axis, *self.mesh.axis_names)
        return jax.sharding.NamedSharding(self.mesh, jax.sharding.PartitionSpec(*names))
