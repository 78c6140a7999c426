"""CMA-ES (Hansen, 2016) as an Optuna sampler whose state is computed from the trials.

Optuna's own sampler stores its state as a pickled object, which must not be read from a study that
somebody else wrote. This one repeats the updates for all finished trials, each time; that takes
milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from cmaes import CMA
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

_MEAN, _SIGMA = 0.5, 1 / 6  # of the first generation, in the unit interval of each parameter

Numeric = FloatDistribution | IntDistribution
Floats = NDArray[np.float64]


class CmaSampler(BaseSampler):
    """Sample numbers by CMA-ES and choices at random."""

    def __init__(self, *, seed: int, minimize: bool) -> None:
        self._seed = seed
        self._minimize = minimize
        self._random = RandomSampler(seed=seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the parameters that are numbers; they are known after the first trial."""
        first = next((each for each in study.get_trials(deepcopy=False) if each.params), None)
        spaces = first.distributions if first else {}
        return {
            name: space
            for name, space in spaces.items()
            if isinstance(space, Numeric) and not space.single()
        }

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the numbers of the next trial."""
        spaces = {name: it for name, it in search_space.items() if isinstance(it, Numeric)}
        if len(spaces) < 2:
            return {}
        optimizer = CMA(
            np.full(len(spaces), _MEAN),
            _SIGMA,
            bounds=np.array([[0.0, 1.0]] * len(spaces)),
            seed=self._seed,
        )
        done = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
        size, sign = optimizer.population_size, 1 if self._minimize else -1
        for start in range(0, len(done) - size + 1, size):
            generation = done[start : start + size]
            optimizer.tell(
                [(_point(each.params, spaces), sign * each.values[0]) for each in generation]
            )
        return _values(optimizer.ask(), spaces)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a random value."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


def _point(params: Mapping[str, Any], spaces: Mapping[str, Numeric]) -> Floats:
    """Return parameters as a point in the unit cube."""
    units = []
    for name, space in spaces.items():
        low, high, value = _scaled(space, space.low), _scaled(space, space.high), params[name]
        units.append((_scaled(space, value) - low) / (high - low))
    return np.array(units)


def _values(point: Floats, spaces: Mapping[str, Numeric]) -> dict[str, Any]:
    """Return the parameters of a point in the unit cube."""
    values: dict[str, Any] = {}
    for (name, space), unit in zip(spaces.items(), point.tolist(), strict=True):
        low, high = _scaled(space, space.low), _scaled(space, space.high)
        value = low + unit * (high - low)
        value = math.exp(value) if space.log else value
        if space.step is not None:
            value = space.low + round((value - space.low) / space.step) * space.step
        value = min(max(value, space.low), space.high)
        values[name] = int(value) if isinstance(space, IntDistribution) else float(value)
    return values


def _scaled(space: Numeric, value: float) -> float:
    return math.log(value) if space.log else float(value)
