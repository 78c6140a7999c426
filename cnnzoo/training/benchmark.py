"""How fast a configuration trains here, and what it waits for: data, or arithmetic.

The steps are those of a training, by the same batches and the same stepper; no run is made.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.schema import Config
from cnnzoo.datasets.dataset import Examples
from cnnzoo.errors import CnnzooError, TrainingError
from cnnzoo.models.backend import load_keras
from cnnzoo.models.objects import first_line
from cnnzoo.training.engine.balance import class_weights
from cnnzoo.training.engine.batches import Batch, Batches, Order
from cnnzoo.training.engine.peak import matrix_peak, peak_memory
from cnnzoo.training.engine.seeding import fix_seed
from cnnzoo.training.execution import Settings
from cnnzoo.training.failures import is_out_of_memory, no_memory
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.plan import plan
from cnnzoo.training.progress import Display
from cnnzoo.training.train import choose_settings, load_data

ROUNDS = 7
ROUND_SECONDS = 1.0
MOST_STEPS = 2000
# Forward one multiplication and one addition for each multiply-accumulate; backward as many for the
# gradient of the weights, and as many for that of the input.
FLOPS_OF_A_MAC = 3 * 2


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of a step: the median of the rounds, their lowest and their highest."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, in rounds of so many steps.

    `step` is training as it is, `compute` steps on one batch that is there already, `data` the
    gathering of a batch and nothing else. `flops` are the floating-point operations of a step,
    counted from the architecture; `peak` is FLOP/s of a large matrix product in the same precision;
    `memory` is the most that was in use, in bytes, None where nothing tells it.
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
        """Images that are trained on in a second."""
        return self.settings.batch_size / self.step.median

    @property
    def share_of_peak(self) -> float:
        """The share of the hardware's peak that the training reaches."""
        return self.flops / self.step.median / self.peak

    @property
    def waiting(self) -> float:
        """The share of a step in which it waits for its batch; what is hidden costs nothing."""
        return max(0.0, 1 - self.compute.median / self.step.median)

    def record(self) -> dict[str, Any]:
        """All of it as plain values; times in seconds."""
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
    device: str = "auto",
    display: Display | None = None,
) -> Measured:
    """Train steps of a configuration in rounds, and measure their parts alone, in turn.

    Without `steps`, a round has as many as take about a second. Weights are new ones: pretrained
    ones are neither asked for nor faster.

    Raises:
        ConfigError, DataError, DeviceError: as a training would.
        TrainingError: the memory does not hold a step, or a step failed.

    """
    planned = plan(config)
    display = display or Display()
    dataset = load_data(config, display)
    keras = load_keras(device)
    from cnnzoo.training.engine.stepping import make_stepper
    from cnnzoo.training.engine.training_model import make_trainee

    examples = dataset.splits["train"]
    settings = choose_settings(planned, dataset, display)
    hardware = find_hardware()
    weights = class_weights(config.training.class_weight, dataset.class_names, examples.labels)
    # A batch of a training is no larger than its data.
    size = min(settings.batch_size, len(examples))
    settings = Settings(size, settings.steps_per_execution, settings.precision)
    fix_seed(keras, config.seed)
    trainee = make_trainee(
        planned, dataset.class_names, -(-len(examples) // size), settings, pretrained=False
    )

    whole = Batches(examples, size, rows_of(examples, size, 1), weights)
    repeated = Repeated(examples, size, rows_of(examples, size, 1), weights)
    at_once = settings.steps_per_execution
    try:
        stepper = make_stepper(trainee.around, repeated)
        repeated.order = rows_of(examples, size, at_once)
        take_steps(stepper, repeated)  # compiles
        if steps is None:
            seconds = seconds_of(lambda: take_steps(stepper, repeated))
            steps = enough_steps(seconds / at_once, at_once)
        whole.order = repeated.order = rows_of(examples, size, steps)
        step, compute, data = times(
            [
                lambda: take_steps(stepper, whole),
                lambda: take_steps(stepper, repeated),
                lambda: gather(whole),
            ],
            rounds,
            steps,
        )
    except CnnzooError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise no_memory(size) from error
        raise TrainingError(
            f"a step failed: {type(error).__name__}: {first_line(error)}"
        ) from error
    memory = peak_memory(hardware)  # before the large matrices
    return Measured(
        name=config.name,
        backend=hardware.backend,
        device="gpu" if hardware.gpu else "cpu",
        settings=settings,
        steps=steps,
        rounds=rounds,
        step=step,
        compute=compute,
        data=data,
        flops=FLOPS_OF_A_MAC * planned.architecture.macs * size,
        peak=matrix_peak(settings.precision, hardware),
        memory=memory,
    )


class Repeated(Batches):
    """The first batch in place of every other: what is left of a step is its arithmetic."""

    def __init__(self, *arguments: Any) -> None:
        self.kept: dict[tuple[int, ...], Batch] = {}
        super().__init__(*arguments)

    def begin(self, epoch: int) -> None:
        """Take the rows of the first batch for every other."""
        super().begin(epoch)
        self.rows = np.resize(self.rows[: self.batch_size], len(self.rows))

    def take(self, rows: NDArray[np.intp]) -> Batch:
        """What was first taken of as many rows."""
        if rows.shape not in self.kept:
            self.kept[rows.shape] = super().take(rows)
        return self.kept[rows.shape]


def rows_of(examples: Examples, batch_size: int, steps: int) -> Order:
    """So many whole batches of examples in some order, again and again where they are too few."""
    rows = np.random.default_rng(0).permutation(len(examples))
    return lambda epoch: np.resize(rows, steps * batch_size)


def take_steps(stepper: Any, batches: Batches) -> None:
    """Train on all batches, and look at the metrics as often as a training does."""
    batches.begin(0)
    for _, logs in stepper.train(batches, 0):
        for value in logs.values():
            float(value)
    stepper.sync()


def gather(batches: Batches) -> None:
    """Read all batches, and do nothing with them."""
    batches.begin(0)
    for step in range(len(batches)):
        batches[step]


def enough_steps(seconds: float, at_once: int) -> int:
    """How many steps of so many seconds make a round: a multiple of what runs at once."""
    wanted = min(MOST_STEPS, math.ceil(ROUND_SECONDS / max(seconds, 1e-9)))
    return at_once * max(1, round(wanted / at_once))


def times(jobs: Sequence[Callable[[], None]], rounds: int, steps: int) -> list[Times]:
    """The times of a step of each job, which take turns; a first round is not counted."""
    taken: list[list[float]] = [[] for _ in jobs]
    for turn in range(rounds + 1):
        for job, seconds in zip(jobs, taken, strict=True):
            seconds.append(seconds_of(job) / steps)
            if not turn:
                seconds.clear()
    return [Times(statistics.median(each), min(each), max(each)) for each in taken]


def seconds_of(job: Callable[[], None]) -> float:
    """How long a job takes."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began
