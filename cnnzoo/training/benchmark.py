"""Benchmark of a training: the time of a step, and its parts for data and for computing.

The steps are those of a training, with the same batches and the same stepper; no run is created.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Examples
from cnnzoo.models.backend import load_keras
from cnnzoo.training.engine.batches import Batch, Batches, Order, job_class_weights
from cnnzoo.training.engine.peak import matrix_peak, peak_memory
from cnnzoo.training.engine.seeding import fix_seed
from cnnzoo.training.failures import step_error
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.job import Job, prepare
from cnnzoo.training.progress import Display
from cnnzoo.training.settings import Settings

ROUNDS = 7
ROUND_SECONDS = 1.0
MOST_STEPS = 2000
Clock = Callable[[], float]  # seconds since any moment
# One multiplication and one addition per multiply-accumulate in the forward pass, and as many again
# for the gradient of the weights and for the gradient of the input.
FLOPS_OF_A_MAC = 3 * 2


@dataclass(frozen=True, slots=True)
class Times:
    """The seconds of a step: the median, the minimum and the maximum of the rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """The result of a benchmark, in rounds of `steps` steps.

    `step` is a normal training step, `compute` a step on a batch in memory, `data` the gathering of
    a batch alone. `flops` are the floating-point operations of a step, counted
    from the architecture; `peak` is FLOP/s of a large matrix product in the same precision;
    `memory` is the peak in bytes, None if unknown.
    """

    name: str
    backend: str
    device: str
    settings: Settings
    steps: int
    rounds: int
    step: Times
    compute: Times
    data: Times
    flops: int
    peak: float
    memory: int | None

    @property
    def images_per_second(self) -> float:
        """The number of training images per second."""
        return self.settings.batch_size / self.step.median

    @property
    def share_of_peak(self) -> float:
        """The FLOP/s of the training, divided by the peak of the hardware."""
        return self.flops / self.step.median / self.peak

    @property
    def waiting(self) -> float:
        """The share of a step that waits for its batch; reading in the background costs nothing."""
        return max(0.0, 1 - self.compute.median / self.step.median)

    def record(self) -> dict[str, Any]:
        """The result as plain values; times in seconds."""
        derived = {
            "images_per_second": self.images_per_second,
            "flops_per_second": self.flops / self.step.median,
            "share_of_peak": self.share_of_peak,
            "waiting_for_data": self.waiting,
        }
        return asdict(self) | derived


def measure(
    config: Config,
    steps: int | None = None,
    *,
    rounds: int = ROUNDS,
    clock: Clock = time.perf_counter,
    device: str = "auto",
    display: Display | None = None,
) -> BenchmarkResult:
    """Train steps of a configuration in rounds, and measure their parts alone, in turn.

    Without `steps`, a round has as many steps as take about a second. The weights are random;
    pretrained weights would have the same speed. With `time.process_time` as the clock, the times
    are those of all cores together, which depend little on other programs.

    Raises:
        ConfigError, DataError, DeviceError: as in a training.
        TrainingError: a step does not fit in memory, or failed.

    """
    job = prepare(config, device=device, display=display, initial_weights=False)
    examples = job.dataset.splits["train"]
    # A batch of a training is not larger than its data.
    size = min(job.settings.batch_size, len(examples))
    job = replace(job, settings=replace(job.settings, batch_size=size))
    try:
        steps, (step, compute, data) = _measure_parts(job, steps, rounds, clock)
    except Exception as error:
        failure = step_error(error, size)
        raise failure from (None if failure is error else error)
    hardware = find_hardware()
    memory = peak_memory(hardware)  # before the large matrices are allocated
    return BenchmarkResult(
        name=config.name,
        backend=hardware.backend,
        device="gpu" if hardware.gpu else "cpu",
        settings=job.settings,
        steps=steps,
        rounds=rounds,
        step=step,
        compute=compute,
        data=data,
        flops=FLOPS_OF_A_MAC * job.architecture.macs * size,
        peak=matrix_peak(job.settings.precision, hardware),
        memory=memory,
    )


