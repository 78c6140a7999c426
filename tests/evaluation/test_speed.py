from __future__ import annotations

import time

import numpy as np

from cnnzoo.evaluation.speed import measure_speed


def test_the_slower_one_is_slower():
    images = np.zeros((20, 2, 2, 1), np.uint8)
    speed = measure_speed(
        {
            "fast": lambda batch: time.sleep(0.001),
            "slow": lambda batch: time.sleep(0.01 + 0.001 * len(batch)),
        },
        images,
        rounds=3,
        round_seconds=0.01,
    )
    fast, slow = speed["fast"], speed["slow"]
    assert slow["latency"] > 0.011 > 0.001
    assert fast["latency"] >= 0.001
    assert fast["latency_low"] <= fast["latency"] <= fast["latency_high"]
    assert fast["latency"] < slow["latency"]
    assert slow["images_per_second"] < 20 / 0.03
    assert fast["images_per_second"] > slow["images_per_second"]
