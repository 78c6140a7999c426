"""Placement of the model and of arrays on one device or on all, by `keras.distribution`.

With `training.devices: all`, each device holds the whole model and computes a part of each batch;
gradients are summed within the step, so losses and weights equal those of one device up to
rounding. Batch normalization and the metrics see the whole batch, and random numbers do not depend
on the number of devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

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
        batch of most epochs.
        """
        import jax

        if self.mesh is None:
            return jax.device_put(array)
        shared = axis is not None and array.shape[axis] % self.mesh.size == 0
        sharding = self._sharding(axis if shared else None)
        # Each of several processes has the whole array: `device_put` would compare them.
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    def _sharding(self, axis: int | None) -> Any:
        import jax

        names = () if axis is None else (*[None] * axis, *self.mesh.axis_names)
        return jax.sharding.NamedSharding(self.mesh, jax.sharding.PartitionSpec(*names))
