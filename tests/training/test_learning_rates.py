from __future__ import annotations

import numpy as np
import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.errors import TrainingError
from cnnzoo.training.learning_rates import (
    PEAKS,
    RangeTest,
    losses_at,
    range_test,
    rate_override,
    with_rate,
)


def test_the_suggestion_is_a_tenth_of_where_the_smoothed_loss_is_lowest():
    rates = np.geomspace(1e-6, 10, 200)
    noise = np.random.default_rng(0).normal(0, 0.1, 200)
    losses = 2.3 - 2 * np.exp(-((np.log10(rates) + 2) ** 2)) + noise
    test = RangeTest(rates, losses, diverged=False)
    assert 0.5e-3 < test.suggested() < 2e-3
    assert np.std(test.smoothed() - (losses - noise)) < 0.06


@pytest.mark.parametrize(
    ("optimizer", "word"),
    [
        ("Adam", "training.optimizer.Adam.learning_rate=0.0012"),
        ("{SGD: 0.5}", "training.optimizer.SGD.learning_rate=0.0012"),
        (
            "{SGD: {learning_rate: {CosineDecay: [0.1, $steps]}, momentum: 0.9}}",
            "training.optimizer.SGD.learning_rate.CosineDecay.initial_learning_rate=0.0012",
        ),
        (
            "{Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 0, decay_steps: $steps, "
            "warmup_target: 1e-3, warmup_steps: 9}}}}",
            "training.optimizer.Adam.learning_rate.CosineDecay.warmup_target=0.0012",
        ),
        (
            "{Adam: {learning_rate: {PiecewiseConstantDecay: [[9, 99], [0.1, 0.01, 0.001]]}}}",
            "training.optimizer.Adam.learning_rate.PiecewiseConstantDecay.values="
            "[0.0012, 0.00012, 1.2e-05]",
        ),
        (
            "{Adam: {learning_rate: {one_cycle: 0.1}}}",
            "training.optimizer.Adam.learning_rate.one_cycle.learning_rate=0.0012",
        ),
        (
            "{LossScaleOptimizer: {inner_optimizer: {SGD: 0.1}}}",
            "training.optimizer.LossScaleOptimizer.inner_optimizer.SGD.learning_rate=0.0012",
        ),
    ],
)
def test_the_word_changes_the_rate_and_nothing_else(tiny, optimizer, word):
    config = load_config(tiny, [f"training.optimizer={optimizer}"])
    assert rate_override(config, 0.001234) == word
    changed = load_config(tiny, [f"training.optimizer={optimizer}", word])
    assert rate_override(changed, 0.001234) == word
    assert with_rate(changed, 1.0).training.optimizer == with_rate(config, 1.0).training.optimizer
    assert "learning_rate: 1.0" in str(with_rate(config, 1.0).plain()).replace("'", "")


def test_of_a_schedule_that_computes_its_rates_no_word_is_the_peak(tiny):
    values = "[9], ['${0.1 / 2}', 0.01]"
    optimizer = f"{{SGD: {{learning_rate: {{PiecewiseConstantDecay: [{values}]}}}}}}"
    assert rate_override(load_config(tiny, [f"training.optimizer={optimizer}"]), 0.1) is None


def test_every_schedule_has_a_peak():
    from cnnzoo.config import catalogue
    from cnnzoo.config.composites import OWN

    schedules = {*catalogue.names("schedules"), *OWN["schedules"]}
    assert set(PEAKS) == schedules


@pytest.mark.slow
def test_an_epoch_with_the_suggested_rate_is_better_than_with_one_far_below_or_above():
    config = load_config("lenet", ["data=digits", "training.optimizer=Adam"])
    rate = range_test(config, 1e-5, steps=100).suggested()

    def loss(factor: float) -> float:
        losses, diverged = losses_at(config, np.full(39, rate * factor))
        return np.inf if diverged else float(np.mean(losses[-10:]))

    best = loss(1)
    assert best < loss(1 / 100)
    assert best < loss(100)


@pytest.mark.slow
def test_a_test_can_be_repeated_and_ends_where_the_loss_diverges(tiny):
    config = load_config(tiny, ["training.optimizer=SGD"])
    one, two = (range_test(config, 1e-3, 1e4, 40) for _ in range(2))
    assert one.diverged
    assert one.rates[-1] < 1e4
    assert np.array_equal(one.losses, two.losses)
    assert np.isfinite(one.losses).all()


@pytest.mark.slow
def test_rates_that_are_all_too_high(tiny):
    config = load_config(tiny, ["training.optimizer=SGD"])
    with pytest.raises(TrainingError, match="--lowest"):
        range_test(config, 1e30, 1e35, 20)
