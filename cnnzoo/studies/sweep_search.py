"""The next trial of a sweep, and whether a trial is pruned, as pure functions of all trials.

Optuna's samplers and pruners keep random numbers and decisions in the process and in the storage.
Here each question is answered by new ones, on a copy of the trials in memory, with a seed that
depends only on the seed of the sweep and the number of the trial. So a sweep that was killed goes
on as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import (
    BaseSampler,
    GPSampler,
    GridSampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from cnnzoo.config.sweep import Choice, Domain, Range
from cnnzoo.config.writer import to_flow
from cnnzoo.studies.sweep_cmaes import CmaSampler

DIGITS = 6  # of a number from a continuous range: more do not matter, and are hard to read
REDUCTION = 3  # hyperband: a third of the trials goes on
_WARM_UP = 0.1  # share of the epochs before the median pruner stops a trial
_POPULATION = 20  # nsga2: trials of a generation; Optuna's 50 are more than most sweeps have
_RUNG = "completed_rung_"  # key of hyperband's notes in a trial


@dataclass(frozen=True, slots=True)
class Search:
    """What the next trial depends on, besides the trials."""

    name: str
    domains: Mapping[str, Domain]
    sampler: str
    pruner: str
    minimize: tuple[bool, ...]
    epochs: int
    seed: int

    @property
    def directions(self) -> list[StudyDirection]:
        """The direction of each objective."""
        least, most = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE
        return [least if each else most for each in self.minimize]

    def size(self) -> int | None:
        """Return the number of trials of a whole grid; None for other samplers."""
        if self.sampler != "grid":
            return None
        return math.prod(len(domain.grid() or ()) for domain in self.domains.values())


def propose(search: Search, trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """Return the trial that follows these, numbered from 0 without a gap; it is running."""
    sampler = _SAMPLERS[search.sampler](search, _seed(search, len(trials)))
    spaces = distributions(search.domains)
    study = _copy(search, trials, sampler)
    study.ask(spaces)
    asked = study.get_trials(deepcopy=False)[-1]
    params = {key: _rounded(value, spaces[key]) for key, value in asked.params.items()}
    return create_trial(
        state=TrialState.RUNNING,
        params=params,
        distributions=spaces,
        system_attrs=asked.system_attrs,
    )


def should_prune(
    search: Search, trials: Sequence[FrozenTrial], number: int, values: Sequence[float]
) -> tuple[bool, dict[str, Any]]:
    """Return whether a trial is pruned after the last of its values, one per epoch from the first.

    Also returns the notes of the pruner about the trial, which other trials are compared with.
    """
    own = trials[number]
    plain = create_trial(
        state=TrialState.RUNNING,
        params=own.params,
        distributions=own.distributions,
        system_attrs=_without_notes(own.system_attrs),
    )
    study = _copy(search, [*trials[:number], plain, *trials[number + 1 :]], RandomSampler())
    storage, trial_id = study._storage, study.get_trials(deepcopy=False)[number]._trial_id
    pruner, pruned = _pruner(search), False
    for epoch, value in enumerate(values, 1):
        storage.set_trial_intermediate_value(trial_id, epoch, value)
        pruned = bool(pruner.prune(study, storage.get_trial(trial_id)))
    notes = storage.get_trial(trial_id).system_attrs
    return pruned, {key: note for key, note in notes.items() if key.startswith(_RUNG)}


def distributions(domains: Mapping[str, Domain]) -> dict[str, BaseDistribution]:
    """Return Optuna's distribution of each key; a choice is among the texts of its values."""
    return {key: _distribution(domain) for key, domain in domains.items()}


def plain_values(domains: Mapping[str, Domain], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a configuration for the parameters of a trial."""
    values: dict[str, Any] = {}
    for key, domain in domains.items():
        value = params[key]
        if isinstance(domain, Choice):
            value = next(each for each in domain.values if to_flow(each) == value)
        values[key] = value
    return values


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choice):
        return CategoricalDistribution([to_flow(value) for value in domain.values])
    log, step = domain.is_logarithmic, domain.step
    if domain.is_whole:
        low = int(domain.low)
        return IntDistribution(low, low + _steps(domain) * int(step or 1), log, int(step or 1))
    if step is None:
        return FloatDistribution(float(domain.low), float(domain.high), log)
    return FloatDistribution(
        float(domain.low), float(domain.low + _steps(domain) * step), step=float(step)
    )


def _steps(domain: Range) -> int:
    return math.floor((domain.high - domain.low) / (domain.step or 1) + 1e-9)


def _rounded(value: Any, space: BaseDistribution) -> Any:
    if not isinstance(space, FloatDistribution):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), space.low), space.high)


def _seed(search: Search, number: int) -> int:
    return int(np.random.SeedSequence([search.seed, number]).generate_state(1)[0])


def _copy(search: Search, trials: Sequence[FrozenTrial], sampler: BaseSampler) -> optuna.Study:
    """Return a study in memory with these trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=search.name,
        sampler=sampler,
        pruner=_pruner(search),
        directions=search.directions,
    )
    for trial in trials:
        study._storage.create_new_trial(study._study_id, template_trial=trial)
    return study


def _without_notes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if not key.startswith(_RUNG)}


def _grid(search: Search, seed: int) -> BaseSampler:
    values = {}
    for key, domain in search.domains.items():
        listed = domain.grid() or []
        values[key] = list(map(to_flow, listed)) if isinstance(domain, Choice) else listed
    return GridSampler(values, seed=search.seed)  # the order is the same for all trials


_SAMPLERS: dict[str, Callable[[Search, int], BaseSampler]] = {
    "random": lambda search, seed: RandomSampler(seed=seed),
    "grid": _grid,
    "tpe": lambda search, seed: TPESampler(seed=seed),
    "cmaes": lambda search, seed: CmaSampler(seed=seed, minimize=search.minimize[0]),
    "gp": lambda search, seed: GPSampler(seed=seed),
    "nsga2": lambda search, seed: NSGAIISampler(seed=seed, population_size=_POPULATION),
}


def _pruner(search: Search) -> BasePruner:
    if search.pruner == "median":
        return MedianPruner(n_warmup_steps=int(search.epochs * _WARM_UP))
    if search.pruner == "hyperband":
        return HyperbandPruner(max_resource=search.epochs, reduction_factor=REDUCTION)
    return NopPruner()
