"""Check a sweep before its first trial: each value of each key must give a valid configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec

from cnnzoo.config.loader import make_config
from cnnzoo.config.located import Map
from cnnzoo.config.schema import Config
from cnnzoo.config.sweep import Domain, SweepConfig
from cnnzoo.config.trial import trial_config
from cnnzoo.datasets.source import Source, open_source
from cnnzoo.errors import ConfigError, Mistake, did_you_mean
from cnnzoo.studies.objectives import objective_mistakes
from cnnzoo.training.checks import check_config

_PARAMS = "model.params."


def check_sweep(raw: Map) -> Config:
    """Return the configuration in `raw`, which has a `sweep` section; loads no framework.

    Each value of a choice and both ends of a range are tried alone, over the base. Raises
    ConfigError with every mistake that was found.
    """
    config = make_config(raw)
    sweep = config.sweep
    if sweep is None:
        raise ConfigError(
            f"{config.name} has no sweep section",
            hint="write sweep: {parameters: {training.batch_size: [32, 64]}, trials: 10}",
        )
    mistakes = list(objective_mistakes(config)) + list(_missing_packages(sweep))
    source = open_source(config.data) if config.data else None
    for key, domain in sweep.parameters.items():
        mistakes += list(_mistakes_of(raw, config, key, domain, source))
    if mistakes:
        raise ConfigError.of(mistakes)
    check_config(config, source)
    return config


def _mistakes_of(
    raw: Map, config: Config, key: str, domain: Domain, source: Source | None
) -> Iterator[Mistake]:
    """Yield the mistakes of the first value of a key that does not fit."""
    if key.startswith(_PARAMS):
        name, params = key.removeprefix(_PARAMS), config.model.params
        if name not in params:
            yield Mistake(
                f"model.params has no {name!r}{did_you_mean(name, params)}",
                domain.key_place,
                f"define it: model: {{params: {{{name}: …}}}}, and use it as ${name} in the layers",
            )
            return
    for value, place in domain.probes():
        try:
            trial = trial_config(raw, {key: domain}, {key: value}, {key: place})
            check_config(trial, None if key.startswith("data") else source)
        except ConfigError as error:
            for mistake in error.mistakes:
                yield _located(mistake, domain)
            return


def _located(mistake: Mistake, domain: Domain) -> Mistake:
    """Return a mistake with the place of the key, if it has none."""
    return mistake if mistake.place else replace(mistake, place=domain.key_place)


def _missing_packages(sweep: SweepConfig) -> Iterator[Mistake]:
    if sweep.sampler == "gp" and find_spec("torch") is None:
        yield Mistake(
            "sweep.sampler: gp needs torch, which is not installed",
            sweep.place("sampler"),
            "pip install torch, or use tpe",
        )