def _measure_parts(
    job: Job, steps: int | None, rounds: int, clock: Clock
) -> tuple[int, list[Times]]:
    """The number of steps in a round, and the times of a step, of computing and of the data."""
    from cnnzoo.training.engine.stepping import make_stepper
    from cnnzoo.training.engine.training_model import make_training_model

    examples, size = job.dataset.splits["train"], job.settings.batch_size
    weights = job_class_weights(job)
    fix_seed(load_keras(), job.config.seed)
    model = make_training_model(job, -(-len(examples) // size), pretrained=False)
    whole = Batches(examples, size, rows_of(examples, size, 1), weights)
    repeated = RepeatedBatch(examples, size, rows_of(examples, size, 1), weights)
    at_once = job.settings.steps_per_execution
    stepper = make_stepper(model.compiled_model, repeated)
    repeated.order = rows_of(examples, size, at_once)
    take_steps(stepper, repeated)  # compiles
    if steps is None:
        seconds = seconds_of(lambda: take_steps(stepper, repeated), clock)
        steps = steps_of_a_round(seconds / at_once, at_once)
    whole.order = repeated.order = rows_of(examples, size, steps)
    parts = [
        lambda: take_steps(stepper, whole),
        lambda: take_steps(stepper, repeated),
        lambda: gather(whole),
    ]
    return steps, times(parts, rounds, steps, clock)


class RepeatedBatch(Batches):
    """Batches that repeat the first one, so that a step only computes."""

    def __init__(self, *arguments: Any) -> None:
        self.kept: dict[tuple[int, ...], Batch] = {}
        super().__init__(*arguments)

    def start_epoch(self, epoch: int) -> None:
        """Use the rows of the first batch for every batch."""
        super().start_epoch(epoch)
        self.rows = np.resize(self.rows[: self.batch_size], len(self.rows))

    def take(self, rows: NDArray[np.intp]) -> Batch:
        """Return the examples that were taken first for this number of rows."""
        if rows.shape not in self.kept:
            self.kept[rows.shape] = super().take(rows)
        return self.kept[rows.shape]


def rows_of(examples: Examples, batch_size: int, steps: int) -> Order:
    """An order of `steps` whole batches; the examples are repeated if they are too few."""
    rows = np.random.default_rng(0).permutation(len(examples))
    return lambda epoch: np.resize(rows, steps * batch_size)


def take_steps(stepper: Any, batches: Batches) -> None:
    """Train on all batches, and read the metrics as often as a training does."""
    batches.start_epoch(0)
    for _, logs in stepper.train(batches, 0):
        for value in logs.values():
            float(value)
    stepper.sync()


def gather(batches: Batches) -> None:
    """Gather all batches, without training."""
    batches.start_epoch(0)
    for step in range(len(batches)):
        batches[step]


def steps_of_a_round(seconds: float, at_once: int) -> int:
    """The number of steps in a round, a multiple of `at_once`; a step takes `seconds`."""
    wanted = min(MOST_STEPS, math.ceil(ROUND_SECONDS / max(seconds, 1e-9)))
    return at_once * max(1, round(wanted / at_once))


def times(
    functions: Sequence[Callable[[], None]], rounds: int, steps: int, clock: Clock
) -> list[Times]:
    """The times of a step of each function, which alternate; the first round is not counted."""
    taken: list[list[float]] = [[] for _ in functions]
    for turn in range(rounds + 1):
        for function, seconds in zip(functions, taken, strict=True):
            seconds.append(seconds_of(function, clock) / steps)
            if not turn:
                seconds.clear()
    return [Times(statistics.median(each), min(each), max(each)) for each in taken]


def seconds_of(function: Callable[[], None], clock: Clock) -> float:
    """The seconds that a function takes."""
    began = clock()
    function()
    return clock() - began
