"""One device or all: `training.devices`, by `keras.distribution.DataParallel` on JAX.

Every device has the whole model, and computes on its part of each batch; what they learn from it
is summed within the step, so that losses and weights are those of one device up to rounding.
Batch normalization and the metrics see the whole batch, and random numbers do not depend on the
number of devices. Proven on virtual CPU devices; on several real GPUs it has not been run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cnnzoo.config.schema import TrainingConfig
from cnnzoo.errors import ConfigError
from cnnzoo.models.backend import load_keras
from cnnzoo.training.hardware import Hardware

ALL = "all"


def check_devices(training: TrainingConfig, batch_size: int, hardware: Hardware) -> None:
    """Raise ConfigError where the batches of a training cannot be shared out among all devices."""
    if training.devices != ALL:
        return
    check_backend(training, hardware.backend)
    count = hardware.devices
    if batch_size % count:
        fitting = max(batch_size // count, 1) * count
        raise ConfigError(
            f"training.batch_size: {count} devices cannot share {batch_size} images equally",
            place=training.place("batch_size"),
            hint=f"take a multiple of {count}: training.batch_size={fitting}",
        )


def check_backend(training: TrainingConfig, backend: str) -> None:
    """Raise ConfigError for a backend on which a training cannot be shared out."""
    if backend != "jax":
        raise ConfigError(
            f"training.devices: all needs the backend jax, and this is {backend}",
            place=training.place("devices"),
            hint="set KERAS_BACKEND=jax, or leave training.devices away",
        )


@contextmanager
def shared_out(training: TrainingConfig) -> Iterator[None]:
    """Within, a model that is built is on every device that the training takes."""
    if training.devices != ALL:
        yield
        return
    with load_keras().distribution.DataParallel().scope():
        yield


class Placement:
    """Where arrays of this training are put: on the only device, or on all of them.

    Made within `shared_out`, on the backend jax.
    """

    def __init__(self) -> None:
        distribution = load_keras().distribution.distribution()
        self.mesh: Any = distribution.device_mesh.backend_mesh if distribution else None

    def everywhere(self) -> Any:
        """The sharding of what every device has whole; None on one device."""
        return None if self.mesh is None else self._sharding(None)

    def put(self, array: Any, axis: int | None = None) -> Any:
        """An array on the devices, each of which has its part along `axis`, or all of it.

        Each has all of what cannot be parted equally too: the last batch of an epoch, mostly.
        """
        import jax

        if self.mesh is None:
            return jax.device_put(array)
        shared = axis is not None and array.shape[axis] % self.mesh.size == 0
        sharding = self._sharding(axis if shared else None)
        # Of several processes each has the whole array: `device_put` would compare them.
        return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    def _sharding(self, axis: int | None) -> Any:
        import jax

        names = () if axis is None else (*[None] * axis, *self.mesh.axis_names)
        return jax.sharding.NamedSharding(self.mesh, jax.sharding.PartitionSpec(*names))
