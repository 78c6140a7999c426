"""What a training may leave to cnnzoo: the batch size, the steps at once, and the precision.

Each is a rule over the network, the number of examples and the hardware, without any timing, so
that one configuration on one machine is always trained in the same way.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cnnzoo.architecture.layers import Architecture
from cnnzoo.training.devices import ALL, check_devices
from cnnzoo.training.hardware import Hardware
from cnnzoo.training.plan import Plan
from cnnzoo.training.precision import BFLOAT16_GPU, FLOAT32, Precision, choose_precision

SMALLEST_BATCH, LARGEST_BATCH = 16, 256
STEPS_AN_EPOCH = 100
MOST_STEPS = 16
MOST_STEPS_IN_A_PROGRAM = 4096  # of JAX: of the smallest networks, about a second
_SHARE_OF_MEMORY = 0.5
# Copies of the activations that a step holds: themselves, their gradients, what layers compute on.
_COPIES = 3
# Multiply-accumulates of the way forward, which is a third of a step's work.
_MACS_AT_ONCE = {"cpu": 8 * 10**9, "gpu": 10**12, "tensor cores": 8 * 10**12}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training runs with: examples in a step, steps at once, and a Keras dtype policy."""

    batch_size: int
    steps_per_execution: int = 1
    precision: str = FLOAT32

    def record(self) -> dict[str, int | str]:
        """The settings as plain values; `Settings(**record)` are the same."""
        return asdict(self)


def settled(planned: Plan, examples: int, hardware: Hardware) -> tuple[Settings, tuple[str, ...]]:
    """The settings of a training on so many examples, and a line on each that was left open."""
    training, architecture = planned.config.training, planned.architecture
    said = []
    size = training.batch_size
    if size == "auto":
        size = choose_batch_size(architecture, examples, hardware.memory)
        if training.devices == ALL:
            size = max(size // hardware.devices, 1) * hardware.devices
        said.append(f"batch size: {size}, for {examples:,} examples")
    check_devices(training, size, hardware)
    precision: Precision = choose_precision(training.precision, hardware)
    if training.precision == "auto":
        said.append(str(precision))
    steps = training.steps_per_execution
    if steps == "auto":
        steps = choose_steps(architecture.macs * size, hardware)
    return Settings(size, steps, precision.policy), tuple(said)


def choose_batch_size(architecture: Architecture, examples: int, memory: int | None = None) -> int:
    """A power of two by the number of examples, as far as memory, in bytes, allows.

    It is the largest that still gives an epoch 100 steps, from 16 to 256. Half of the memory must
    hold the activations of a batch as float32, three times.
    """
    size = max(SMALLEST_BATCH, min(LARGEST_BATCH, examples // STEPS_AN_EPOCH))
    if memory:
        example = _COPIES * 4 * architecture.activations
        size = min(size, int(memory * _SHARE_OF_MEMORY) // example)
    return 1 << (max(size, 1).bit_length() - 1)


def choose_steps(step_macs: int, hardware: Hardware) -> int:
    """How many steps of so many multiply-accumulates run before Python has its turn again.

    A power of two, for as much work as takes about a second, so that progress is seen and a stop
    is heard: on TensorFlow at most 16, and on JAX with a GPU as many as 4096, mostly an epoch.
    JAX on a CPU runs single steps: in a loop, XLA computes the gradient of a convolution there in
    a way that takes several times as long.
    """
    if hardware.backend == "tensorflow":
        at_once = _MACS_AT_ONCE["gpu" if hardware.gpu else "cpu"]
        return _power_of_two(at_once // max(step_macs, 1), MOST_STEPS)
    if hardware.backend == "jax" and hardware.gpu:
        at_once = _MACS_AT_ONCE["tensor cores" if hardware.gpu >= BFLOAT16_GPU else "gpu"]
        return _power_of_two(at_once // max(step_macs, 1), MOST_STEPS_IN_A_PROGRAM)
    return 1


def _power_of_two(wanted: int, most: int) -> int:
    """The largest that is not above either, and 1 at least."""
    return 1 << (max(1, min(most, wanted)).bit_length() - 1)
