"""Programs that alternately train the same network on the same data, and the tables of results.

A round runs each program once, every second round in reverse order, so that changes of the
machine's speed affect all of them equally.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from measuring.examples import source
from measuring.processes import ProcessError, Timing, run_timed

ROOT = Path(__file__).resolve().parents[3]
PEERS = Path(__file__).resolve().parents[1] / "peers"


@dataclass(frozen=True, slots=True)
class Task:
    """The training of every program: a network by its name, with Adam, on the data at a path.

    `data` is an .npz or a folder with train/ and test/; nothing is held out of the former. With
    `target`, the test set is measured after each epoch, until that accuracy is reached.
    """

    title: str
    network: str
    data: Path
    batch_size: int
    epochs: int
    learning_rate: float = 1e-3
    schedule: str = "constant"  # a key of SCHEDULES
    target: float | None = None
    tests: bool = True  # the data have a test set
    filters: int = 512  # of the gender network
    precision: str = "float32"
    channels_last: bool = False  # for PyTorch, if it was measured to be faster


# Learning-rate schedules, by the names that the peers use too.
SCHEDULES: Mapping[str, Callable[[float], Any]] = {
    "constant": lambda rate: rate,
    "cosine": lambda rate: {
        "CosineDecay": {"initial_learning_rate": rate, "decay_steps": "$steps"}
    },
    "one_cycle": lambda rate: {"one_cycle": rate},
}

# The race of LeNet on MNIST: the target accuracy on the test set, and a recipe that reaches it
# soon.
ACCURACY = 0.99
FAST = {"epochs": 3, "learning_rate": 6e-3, "schedule": "one_cycle"}

Command = Callable[[Task, int, Path], list[str]]  # of a task, a seed and a folder for its run


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is compared; `plain` if it is a script without cnnzoo.

    `recipe` are fields of a task that differ for this program.
    """

    name: str
    command: Command
    environment: Mapping[str, str]
    plain: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """All timings of a program on a task."""

    task: Task
    program: Program
    timings: tuple[Timing, ...]

    def median(self, value: Callable[[Timing], float]) -> float:
        """Return the median of a measured field."""
        return statistics.median(map(value, self.timings))


def cnnzoo(
    precision: str | None, name: str, environment: Mapping[str, str], more: Sequence[str] = ()
) -> Program:
    """Return `cnnzoo train` in a precision; None is the precision of the task.

    `more` are overrides that are applied last.
    """

    def command(task: Task, seed: int, folder: Path) -> list[str]:
        if task.target:
            splits: dict[str, Any] = {"validation": "test", "test": 0}
        else:
            splits = {"validation": 0} | ({} if task.tests else {"test": 0})
        rate = SCHEDULES[task.schedule](task.learning_rate)
        wanted = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[task.precision]
        words = [
            f"data={json.dumps({**source(task.data), 'splits': splits})}",
            f"seed={seed}",
            f"training.epochs={task.epochs}",
            f"training.batch_size={task.batch_size}",
            f"training.optimizer={json.dumps({'Adam': {'learning_rate': rate}})}",
            f"training.precision={precision or wanted}",
            f"training.monitor={'val_accuracy' if task.target else 'loss'}",
        ]
        if task.network == "gender":
            words.append(f"model.params.filters={task.filters}")
        return timed_training(task, [*words, *more], folder)

    return Program(name, command, environment)


def timed_training(task: Task, words: Sequence[str], folder: Path) -> list[str]:
    """Return the command that trains a task's network with overrides, and prints its times."""
    train = ["train", "--config", task.network, *words, "--runs-dir", str(folder)]
    return [sys.executable, str(PEERS / "timed_cnnzoo.py"), *train]


