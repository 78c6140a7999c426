"""Compare trainings on a GPU: cnnzoo on JAX, Keras' own `fit` on JAX, and PyTorch; print Markdown.

    scripts/benchmark --gpu
    scripts/benchmark --gpu --quick      tests on a CPU that it runs; its figures are meaningless

It needs JAX. If PyTorch is installed, it is compared without and with `torch.compile`.
TensorFlow is not needed. All train the same network on the same arrays, in the same precision and
with the same batch size; `cifar10_fast` has a different recipe, and is not compared. Real images
are read below CNNZOO_TEST_DATA; without them, random images of the same shape measure the speed
only, with a note. Images a second are those of the training steps, in the median epoch
after the first, which compiles.

Programs that still run after `--minutes` are stopped, and missing results are named. The peak
memory is main memory, of which programs on a GPU need little.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from measuring import contest, examples, machine
from measuring.contest import ACCURACY, FAST, Program, Result, Task
from measuring.examples import MissingError, Shape

TASKS = ("lenet", "accuracy", "emotion", "resnet20", "cifar10_fast", "gender")
JAX = {"KERAS_BACKEND": "jax"}
MINUTES = 9.0
# The batch and the width of the gender network.
SIZE, FILTERS = 256, 512
QUICK_SIZE, QUICK_FILTERS = 32, 16


def main() -> None:
    """Run all comparisons, and print the tables."""
    parser = argparse.ArgumentParser(description="Compare trainings on a GPU.")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--rounds", type=int, default=1, help="number of rounds (default: 1)")
    parser.add_argument("--quick", action="store_true", help="few images, to test that it runs")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="(default: 9)")
    parser.add_argument("--torch-python", metavar="PYTHON", help="a Python with PyTorch")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the measurements")
    words = parser.parse_args()
    if find_spec("jax") is None:
        sys.exit("the comparison on a GPU needs JAX, which is not installed")
    until = time.monotonic() + 60 * words.minutes
    torch_python = words.torch_python or (sys.executable if find_spec("torch") else None)
    described = machine.describe(torch_python)
    print(f"{machine.line(described)}.\n")
    if torch_python is None:
        print("PyTorch is skipped: it is not installed here; name a Python with --torch-python.\n")
    failures: list[str] = []
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        chosen = programs(torch_python, Path(folder) / "cache")
        for name in words.tasks:
            task = prepare(name, Path(folder), words.quick)
            results += run(task, chosen, words.rounds, failures, until)
        peaks = []
        if "gender" in words.tasks:
            peaks = [share_of_peak(chosen[0], Path(folder), words.quick, failures)]
    contest.print_ratios(results, "the others", "Keras' fit")
    if words.json:
        trainings = contest.records(results)
        written = {"machine": described, "trainings": trainings, "benchmarks": peaks}
        words.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if failures:
        sys.exit("\n".join(failures))


def programs(torch_python: str | None, cache: Path) -> list[Program]:
    """Return the programs to compare, cnnzoo first."""
    ours = contest.with_cnnzoo(CNNZOO_CACHE=str(cache), **JAX)
    found = [
        contest.cnnzoo(None, "cnnzoo", ours),
        contest.plain_script("plain_keras.py", sys.executable, "Keras' fit", ours),
    ]
    if torch_python:
        theirs = contest.with_cnnzoo()
        script = "plain_torch.py"
        if torch_python != sys.executable:
            theirs.pop("PYTHONPATH")  # another environment has other packages
        found.append(contest.plain_script(script, torch_python, "PyTorch", theirs))
        compiled = contest.plain_script(script, torch_python, "torch.compile", theirs, "--compile")
        found.append(compiled)
    return found


def prepare(name: str, folder: Path, quick: bool) -> Task:
    """Return a task with its data, or with random data, noted in its title."""
    few = 256 if quick else None
    if name in ("lenet", "accuracy"):
        data, said = mnist(folder, few)
        if name == "accuracy" and not said:
            title = f"LeNet, MNIST, to {ACCURACY:.1%} of the test set"
            return Task(title, "lenet", data, 128, **FAST, target=ACCURACY)
        return Task(f"LeNet, MNIST{said}", "lenet", data, 128, 3 if quick else 8, tests=not said)
    if name == "emotion":
        data, said = photographs("fer2013", (48, 48, 1), 7, few or 28_709, folder)
        return Task(f"emotion, FER2013{said}", name, data, 128, 2 if quick else 6, tests=not said)
    if name == "resnet20":
        data, said = photographs("cifar10", (32, 32, 3), 10, few or 50_000, folder)
        title = f"ResNet-20, CIFAR-10{said}"
        return Task(title, name, data, 128, 2 if quick else 4, tests=not said, channels_last=True)
    if name == "cifar10_fast":
        data, said = photographs("cifar10", (32, 32, 3), 10, few or 50_000, folder)
        title = f"cifar10_fast, CIFAR-10{said}"
        epochs = 2 if quick else 10
        return Task(title, name, data, 512, epochs, tests=not said, precision="bfloat16")
    # The photographs are too few for a long epoch; only their number affects the speed.
    data = examples.random_arrays("faces", (100, 100, 1), 2, 64 if quick else 20_480, folder)
    size, filters = (QUICK_SIZE, QUICK_FILTERS) if quick else (SIZE, FILTERS)
    title = "gender, random images"
    return Task(
        title,
        name,
        data,
        size,
        2 if quick else 4,
        tests=False,
        filters=filters,
        precision="bfloat16",
        channels_last=True,
    )


def mnist(folder: Path, limit: int | None) -> tuple[Path, str]:
    """Return MNIST, or random images of its size, and a note."""
    try:
        return examples.idx_arrays("mnist", folder, limit), ""
    except MissingError:
        count = limit or 60_000
        return examples.random_arrays("digits", (28, 28, 1), 10, count, folder), ", random images"


def photographs(
    name: str, shape: Shape, classes: int, count: int, folder: Path
) -> tuple[Path, str]:
    """Return a folder of images as arrays, or random images, and a note."""
    if (folder / f"{name}.npz").exists():
        return folder / f"{name}.npz", ""
    try:
        return examples.folder_arrays(name, shape, folder, count), ""
    except MissingError:
        return examples.random_arrays(name, shape, classes, count, folder), ", random images"


def run(
    task: Task, chosen: Sequence[Program], rounds: int, failures: list[str], until: float
) -> list[Result]:
    """Run a task and print its table."""
    title = f"### {task.title}, {task.precision}, batch size {task.batch_size}"
    print(f"{title}, {task.epochs} epochs\n", flush=True)
    if task.network == "cifar10_fast":
        chosen = [replace(chosen[0], name="cnnzoo, its own recipe", command=as_it_says)]
    done = contest.compare(task, chosen, rounds, failures.append, until)
    contest.print_results(task, done)
    return done


def as_it_says(task: Task, seed: int, folder: Path) -> list[str]:
    """Return the command of `cnnzoo train` with the recipe of the configuration."""
    words = [
        "data.name=null",
        "data.classes=null",
        f"data.arrays={task.data}",
        "data.splits.validation=0",
        *([] if task.tests else ["data.splits.test=0"]),
        f"seed={seed}",
        f"training.epochs={task.epochs}",
        f"training.batch_size={task.batch_size}",
        "training.monitor=loss",
    ]
    return contest.timed_training(task, words, folder)


def share_of_peak(
    program: Program, folder: Path, quick: bool, failures: list[str]
) -> dict[str, object]:
    """Print the result of `cnnzoo benchmark` for the gender network in bfloat16."""
    data = {"arrays": str(folder / "faces.npz"), "splits": {"validation": 0, "test": 0}}
    size = QUICK_SIZE if quick else SIZE
    words = [
        f"data={json.dumps(data)}",
        f"model.params.filters={QUICK_FILTERS if quick else FILTERS}",
        "training.precision=mixed_bfloat16",
        f"training.batch_size={size}",
        "training.monitor=loss",
    ]
    command = [sys.executable, "-m", "cnnzoo", "benchmark", "gender", *words, "--format", "json"]
    done = subprocess.run(
        command, env=dict(program.environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        failures.append(f"cnnzoo benchmark gender failed: {done.stderr[-500:]}")
        return {}
    measured: dict[str, object] = json.loads(done.stdout)
    print(f"### `cnnzoo benchmark gender`, bfloat16, batch size {size}\n")
    print(
        f"{measured['images_per_second']:,.0f} images/s, {measured['share_of_peak']:.0%} of the "
        f"peak of a large matrix product, {float(str(measured['peak'])) / 1e12:.3g} TFLOP/s\n"
    )
    return measured


if __name__ == "__main__":
    main()
