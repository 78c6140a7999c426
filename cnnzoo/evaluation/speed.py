"""Measure the speed of predictions: the latency of one image, the throughput of batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.classifier import batch_size, open_classifier
from cnnzoo.models.saved import Trust
from cnnzoo.runs.run import Run

ROUNDS = 7
ROUND_SECONDS = 0.15  # at least one call

# Computes the outputs of a batch of images uint8 [n, height, width, channels].
Predict = Callable[[NDArray[np.uint8]], Any]


def benchmark_model(
    run: Run | Path | str, *, device: str = "auto", trust: Trust | None = None
) -> dict[str, Any]:
    """Measure how fast a run's model, a `.keras` file or an exported model predicts noise.

    Returns `model`, `input_shape`, `batch_size` (as `predict` uses it) and the values of
    `measure_speed`.
    """
    classifier = open_classifier(run, device=device, trust=trust)
    shape = classifier.fit.shape
    size = batch_size(shape, classifier.model)
    images = np.random.default_rng(0).integers(0, 256, (size, *shape), np.uint8)
    speed = measure_speed({"model": classifier.model.predict_on_batch}, images)["model"]
    return {"model": str(run), "input_shape": list(shape), "batch_size": size, **speed}


def measure_speed(
    predictors: Mapping[str, Predict],
    images: NDArray[np.uint8],
    *,
    rounds: int = ROUNDS,
    round_seconds: float = ROUND_SECONDS,
) -> dict[str, dict[str, float]]:
    """Measure each predictor on one image, and on all of `images` as one batch.

    The predictors take turns, round by round, so that a change of the machine's load affects all
    of them; a first round is not counted. Returns by name the `latency` of one image in seconds
    (the median of the rounds, with `latency_low` and `latency_high`) and the median
    `images_per_second` of the batch.
    """
    one, count = images[:1], len(images)
    latencies = _alternate(
        {name: (predict, one) for name, predict in predictors.items()}, rounds, round_seconds
    )
    batches = _alternate(
        {name: (predict, images) for name, predict in predictors.items()}, rounds, round_seconds
    )
    return {
        name: {
            "latency": median(latencies[name]),
            "latency_low": min(latencies[name]),
            "latency_high": max(latencies[name]),
            "images_per_second": count / median(batches[name]),
        }
        for name in predictors
    }


def _alternate(
    jobs: Mapping[str, tuple[Predict, NDArray[np.uint8]]], rounds: int, round_seconds: float
) -> dict[str, list[float]]:
    """The seconds of one call of each job, in each round."""
    calls = {}
    for name, (predict, images) in jobs.items():
        _seconds(predict, images, 1)  # compiles
        calls[name] = max(1, round(round_seconds / _seconds(predict, images, 1)))
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name, (predict, images) in jobs.items():
            seconds = _seconds(predict, images, calls[name]) / calls[name]
            if turn:
                taken[name].append(seconds)
    return taken


def _seconds(predict: Predict, images: NDArray[np.uint8], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        predict(images)
    return time.perf_counter() - began
