from __future__ import annotations

import numpy as np
import pytest
from sweeps import finished

from cnnzoo.studies.objectives import Objective
from cnnzoo.studies.sweep_luck import expected_maximum, luck_of
from cnnzoo.studies.sweep_results import SweepRecord

ACCURACY = (Objective("val_accuracy", False),)


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_the_expected_maximum_is_that_of_a_simulation(count):
    drawn = np.random.default_rng(0).normal(size=(20_000, count)).max(axis=1).mean()
    assert expected_maximum(count) == pytest.approx(drawn, abs=0.03)


def test_equal_networks_are_luck_and_their_excess_is_right():
    dice = np.random.default_rng(0)
    likely, excess = [], []
    for _ in range(200):
        values = dice.binomial(200, 0.9, size=20) / 200
        record = SweepRecord(trials=[finished(n, float(v)) for n, v in enumerate(values, 1)])
        luck = luck_of(record, ACCURACY, 200)
        assert luck
        likely.append(luck.is_likely)
        excess.append(values.max() - 0.9 - luck.excess)
    assert np.mean(likely) > 0.95
    assert abs(np.mean(excess)) < 0.006


def test_a_clear_winner_is_not_luck():
    record = SweepRecord(trials=[finished(1, 0.99), finished(2, 0.5), finished(3, 0.4)])
    luck = luck_of(record, ACCURACY, 1000)
    assert luck
    assert (luck.count, luck.is_likely, luck.excess) == (1, False, 0.0)
    assert luck_of(record, (Objective("val_loss", True),), 1000) is None
