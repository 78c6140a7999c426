from __future__ import annotations

import pytest

from cnnzoo.terminal.pace import Pace
from cnnzoo.training.progress import Progress

PROGRESS = Progress(epochs=4, steps=10, images=1000, monitor="val_accuracy")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_is_that_of_the_training_steps_and_the_time_left_leaves_out_the_first():
    clock = Clock()
    pace = Pace(PROGRESS, clock)
    assert (pace.rate(), pace.left()) == (None, None)
    clock.now = 100.0  # the backend has compiled
    pace.take_step(1, 1)
    assert (pace.rate(), pace.left()) == (1.0, None)
    for step in range(2, 11):
        clock.now += 1
        pace.take_step(1, step)
    assert pace.left() == pytest.approx(30)  # three epochs of ten steps of a second
    clock.now += 5  # the validation
    assert pace.rate() == pytest.approx(1000 / 109)
    assert pace.seconds() == pytest.approx(114)


def test_a_training_that_goes_on_counts_only_what_it_has_seen():
    clock = Clock()
    pace = Pace(Progress(4, 10, 1000, "loss", epoch=3, step=5), clock)
    clock.now = 2.0
    pace.take_step(3, 10)
    assert pace.rate() == pytest.approx(250)
    pace.begin_epoch(4)
    assert pace.rate() is None
    clock.now = 4.0
    pace.take_step(4, 5)
    assert pace.left() == pytest.approx(2)
