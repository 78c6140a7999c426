"""Compare `cnnzoo train` with plain scripts of Keras and PyTorch, and print Markdown.

All train the same networks on the same images with the same optimizer and batch size, for the same
number of epochs, alternately, each in a separate process. Nothing is held out: all train on every
image of the training set, measure the test set at the end, and save the model. In the race to an
accuracy, all measure the test set after every epoch as well, and plain Keras runs twice: with the
common recipe, which needs few epochs, and with the usual recipe of many scripts.

Images per second are those of the training steps, in the median epoch after the first; "with
checkpoints" counts from the end of an epoch to the end of the next one, in which cnnzoo writes a
checkpoint and the model. cnnzoo decodes folders once; that time is printed, but not included. Keras
decodes in the first epoch of every run, PyTorch before it. Ratios are of medians.

    scripts/benchmarks/training.py --torch-python ENV/bin/python --rounds 5
    scripts/benchmarks/training.py --tasks accuracy --words training.batch_size=256
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from measuring import contest, examples, machine
from measuring.contest import ACCURACY, FAST, Program, Result, Task

TASKS = ("lenet", "simple_cnn", "emotion", "gender", "accuracy")
# The recipe of many scripts: it reaches the accuracy of the race in more epochs.
USUAL = {"epochs": 10, "learning_rate": 2e-3, "schedule": "cosine"}
# The comparison on a CPU does not use a GPU.
ON_CPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}


def main() -> None:
    """Run the tasks that the command line names, and print the tables."""
    parser = argparse.ArgumentParser(description="Compare trainings with plain scripts.")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (default: 3)")
    parser.add_argument("--quick", action="store_true", help="few images, one round, no race")
    parser.add_argument("--torch-python", metavar="PYTHON", help="a Python with PyTorch")
    parser.add_argument(
        "--words", nargs="+", default=[], metavar="KEY=VALUE", help="also run cnnzoo with these"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the measurements")
    words = parser.parse_args()
    torch_python = words.torch_python or (sys.executable if find_spec("torch") else None)
    described = machine.describe(torch_python)
    print(f"{machine.line(described)}.\n")
    if torch_python is None:
        print("PyTorch is skipped: it is not installed here; name a Python with --torch-python.\n")
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        chosen = programs(torch_python, Path(folder) / "cache", words.words)
        results = run(words, chosen, Path(folder), failures)
    contest.print_ratios(results, "the plain scripts", "plain Keras")
    if words.json:
        written = {"machine": described, "trainings": contest.records(results)}
        words.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if failures:
        sys.exit("\n".join(failures))


def programs(torch_python: str | None, cache: Path, more: Sequence[str]) -> list[Program]:
    """Return the programs to compare, cnnzoo first; `more` overrides add another cnnzoo."""
    ours = contest.with_cnnzoo(CNNZOO_CACHE=str(cache), **ON_CPU)
    found = [
        contest.cnnzoo("auto", "cnnzoo, precision auto", ours),
        contest.cnnzoo("float32", "cnnzoo, float32", ours),
        contest.plain_script("plain_keras.py", sys.executable, "plain Keras", ours),
    ]
    if more:
        found.append(contest.cnnzoo("auto", f"cnnzoo, {' '.join(more)}", ours, more))
    if torch_python:
        theirs = contest.with_cnnzoo(**ON_CPU)
        theirs.pop("PYTHONPATH")  # another environment has other packages
        script = "plain_torch.py"
        found.append(contest.plain_script(script, torch_python, "plain PyTorch", theirs))
    return found


def racers(chosen: Sequence[Program]) -> list[Program]:
    """Return the programs of the race: all with one recipe, and plain Keras with the usual one too.

    Of cnnzoo, only those that set the precision.
    """
    usual = [
        replace(program, name=f"{program.name}, the usual recipe", recipe=USUAL)
        for program in chosen
        if program.name == "plain Keras"
    ]
    return [*usual, *(program for program in chosen if program.name != "cnnzoo, float32")]


def run(
    words: argparse.Namespace, chosen: Sequence[Program], folder: Path, failures: list[str]
) -> list[Result]:
    """Run the tasks and print their tables; a task without its data is skipped with a message."""
    results = []
    for name in words.tasks:
        if words.quick and name == "accuracy":
            print(f"The race to {ACCURACY:.1%} is skipped with --quick.\n")
            continue
        try:
            task = prepare(name, folder, quick=words.quick)
        except examples.MissingError as missing:
            print(f"{name} is skipped: {missing}.\n", flush=True)
            continue
        print(f"### {task.title}, batch size {task.batch_size}, {task.epochs} epochs\n", flush=True)
        if task.data.is_dir():
            print(f"{decode_once(task, chosen[0])}\n", flush=True)
        running = racers(chosen) if task.target else chosen
        done = contest.compare(task, running, 1 if words.quick else words.rounds, failures.append)
        results += done
        contest.print_results(task, done)
    return results


def prepare(name: str, folder: Path, *, quick: bool) -> Task:
    """Return a task with its data, or fewer of them if it must be quick; raises MissingError."""
    if name == "simple_cnn":
        data = examples.idx_arrays("fashion_mnist", folder, 6_000 if quick else None)
        return Task("simple_cnn, Fashion-MNIST", name, data, 128, 3)
    if name == "emotion":
        data = examples.image_folder("fer2013", folder, 2_100 if quick else None)
        return Task("emotion, FER2013", name, data, 128, 3, channels_last=True)
    if name == "gender":
        data = examples.image_folder("gender_faces", folder, 64 if quick else None)
        return Task("gender, photographs of faces", name, data, 32, 2, channels_last=True)
    data = examples.idx_arrays("mnist", folder, 12_000 if quick else None)
    if name == "accuracy":
        title = f"LeNet, MNIST, to {ACCURACY:.1%} of the test set"
        return Task(title, "lenet", data, 128, **FAST, target=ACCURACY)
    return Task("LeNet, MNIST", name, data, 128, 3 if quick else 5)


def decode_once(task: Task, program: Program) -> str:
    """Fill cnnzoo's cache, and return a line with the time."""
    shape = {"emotion": (48, 48, 1), "gender": (100, 100, 1)}[task.network]
    code = (
        "import sys, time, cnnzoo; began = time.perf_counter(); "
        f"data = cnnzoo.load_dataset(cnnzoo.DataConfig(**{examples.source(task.data)}, "
        f"splits={{'validation': 0}}), image_shape={shape}); "
        "print(f'{sum(map(len, data.splits.values())):,} images in '"
        "f'{time.perf_counter() - began:.1f} s')"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=dict(program.environment), capture_output=True, text=True, check=False
    )
    return f"cnnzoo decoded {done.stdout.strip() or 'nothing: ' + done.stderr[-500:]}, once."


if __name__ == "__main__":
    main()
