from __future__ import annotations

import math
from dataclasses import replace

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from cnnzoo.config.sweep import Choice, Range
from cnnzoo.studies.sweep_search import Search, plain_values, propose, should_prune

DOMAINS = {
    "rate": Range("log", 1e-4, 1e-1),
    "width": Range("int", 8, 64, 8),
    "augment": Choice(([], [{"RandomFlip": "horizontal"}])),
    "share": Range("float", 0, 1, 0.25),
}
SEARCH = Search("it", DOMAINS, "tpe", "none", (False,), 9, 3)


def ended(trial: FrozenTrial, value: float) -> FrozenTrial:
    return create_trial(
        state=TrialState.COMPLETE,
        params=trial.params,
        distributions=trial.distributions,
        system_attrs=trial.system_attrs,
        values=[value],
    )


def quality(trial: FrozenTrial) -> float:
    """A value with its maximum at rate 0.003 and width 40."""
    rate, width = trial.params["rate"], trial.params["width"]
    return -abs(math.log10(rate / 0.003)) - abs(width - 40) / 32


def searched(search: Search, count: int) -> list[FrozenTrial]:
    trials: list[FrozenTrial] = []
    for _ in range(count):
        trial = propose(search, trials)
        trials.append(ended(trial, quality(trial)))
    return trials


@pytest.mark.parametrize("sampler", ["random", "tpe", "cmaes", "nsga2"])
def test_a_proposal_depends_on_the_trials_and_the_seed_only(sampler):
    search = replace(SEARCH, sampler=sampler)
    trials = searched(search, 15)
    assert propose(search, trials).params == propose(search, trials).params
    assert propose(search, trials).params != propose(replace(search, seed=4), trials).params
    assert len({str(trial.params) for trial in trials}) > 10
    for trial in trials:
        assert 1e-4 <= trial.params["rate"] <= 1e-1
        assert trial.params["width"] in range(8, 65, 8)
        assert trial.params["share"] in (0, 0.25, 0.5, 0.75, 1)


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_a_sampler_that_learns_is_better_than_chance(sampler):
    means = {
        name: sum(map(quality, searched(replace(SEARCH, sampler=name), 30)[15:])) / 15
        for name in ("random", sampler)
    }
    assert means[sampler] > means["random"] + 0.2


def test_a_grid_has_every_combination_once():
    domains = {key: DOMAINS[key] for key in ("augment", "share")}
    search = replace(SEARCH, sampler="grid", domains=domains)
    assert search.size() == 10
    trials: list[FrozenTrial] = []
    for _ in range(10):
        trials.append(ended(propose(search, trials), 0))
    assert len({str(trial.params) for trial in trials}) == 10


def test_a_structure_becomes_itself_again():
    params = propose(replace(SEARCH, sampler="random"), []).params
    values = plain_values(DOMAINS, params)
    assert values["augment"] in ([], [{"RandomFlip": "horizontal"}])
    assert values["rate"] == float(f"{values['rate']:.6g}")


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_pruning_depends_on_the_values_only_and_saves_epochs(pruner):
    search = replace(SEARCH, sampler="random", pruner=pruner)
    trials: list[FrozenTrial] = []
    trained = 0
    for number in range(20):
        trials.append(propose(search, trials))
        best = (number * 7 % 20) / 20
        values: list[float] = []
        pruned = False
        while len(values) < 9 and not pruned:
            values.append(best * (1 - 0.7 ** (len(values) + 1)))
            pruned, notes = should_prune(search, trials, number, values)
            trial = trials[number]
            trials[number] = create_trial(
                state=TrialState.RUNNING,
                params=trial.params,
                distributions=trial.distributions,
                system_attrs={**trial.system_attrs, **notes},
                intermediate_values=dict(enumerate(values, 1)),
            )
            # A process that was killed asks again.
            assert should_prune(search, trials, number, values) == (pruned, notes)
        trained += len(values)
        trials[number] = create_trial(
            state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
            params=trials[number].params,
            distributions=trials[number].distributions,
            system_attrs=trials[number].system_attrs,
            intermediate_values=dict(enumerate(values, 1)),
            values=[values[-1]],
        )
    assert 20 * 9 * 0.2 < trained < 20 * 9 * 0.8
    assert max(trial.values[0] for trial in trials if trial.state == TrialState.COMPLETE) > 0.8
