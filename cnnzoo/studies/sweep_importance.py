"""How much each searched key matters: fANOVA (Hutter, Hoos and Leyton-Brown, 2014) by Optuna."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cnnzoo.config.sweep import Choice, Domain
from cnnzoo.config.writer import to_flow
from cnnzoo.extras import require
from cnnzoo.studies.sweep_results import Trial

FEWEST = 4  # complete trials, from which an importance is estimated


def importances(domains: Mapping[str, Domain], trials: Sequence[Trial]) -> dict[str, float]:
    """Return the share of the variance of the first objective by key, the largest first.

    Empty if there are too few complete trials, or if all their values are equal.
    """
    complete = [trial for trial in trials if trial.is_complete]
    if len(complete) < FEWEST or np.ptp([trial.values[0] for trial in complete]) == 0:
        return {}
    optuna = require("optuna", "sweep")
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import create_trial

    from cnnzoo.studies.sweep_search import distributions

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    spaces = distributions(domains)
    for trial in complete:
        params = {
            key: to_flow(trial.settings[key]) if isinstance(domain, Choice) else trial.settings[key]
            for key, domain in domains.items()
        }
        study.add_trial(create_trial(params=params, distributions=spaces, value=trial.values[0]))
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