def plain_script(
    script: str, python: str, name: str, environment: Mapping[str, str], *flags: str
) -> Program:
    """Return the program of a script in `peers/`."""

    def command(task: Task, seed: int, folder: Path) -> list[str]:
        words = [python, str(PEERS / script), task.network, str(task.data)]
        words += ["--epochs", str(task.epochs), "--batch-size", str(task.batch_size)]
        words += ["--learning-rate", str(task.learning_rate), "--seed", str(seed)]
        words += ["--schedule", task.schedule, "--precision", task.precision]
        words += ["--filters", str(task.filters), *flags]
        words += ["--validate"] if task.target else []
        if task.channels_last and script == "plain_torch.py":
            words.append("--channels-last")
        return words

    return Program(name, command, environment, plain=True)


def with_cnnzoo(**variables: str) -> dict[str, str]:
    """Return the environment of this process, with this checkout of cnnzoo and some variables."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **variables}


def compare(
    task: Task,
    programs: Sequence[Program],
    rounds: int,
    say: Callable[[str], None],
    until: float = math.inf,
) -> list[Result]:
    """Run the rounds of a task. A program that fails is omitted afterwards, with a message.

    A program that still runs at `until`, by `time.monotonic`, is stopped, and fails.
    """
    timings: dict[str, list[Timing]] = {program.name: [] for program in programs}
    running = list(programs)
    for turn in range(rounds):
        for program in running[:: -1 if turn % 2 else 1]:
            try:
                own = replace(task, **program.recipe)
                timings[program.name].append(_run(own, program, turn, until))
            except ProcessError as failure:
                say(f"{program.name} failed on {task.title}: {failure}")
                running.remove(program)
    return [
        Result(task, program, tuple(timings[program.name]))
        for program in programs
        if timings[program.name]
    ]


def _run(task: Task, program: Program, seed: int, until: float) -> Timing:
    if (left := until - time.monotonic()) <= 0:
        raise ProcessError("no time is left")
    with tempfile.TemporaryDirectory() as folder:
        timing = run_timed(program.command(task, seed, Path(folder)), program.environment, left)
        for path in Path(folder).glob("*/*/metrics.json"):  # of cnnzoo's run
            measured = json.loads(path.read_text(encoding="utf-8"))
            accuracy = measured["metrics"]["accuracy"]["value"]
            return replace(timing, accuracy=accuracy)
    return timing


TIMES_HEAD = """\
| program | first batch, s | whole process, s | its CPU time, s | images/s | with checkpoints \
| peak memory, GB | test accuracy |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def times_row(result: Result) -> str:
    """Return a line of the table of times: medians, and lowest to highest."""
    cells = [
        result.program.name,
        spread(result.timings, lambda timing: timing.first_batch, "{:.2f}"),
        spread(result.timings, lambda timing: timing.wall, "{:.1f}"),
        f"{result.median(lambda timing: timing.cpu):.1f}",
        spread(result.timings, lambda timing: timing.rate, "{:,.0f}"),
        f"{result.median(lambda timing: timing.whole_rate):,.0f}",
        f"{result.median(lambda timing: timing.memory) / 1e9:.2f}",
        spread(result.timings, lambda timing: timing.accuracy, "{:.4f}"),
    ]
    return f"| {' | '.join(cells)} |"


RATIOS_HEAD = """\
| network | program | images/s to the better plain one | first batch to {0} | whole process to {0} \
| memory to {0} |
| --- | --- | ---: | ---: | ---: | ---: |"""


