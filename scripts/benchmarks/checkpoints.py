"""Compare epochs that end with a checkpoint with epochs that do not, and print Markdown.

One training of a network of the zoo omits every second checkpoint, in the order with, without,
without, with, so that changes of the machine's speed affect both kinds equally. Everything else is
the same: each epoch validates, and writes its history, its record and its model. An epoch lasts
until the next one begins; the first one is omitted, because it compiles. The checkpoints are also
timed alone, in wall time and CPU time.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

WITHOUT, WITH = "without a checkpoint", "with a checkpoint"

Times = dict[str, list[float]]


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description="Measure what checkpoints cost.")
    parser.add_argument("--config", default="emotion", help="of the zoo (default: emotion)")
    parser.add_argument("--rounds", type=int, default=10, help="epochs of a kind (default: 10)")
    words = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, {words.config}, {words.rounds} rounds\n")
    seconds, worked = measure(words.config, words.rounds)
    reference, reference_work = (statistics.median(kind[WITHOUT]) for kind in (seconds, worked))
    print("| epoch | median, s | lowest to highest | ratio | CPU, s | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for what, times in seconds.items():
        median, work = statistics.median(times), statistics.median(worked[what])
        print(f"| {what} | {median:.3f} | {min(times):.3f} to {max(times):.3f} ", end="")
        print(f"| {median / reference:.3f} ", end="")
        print(f"| {work:.3f} | {work / reference_work:.3f} |")


def measure(name: str, rounds: int) -> tuple[Times, Times]:
    """Return the seconds of each epoch and each checkpoint, in wall time and CPU time."""
    import cnnzoo
    from cnnzoo.models.backend import load_keras
    from cnnzoo.training.progress import Display

    load_keras("cpu")
    from cnnzoo.training.engine.loop import Loop

    seconds: Times = {WITHOUT: [], WITH: [], "the checkpoint alone": []}
    worked: Times = {what: [] for what in seconds}

    def note(what: str, since: tuple[float, float]) -> tuple[float, float]:
        clock, work = time.perf_counter(), time.process_time()
        seconds[what].append(clock - since[0])
        worked[what].append(work - since[1])
        return clock, work

    def saves(epoch: int) -> bool:
        return epoch % 4 in (1, 2)

    class Timing(Display):
        last: tuple[float, float] | None = None

        def epoch(self, row: Any, best: bool = False) -> None:
            if self.last:
                note(WITH if saves(int(row["epoch"])) else WITHOUT, self.last)
            self.last = time.perf_counter(), time.process_time()

    save = Loop._save

    def save_or_not(loop: Loop) -> None:
        if saves(loop.state.epoch):
            started = time.perf_counter(), time.process_time()
            save(loop)
            note("the checkpoint alone", started)

    Loop._save = save_or_not  # type: ignore[method-assign]
    # The loss improves in nearly every epoch, so nearly every epoch writes its model.
    overrides = [f"training.epochs={2 * rounds + 1}", "training.monitor=loss"]
    with tempfile.TemporaryDirectory() as folder:
        cnnzoo.train(cnnzoo.load_config(name, overrides), folder, display=Timing())
    return seconds, worked


if __name__ == "__main__":
    main()
