"""The settings that a configuration may leave open: batch size, precision, steps per execution.

Each is a rule over the network, the number of examples and the hardware. Nothing is timed, so one
configuration is always trained in the same way on one machine.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cnnzoo.architecture.layers import Architecture
from cnnzoo.config.schema import TrainingConfig
from cnnzoo.training.devices import ALL, check_devices
from cnnzoo.training.hardware import UNKNOWN, Hardware

SMALLEST_BATCH, LARGEST_BATCH = 16, 256
STEPS_AN_EPOCH = 100
MOST_STEPS = 16
MOST_STEPS_IN_A_PROGRAM = 4096  # on JAX: about a second of the smallest networks
_SHARE_OF_MEMORY = 0.5
# Copies of the activations that a step holds: the activations, their gradients, temporary values.
_COPIES = 3
_VALUES_PER_WEIGHT = 4
# Multiply-accumulates of the forward pass, which is a third of the work of a step.
_MACS_AT_ONCE = {"cpu": 8 * 10**9, "gpu": 10**12, "tensor cores": 8 * 10**12}

FLOAT32, MIXED_BFLOAT16, MIXED_FLOAT16 = "float32", "mixed_bfloat16", "mixed_float16"
BFLOAT16_GPU = (8, 0)  # first compute capability with bfloat16 in tensor cores: Ampere
# Multiply-accumulates of LeNet, the smallest network that bfloat16 was measured to make faster
# (`scripts/benchmark training`).
_FASTER_FROM = 416_000
_BFLOAT16_CPU = ("amx_bf16", "avx512_bf16")


@dataclass(frozen=True, slots=True)
class Settings:
    """The batch size, the steps per execution and the Keras dtype policy of a training."""

    batch_size: int
    steps_per_execution: int = 1
    precision: str = FLOAT32

    def record(self) -> dict[str, int | str]:
        """The settings as plain values; `Settings(**record)` gives the same settings."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Precision:
    """The name of a Keras dtype policy, and the reason for it."""

    policy: str
    reason: str

    def __str__(self) -> str:
        return f"precision: {self.policy}, {self.reason}"


def choose_settings(
    training: TrainingConfig, architecture: Architecture, examples: int, hardware: Hardware
) -> tuple[Settings, tuple[str, ...]]:
    """Choose the settings for this number of training examples; note each value that was open.

    Raises ConfigError if the batch cannot be divided among the devices.
    """
    notes = []
    size = training.batch_size
    if size == "auto":
        size = choose_batch_size(architecture, examples, hardware.memory)
        if training.devices == ALL:
            size = max(size // hardware.devices, 1) * hardware.devices
        notes.append(f"batch size: {size}, for {examples:,} examples")
    check_devices(training, size, hardware)
    precision = choose_precision(training.precision, hardware)
    if training.precision == "auto":
        notes.append(str(precision))
    elif faster := faster_precision(training.precision, architecture, hardware):
        notes.append(
            f"precision: {training.precision}; training.precision=auto is usually faster: "
            f"{faster.policy}, {faster.reason}"
        )
    steps = training.steps_per_execution
    if steps == "auto":
        steps = choose_steps(architecture.macs * size, hardware)
    return Settings(size, steps, precision.policy), tuple(notes)


def choose_batch_size(architecture: Architecture, examples: int, memory: int | None = None) -> int:
    """A power of two from the number of examples, limited by the memory in bytes.

    It is the largest from 16 to 256 that still gives an epoch 100 steps. Half of the memory must
    hold the activations of a batch as float32, three times.
    """
    size = max(SMALLEST_BATCH, min(LARGEST_BATCH, examples // STEPS_AN_EPOCH))
    if memory:
        example = _COPIES * 4 * architecture.activations
        size = min(size, int(memory * _SHARE_OF_MEMORY) // example)
    return 1 << (max(size, 1).bit_length() - 1)


def step_bytes(architecture: Architecture, batch_size: int) -> int:
    """Return about how many bytes of memory a training step needs.

    They are those of the activations, as `choose_batch_size` counts them, and of the weights with
    their gradients and two moments of the optimizer.
    """
    activations = _COPIES * 4 * architecture.activations * batch_size
    return activations + _VALUES_PER_WEIGHT * 4 * architecture.parameters


def choose_steps(step_macs: int, hardware: Hardware) -> int:
    """The number of steps per execution, for steps of so many multiply-accumulates.

    A power of two, for about a second of work, so that progress is shown and a signal is seen: on
    TensorFlow at most 16, and on JAX with a GPU up to 4096, usually a whole epoch. JAX on a CPU
    runs single steps: XLA computes the gradient of a convolution in a loop several times slower.
    """
    if hardware.backend == "tensorflow":
        at_once = _MACS_AT_ONCE["gpu" if hardware.gpu else "cpu"]
        return _power_of_two(at_once // max(step_macs, 1), MOST_STEPS)
    if hardware.backend == "jax" and hardware.gpu:
        at_once = _MACS_AT_ONCE["tensor cores" if hardware.gpu >= BFLOAT16_GPU else "gpu"]
        return _power_of_two(at_once // max(step_macs, 1), MOST_STEPS_IN_A_PROGRAM)
    return 1


def choose_precision(wanted: str, hardware: Hardware) -> Precision:
    """The precision for a value of `training.precision`.

    `auto` is mixed_bfloat16 if the hardware has native bfloat16 arithmetic and the backend is known
    to use it, else float32. Mixed precision (Micikevicius et al., 2018) computes in half precision
    and keeps the weights in float32; bfloat16 has the range of float32, so the loss needs no
    scaling (Kalamkar et al., 2019).
    """
    if wanted != "auto":
        return Precision(wanted, "as configured")
    if hardware.gpu == UNKNOWN:
        return Precision(FLOAT32, "because the compute capability of this GPU is unknown")
    if hardware.gpu:
        name = f"compute capability {'.'.join(map(str, hardware.gpu))}"
        if hardware.gpu >= BFLOAT16_GPU:
            return Precision(MIXED_BFLOAT16, f"which this GPU computes natively ({name})")
        return Precision(FLOAT32, f"because this GPU has no bfloat16 arithmetic ({name})")
    if hardware.backend != "tensorflow":
        return Precision(FLOAT32, f"because {hardware.backend} uses bfloat16 on GPUs only")
    flag = next((flag for flag in _BFLOAT16_CPU if flag in hardware.cpu_flags), None)
    if flag:
        return Precision(MIXED_BFLOAT16, f"which this CPU computes natively ({flag})")
    return Precision(FLOAT32, "because this CPU has no bfloat16 arithmetic")


def faster_precision(
    wanted: str, architecture: Architecture, hardware: Hardware
) -> Precision | None:
    """The precision that `auto` would choose instead of float32, if it is usually faster.

    None for networks smaller than the smallest one that was measured.
    """
    automatic = choose_precision("auto", hardware)
    if wanted != FLOAT32 or automatic.policy == FLOAT32 or architecture.macs < _FASTER_FROM:
        return None
    return automatic


def _power_of_two(wanted: int, most: int) -> int:
    """The largest power of two that is at most `wanted` and at most `most`, at least 1."""
    return 1 << (max(1, min(most, wanted)).bit_length() - 1)