def ratio_rows(results: Sequence[Result]) -> list[str]:
    """Return lines of the table of ratios: cnnzoo's to those of the plain scripts.

    Ratios are of medians; in brackets, the range over the rounds.
    """
    plain = [result for result in results if result.program.plain]
    if not plain:
        return []
    first = plain[0]
    better = max(plain, key=lambda result: result.median(lambda timing: timing.rate))
    rows = []
    for result in results:
        if result.program.plain:
            continue
        cells = [
            result.task.title,
            result.program.name,
            f"{ratio(result, better, lambda timing: timing.rate)} ({better.program.name})",
            ratio(result, first, lambda timing: timing.first_batch),
            ratio(result, first, lambda timing: timing.wall),
            ratio(result, first, lambda timing: timing.memory),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


TARGET_HEAD = """\
| program | seeds that reached {:.1%} | epochs | from command to there, s | to {} \
| training steps until there, s |
| --- | ---: | ---: | ---: | ---: | ---: |"""


def target_rows(results: Sequence[Result]) -> list[str]:
    """Return lines of the table of the time to an accuracy: medians over the seeds that reached it.

    Ratios are to the first program.
    """
    rows: list[str] = []
    reference: float | None = None
    for result in results:
        target = result.task.target or 1.0
        there = [timing for timing in result.timings if timing.reached(target)]
        cells = [result.program.name, f"{len(there)} of {len(result.timings)}"]
        if there:
            walls = [_epoch(timing, target)["at"] for timing in there]
            epochs = [timing.epochs.index(_epoch(timing, target)) + 1 for timing in there]
            wall = statistics.median(walls)
            if result is results[0]:
                reference = wall
            steps = statistics.median(timing.steps_until(target) or 0 for timing in there)
            cells += [f"{statistics.median(epochs):g}", shown(walls, "{:.1f}")]
            cells += [f"{wall / reference:.2f}" if reference else "-", f"{steps:.2f}"]
        else:
            cells += ["-"] * 4
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _epoch(timing: Timing, target: float) -> Mapping[str, Any]:
    epoch = timing.reached(target)
    assert epoch
    return epoch


def ratio(one: Result, other: Result, value: Callable[[Timing], float]) -> str:
    """Return the ratio of two medians, and the lowest and highest of the rounds."""
    middle = one.median(value) / other.median(value)
    pairs = list(zip(one.timings, other.timings, strict=False))
    if len(pairs) < 2:
        return f"{middle:.2f}"
    single = [value(ours) / value(theirs) for ours, theirs in pairs]
    return f"{middle:.2f} ({min(single):.2f} to {max(single):.2f})"


def spread(timings: Sequence[Timing], value: Callable[[Timing], float | None], form: str) -> str:
    """Return the median of a measured field, and the lowest and the highest."""
    return shown([found for timing in timings if (found := value(timing)) is not None], form)


def shown(values: Sequence[float], form: str) -> str:
    """Return the median of some values, and the lowest and the highest."""
    if not values:
        return "-"
    text = form.format(statistics.median(values))
    if len(values) == 1:
        return text
    return f"{text} ({form.format(min(values))} to {form.format(max(values))})"


def print_results(task: Task, results: Sequence[Result]) -> None:
    """Print the table of one task; ratios of a race are to the first plain program."""
    if task.target:
        ordered = sorted(results, key=lambda result: not result.program.plain)
        print(TARGET_HEAD.format(task.target, ordered[0].program.name if ordered else "none"))
        print("\n".join(target_rows(ordered)))
    else:
        print(TIMES_HEAD)
        print("\n".join(map(times_row, results)))
    print(flush=True)


def print_ratios(results: Sequence[Result], others: str, reference: str) -> None:
    """Print the table of all ratios, without races; nothing if it is empty."""
    tasks = dict.fromkeys(result.task for result in results if not result.task.target)
    rows: list[Any] = []
    for task in tasks:
        rows += ratio_rows([result for result in results if result.task == task])
    if rows:
        print(f"### Ratios of cnnzoo to {others}\n")
        print(RATIOS_HEAD.format(reference))
        print("\n".join(rows))


def records(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return the results as plain values."""
    return [
        {
            "task": result.task.title,
            "network": result.task.network,
            "batch_size": result.task.batch_size,
            "precision": result.task.precision,
            "program": result.program.name,
            "seed": seed,
            **timing.record(),
        }
        for result in results
        for seed, timing in enumerate(result.timings)
    ]
