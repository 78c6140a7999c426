"""The learning-rate range test, which suggests a learning rate for a training.

Leslie N. Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3: train
for some steps while the rate grows, and record the loss. Here the rate grows exponentially, as in
fastai's finder.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.config.calls import Call, has_expression
from cnnzoo.config.schema import Config
from cnnzoo.config.writer import to_flow
from cnnzoo.errors import TrainingError, UserError
from cnnzoo.models.backend import load_keras
from cnnzoo.runs.files import write_text
from cnnzoo.training.checks import INNER_OPTIMIZER
from cnnzoo.training.engine.batches import Batches, training_batches
from cnnzoo.training.engine.seeding import fix_seed
from cnnzoo.training.job import prepare
from cnnzoo.training.progress import Display

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 150
_DIVERGED = 4.0  # times the lowest loss so far, both smoothed
_FEWEST = 10  # losses that a suggestion needs
_MEMORY = 0.8  # decay of the running mean of the loss
_WIDTH = 0.12  # decades: the standard deviation of the smoothing

# The arguments of each schedule that set its highest rate; the first one that is given is used.
PEAKS = {
    "CosineDecay": ("warmup_target", "initial_learning_rate"),
    "CosineDecayRestarts": ("initial_learning_rate",),
    "ExponentialDecay": ("initial_learning_rate",),
    "InverseTimeDecay": ("initial_learning_rate",),
    "PiecewiseConstantDecay": ("values",),
    "PolynomialDecay": ("initial_learning_rate",),
    "one_cycle": ("learning_rate",),
    "warmup_cosine": ("learning_rate",),
}


@dataclass(frozen=True, slots=True)
class RangeTest:
    """The loss of each step, float64 [n], and the learning rate of the step, float64 [n].

    `diverged` is set if the loss grew so much that the test ended before the highest rate.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    diverged: bool

    def smoothed(self) -> NDArray[np.float64]:
        """The losses, smoothed with a Gaussian over the logarithm of the rate, float64 [n]."""
        at = np.log10(self.rates)
        weights = np.exp(-0.5 * ((at[:, None] - at[None, :]) / _WIDTH) ** 2)
        means: NDArray[np.float64] = weights @ self.losses / weights.sum(axis=1)
        return means

    def lowest(self) -> float:
        """The rate at which the smoothed loss was lowest."""
        return float(self.rates[int(np.argmin(self.smoothed()))])

    def suggested(self) -> float:
        """A tenth of the rate at which the smoothed loss was lowest, as fastai suggests.

        The rate of the steepest descent, the other usual choice, followed the noise of the loss of
        small networks in our tests, and diverged with SGD and momentum.
        """
        return self.lowest() / 10

    def summary(self) -> str:
        """The result of the test in one line."""
        end = "diverged" if self.diverged else "ended"
        return (
            f"the loss was lowest at {self.lowest():.2g} and {end} at {self.rates[-1]:.2g}; "
            f"suggested: a tenth of the first, {self.suggested():.2g}"
        )


def range_test(
    config: Config,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    *,
    device: str = "auto",
    display: Display | None = None,
) -> RangeTest:
    """Train a configuration for some steps at rates that grow from the lowest to the highest.

    The data, their order, the initial weights and the optimizer are those of the training; only
    its schedule is not used. The test ends when the smoothed loss is four times its minimum.

    Raises:
        ConfigError, DataError, DeviceError: as in a training.
        TrainingError: the loss diverged within the first steps.

    """
    rates = np.geomspace(lowest, highest, steps)
    losses, diverged = losses_at(config, rates, device=device, display=display)
    if len(losses) < _FEWEST:
        raise TrainingError(
            f"the loss diverges at once, at a learning rate of {rates[len(losses)]:.2g}",
            hint="start with a smaller --lowest; are the images rescaled (Rescaling: 1/255)?",
        )
    return RangeTest(rates[: len(losses)], np.array(losses), diverged)


def losses_at(
    config: Config,
    rates: NDArray[np.float64],
    *,
    device: str = "auto",
    display: Display | None = None,
) -> tuple[list[float], bool]:
    """The loss of a step at each of these rates, and whether it diverged before the last one."""
    job = prepare(with_rate(config, float(rates[0])), device=device, display=display)
    from cnnzoo.training.engine.training_model import make_training_model

    batches = training_batches(job)
    fix_seed(load_keras(), config.seed)
    model = make_training_model(job, len(batches)).compiled_model
    return _losses(model, batches, rates)


def _losses(
    compiled_model: Any, batches: Batches, rates: NDArray[np.float64]
) -> tuple[list[float], bool]:
    losses: list[float] = []
    mean, least = 0.0, math.inf
    # Without the smaller last batch of an epoch, whose loss is noisier.
    whole = max(1, len(batches.rows) // batches.batch_size)
    for index, rate in enumerate(rates):
        epoch, step = divmod(index, whole)
        if step == 0:
            batches.start_epoch(epoch)
        compiled_model.reset_metrics()
        compiled_model.optimizer.learning_rate = rate
        logs = compiled_model.train_on_batch(*batches[step], return_dict=True)
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            return losses, True
        losses.append(loss)
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        unbiased = mean / (1 - _MEMORY ** (index + 1))
        least = min(least, unbiased)
        if unbiased > _DIVERGED * least:
            return losses, True
    return losses, False


def with_rate(config: Config, rate: float) -> Config:
    """The configuration with a constant learning rate."""
    optimizer = _with_constant(config.training.optimizer, rate)
    training = config.training.model_copy(update={"optimizer": optimizer})
    return config.model_copy(update={"training": training})


def _with_constant(optimizer: Call, rate: float) -> Call:
    inner = optimizer.arguments.get(INNER_OPTIMIZER)
    changed = {INNER_OPTIMIZER: _with_constant(inner, rate)} if inner else {"learning_rate": rate}
    return replace(optimizer, arguments={**optimizer.arguments, **changed})


def rate_override(config: Config, rate: float) -> str | None:
    """The `KEY=VALUE` argument that sets the learning rate, or the peak of the schedule.

    None if the schedule computes its rates, so that no single value is the peak.
    """
    keys, call = ["training", "optimizer"], config.training.optimizer
    while INNER_OPTIMIZER in call.arguments:
        keys, call = [*keys, call.name, INNER_OPTIMIZER], call.arguments[INNER_OPTIMIZER]
    keys += [call.name, "learning_rate"]
    value: Any = float(f"{rate:.2g}")
    schedule = call.arguments.get("learning_rate")
    if isinstance(schedule, Call):
        peaks = PEAKS[schedule.name]
        peak = next((name for name in peaks if name in schedule.arguments), peaks[-1])
        keys += [schedule.name, peak]
        if peak == "values":
            given = schedule.arguments[peak]
            if has_expression(given):
                return None
            value = [float(f"{rate * each / max(given):.2g}") for each in given]
    return f"{'.'.join(keys)}={to_flow(value)}"


def write_rates(test: RangeTest, path: Path) -> None:
    """Write `learning_rate,loss,smoothed_loss`, one row per step; raises UserError on failure."""
    rows = zip(test.rates, test.losses, test.smoothed(), strict=True)
    lines = [f"{rate:.6g},{loss:.6g},{smoothed:.6g}" for rate, loss, smoothed in rows]
    try:
        write_text(path, "\n".join(["learning_rate,loss,smoothed_loss", *lines, ""]))
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}", hint="name another file"
        ) from error
