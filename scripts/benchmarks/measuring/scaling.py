"""The work and the communication of data-parallel training, and a model of its efficiency."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

# Bytes of the types of XLA that gradients and metrics have.
_SIZES = {
    "f64": 8,
    "s64": 8,
    "u64": 8,
    "f32": 4,
    "s32": 4,
    "u32": 4,
    "bf16": 2,
    "f16": 2,
    "pred": 1,
}
_COLLECTIVE = re.compile(
    r"= (.*?) (?:all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute)(?:-start)?\("
)
_ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")


@dataclass(frozen=True, slots=True)
class Machine:
    """The assumptions of the model; bandwidths in bytes per second and GPU, in each direction.

    `latency` is the time in seconds of each of the 2 (n - 1) messages of a ring.
    """

    images_per_second: float  # of one GPU
    batch: int  # images of one GPU in a step
    gpus_per_node: int = 8
    within: float = 25e9
    between: float = 12.5e9
    latency: float = 10e-6


def examples_of_process(examples: int, batch: int, processes: int) -> int:
    """Return how many examples of an epoch each process reads and computes.

    It is its share of each batch, but all of a last batch that cannot be divided equally.
    """
    last = examples % batch
    whole = (examples - last) // processes
    return whole + (last // processes if last % processes == 0 else last)


def bytes_sent(weights: float, processes: int) -> float:
    """Return the bytes that each process sends in a ring all-reduce of `weights` bytes."""
    return 2 * (processes - 1) / processes * weights


def collective_bytes(program: str) -> int:
    """Return the bytes of the results of all collective operations in a program of XLA, as text."""
    return sum(
        _SIZES[kind] * math.prod(int(size) for size in shape.split(",") if size)
        for results in _COLLECTIVE.findall(program)
        for kind, shape in _ARRAY.findall(results)
        if kind in _SIZES
    )


def communication_seconds(machine: Machine, weights: float, gpus: int) -> float:
    """Return the time of a ring all-reduce; the ring is as slow as its slowest link."""
    bandwidth = machine.within if gpus <= machine.gpus_per_node else machine.between
    return bytes_sent(weights, gpus) / bandwidth + 2 * (gpus - 1) * machine.latency


def efficiency(machine: Machine, weights: float, gpus: int, extra: float, work: float) -> float:
    """Return the images per second of `gpus` GPUs, relative to as many times those of one.

    Each GPU computes `machine.batch` images in a step, times `work` for what several compute alike.
    Nothing overlaps: communication and `extra`, other seconds of each step, follow the computation.
    """
    alone = machine.batch / machine.images_per_second
    together = alone * work + communication_seconds(machine, weights, gpus) + extra
    return alone / together
