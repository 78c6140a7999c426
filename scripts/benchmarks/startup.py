"""Compare the time of commands with the time to import Keras, and print Markdown.

Each round runs every command once, so that changes of the machine's speed affect all of them
equally; a row is the median of its times, their range, and the median's ratio to `import keras`.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cnnzoo.config import zoo

CNNZOO = (sys.executable, "-m", "cnnzoo")
REFERENCE = "import keras"
COMMANDS: dict[str, tuple[str, ...]] = {
    REFERENCE: (sys.executable, "-c", "import keras"),
    "import cnnzoo": (sys.executable, "-c", "import cnnzoo"),
    "cnnzoo --help": (*CNNZOO, "--help"),
    "cnnzoo list": (*CNNZOO, "list"),
    "cnnzoo show lenet": (*CNNZOO, "show", "lenet"),
    "cnnzoo show resnet152": (*CNNZOO, "show", "resnet152"),
    "cnnzoo check lenet": (*CNNZOO, "check", "lenet"),
    "cnnzoo check resnet152": (*CNNZOO, "check", "resnet152"),
    f"cnnzoo check (all {len(zoo.names())} of the zoo)": (*CNNZOO, "check", *zoo.names()),
}


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="Compare start-up times with importing Keras.")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, command in COMMANDS.items():
                seconds[name].append(seconds_of(command, Path(folder)))
    reference = statistics.median(seconds[REFERENCE])
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, {rounds} rounds\n")
    print("| command | median, s | lowest to highest | ratio to `import keras` |")
    print("| --- | ---: | ---: | ---: |")
    for name, times in seconds.items():
        median = statistics.median(times)
        spread = f"{min(times):.2f} to {max(times):.2f}"
        print(f"| `{name}` | {median:.2f} | {spread} | {median / reference:.3f} |")


def seconds_of(command: tuple[str, ...], folder: Path) -> float:
    """Return the seconds of one process from start to end."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
