from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.datasets.dataset import Examples
from cnnzoo.errors import TrainingError
from cnnzoo.training.benchmark import RepeatedBatch, measure, rows_of, steps_of_a_round, times
from cnnzoo.training.engine.batches import Batches


def batches_of(kind):
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
    examples = Examples(images, np.arange(10, dtype=np.int32))
    return kind(examples, 4, rows_of(examples, 4, 3))


def test_a_repeated_batch_is_the_first_one_and_gathered_once():
    repeated, whole = batches_of(RepeatedBatch), batches_of(Batches)
    repeated.start_epoch(1)
    assert len(repeated) == len(whole) == 3
    for step in (1, 0, 2):
        assert repeated[step] is repeated[0]
    for part, first in zip(repeated[2], whole[0], strict=True):
        np.testing.assert_array_equal(part, first)
    # A backend that gathers by itself, from the rows, gets the same.
    assert set(repeated.rows) == set(whole.rows[:4])


@pytest.mark.parametrize(
    ("seconds", "at_once", "steps"),
    [(0.1, 1, 10), (0.1, 4, 8), (5.0, 1, 1), (5.0, 16, 16), (0.0, 1, 2000)],
)
def test_a_round_lasts_about_a_second_in_whole_executions(seconds, at_once, steps):
    assert steps_of_a_round(seconds, at_once) == steps


def test_jobs_take_turns_and_a_first_round_is_not_counted():
    calls = itertools.count()
    now, order = [0.0], []

    def job(name, seconds):
        def run():
            order.append(name)
            now[0] += 1000.0 if len(order) <= 2 else seconds + next(calls) // 2

        return run

    jobs = [job("one", 10.0), job("other", 20.0)]
    one, other = times(jobs, rounds=3, steps=2, clock=lambda: now[0])
    assert order == ["one", "other"] * 4
    assert (one.low, one.median, one.high) == (5.0, 5.5, 6.0)
    assert (other.low, other.median, other.high) == (10.0, 10.5, 11.0)


@pytest.mark.slow
def test_slow_data_are_seen_as_data_and_not_as_computing(tiny, monkeypatch):
    read = Batches.take

    def slowly(batches, rows):
        time.sleep(0.05)
        return read(batches, rows)

    monkeypatch.setattr(Batches, "take", slowly)
    monkeypatch.setattr("cnnzoo.training.engine.peak._SIZES", {"cpu": (256,)})
    config = load_config(tiny, ["training.class_weight=balanced", "training.batch_size=16"])
    measured = measure(config, 8, rounds=3)
    assert measured.data.low >= 0.05
    assert measured.step.median > measured.compute.median
    assert measured.waiting > 0
    assert measured.images_per_second == 16 / measured.step.median
    # 8x8 images, 4 filters of 3x3 on 6x6 places, and 144 values to 10 classes.
    assert measured.flops == 6 * 16 * (6 * 6 * 4 * 9 + 144 * 10)
    assert measured.share_of_peak == pytest.approx(
        measured.flops / measured.step.median / measured.peak
    )
    assert measured.memory > 100_000_000
    assert not (tiny.parent / "runs").exists()


def test_a_step_that_memory_does_not_hold_names_the_batch_size(tiny, monkeypatch):
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("cnnzoo.training.benchmark.take_steps", fail)
    with pytest.raises(TrainingError, match="a training step on 64 images does not fit in memory"):
        measure(load_config(tiny), 1)
