"""Compare `import keras` with and without its optional packages and Python's garbage collection.

pandas, matplotlib and scikit-learn are for its adapters, galleries and wrappers; a training does
not need them. TensorFlow imports JAX and SciPy if they are installed, and does not need them. With
KERAS_BACKEND=jax, TensorFlow is not needed either; Keras imports it to seed it.
The garbage collection finds nothing while modules are imported. `cnnzoo.models.backend` omits both.
The ways alternate, each in a separate process; the first round is omitted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
OTHERS = ("jax", "scipy") if BACKEND == "tensorflow" else ("tensorflow",)
OPTIONAL = ("pandas", "matplotlib", "sklearn", *OTHERS)
START = "import keras; keras.utils.set_random_seed(0)"
HIDDEN = f"import sys\nfor name in {OPTIONAL}: sys.modules[name] = None\n"
WAYS = {
    "Keras, imported and seeded": START,
    "without optional packages": HIDDEN + START,
    "and without garbage collection": f"import gc; gc.disable()\n{HIDDEN}{START}",
}


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="Compare ways to import Keras.")
    parser.add_argument("--rounds", type=int, default=7, help="number of rounds (default: 7)")
    rounds = parser.parse_args().rounds
    wall: dict[str, list[float]] = {way: [] for way in WAYS}
    worked: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(rounds + 1):
        for way in list(WAYS)[:: 1 if turn % 2 else -1]:
            seconds, cpu = seconds_of(WAYS[way])
            if turn:
                wall[way].append(seconds)
                worked[way].append(cpu)
    print(f"Backend {BACKEND}, {rounds} rounds\n")
    print("| | median, s | lowest to highest | ratio | CPU, s | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    reference, *_ = map(statistics.median, wall.values())
    reference_work, *_ = map(statistics.median, worked.values())
    for way, times in wall.items():
        median, work = statistics.median(times), statistics.median(worked[way])
        print(f"| {way} | {median:.2f} | {min(times):.2f} to {max(times):.2f} ", end="")
        print(f"| {median / reference:.2f} | {work:.2f} | {work / reference_work:.2f} |")


def seconds_of(code: str) -> tuple[float, float]:
    """Return the wall time and the CPU time of a process."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - began, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


if __name__ == "__main__":
    main()
