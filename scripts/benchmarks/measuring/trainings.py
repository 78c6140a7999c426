"""Train in separate processes, and compare the accuracies of several seeds in a table."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cnnzoo.evaluation.intervals import wilson
from cnnzoo.runs.run import latest_run


class Result(NamedTuple):
    """The result of one training on the test pictures."""

    accuracy: float
    examples: int
    cpu_seconds: float


def train(
    config: str, overrides: Sequence[str], program: Sequence[str] = ("-m", "cnnzoo")
) -> Result:
    """Train a configuration in another process with an empty cache, and return its result.

    `program` are the arguments of Python that name the program.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "--config", config, *overrides, "--runs-dir", f"{folder}/runs"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *program, *words],
            env={**os.environ, "CNNZOO_CACHE": f"{folder}/cache"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        measured = latest_run(Path(folder) / "runs").metrics()
        return Result(measured["metrics"]["accuracy"]["value"], measured["examples"], seconds)


def print_table(way: str, results: Mapping[tuple[str, str], Sequence[Result]]) -> None:
    """Print the results by data and way as a Markdown table; `way` is the title of the column.

    The interval is Wilson's of 95 %, which the mean accuracy has with so many test pictures.
    """
    print(f"\n| data | {way} | seeds | accuracy (lowest to highest) | 95 % interval | CPU s |")
    print("| --- | --- | ---: | --- | --- | ---: |")
    for (data, name), found in results.items():
        accuracies = [result.accuracy for result in found]
        mean = statistics.mean(accuracies)
        low, high = wilson(round(mean * found[0].examples), found[0].examples)
        cpu = statistics.mean(result.cpu_seconds for result in found)
        print(
            f"| {data} | {name} | {len(found)} "
            f"| {mean:.3f} ({min(accuracies):.3f} to {max(accuracies):.3f}) "
            f"| {low:.3f} to {high:.3f} | {cpu:.0f} |"
        )
    print(flush=True)
