"""Compare trainings of LeNet in 1, 2, 4 and 8 processes of this machine, and print Markdown.

The processes are joined by Keras' variables, as on several machines, and train on JAX and the CPU.
The optimizer is SGD with momentum: where a gradient is next to nothing, Adam makes a whole step of
its rounding. The last table is a model of GPUs, with assumptions that options change.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from measuring.http_load import free_port
from measuring.scaling import (
    Machine,
    bytes_sent,
    collective_bytes,
    communication_seconds,
    efficiency,
    examples_of_process,
)
from numpy.typing import NDArray

TRAINING = Path(__file__).parent / "peers" / "counted_cnnzoo.py"
RATE = 0.05
OPTIMIZER = "training.optimizer={{SGD: {{learning_rate: {:.9f}, momentum: 0.9}}}}"
# LeNet without kinks: the gradients of ReLU and of max-pooling jump where two values are equal.
SMOOTH = (
    "model.layers=[Rescaling: 1/255, "
    "Conv2D: {filters: 6, kernel_size: 5, padding: same, activation: tanh}, AveragePooling2D: 2, "
    "Conv2D: {filters: 16, kernel_size: 5, activation: tanh}, AveragePooling2D: 2, Flatten, "
    "Dense: {units: 120, activation: tanh}, Dense: {units: 84, activation: tanh}, "
    "Dense: {units: $classes, activation: softmax}]"
)
IMAGENET = 1_281_167  # images of its training part
DUMP = "--xla_dump_to={} --xla_dump_hlo_as_text --xla_dump_hlo_module_re=.*program.*"
COLUMNS = (
    "processes",
    "losses, largest difference",
    "weights, largest difference",
    "images read, largest share of a process",
    "as expected",
    "read to open the data, MB",
    "CPU, ms per example",
    "CPU, ms per step and process",
    "sent per step and process, MB",
)
GPUS = ("GPUs", "all-reduce, ms", "computed alike", "efficiency", "with the CPU time too")


@dataclass(frozen=True, slots=True)
class Training:
    """The result of a training, and what each of its processes counted."""

    counts: Sequence[dict[str, Any]]
    losses: Sequence[float]  # of training and validation, by epoch
    arrays: dict[str, NDArray[Any]]  # of the last checkpoint: model, optimizer, metrics

    @property
    def cpu_of_step(self) -> float:
        """The CPU seconds of a step in a process, after the first epoch, which compiles."""
        return fmean(fmean(count["cpu"][1:]) / count["steps"] for count in self.counts)

    @property
    def cpu_of_example(self) -> float:
        """The CPU seconds of all processes for an example."""
        steps, examples = self.counts[0]["steps"], self.counts[0]["splits"][0]
        return self.cpu_of_step * steps * len(self.counts) / examples

    @property
    def largest_share(self) -> float:
        """The images that the busiest process gathered, relative to those of all epochs."""
        whole = len(self.counts[0]["cpu"]) * sum(self.counts[0]["splits"])
        share: float = max(count["images"] for count in self.counts) / whole
        return share


def main() -> None:
    """Train with each number of processes, and print the tables."""
    chosen = parse()
    print(table_head(COLUMNS), flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        decode(folder / "cache")
        alone = train(folder, "1", 1, chosen.batch_size, chosen.epochs)
        print(row(alone, alone, chosen.batch_size), flush=True)
        found = {}
        for count in chosen.processes:
            found[count] = train(folder, str(count), count, chosen.batch_size, chosen.epochs)
            print(row(found[count], alone, chosen.batch_size), flush=True)
        fewest, most = min(found), max(found)
        again = train(folder, "again", fewest, chosen.batch_size, chosen.epochs, dump=True)
        reduced = max(map(collective_bytes, programs(folder / "program")))
        small = train(folder, "small", 1, chosen.batch_size // most, chosen.epochs)
        near = train(
            folder, "near", 1, chosen.batch_size, chosen.epochs, OPTIMIZER.format(RATE * (1 + 2e-7))
        )
        smooth = [
            train(folder, f"smooth-{count}", count, chosen.batch_size, chosen.epochs, SMOOTH)
            for count in (1, fewest)
        ]
    weights = alone.counts[0]["weights"]
    print(f"\nAnother training in {fewest} processes: {equality(found[fewest], again)}.")
    print(f"In one process, a rate that is 2e-7 of itself larger: {differences(near, alone)}.")
    print(f"With tanh and average pooling, {fewest} processes: {differences(*smooth)}.")
    print(f"The compiled step reduces {reduced:,} bytes; the weights have {weights:,}.")
    extra = max(found[most].cpu_of_step - small.cpu_of_step, 0)
    print(
        f"A step of {most} processes takes each of them {1e3 * extra:.1f} ms of CPU time more than "
        "a step of one process with as many images.\n"
    )
    print_model(chosen, extra)


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Measure trainings in several processes.")
    add = parser.add_argument
    add("--processes", type=int, nargs="+", default=[2, 4, 8], help="(default: 2 4 8)")
    add("--epochs", type=int, default=3, help="of a training (default: 3)")
    add("--batch-size", type=int, default=128, help="of all processes (default: 128)")
    add("--config", default="resnet50", help="network of the model (default: resnet50)")
    add("--images-per-second", type=float, default=2500, help="of one GPU (default: 2500)")
    add("--gpu-batch", type=int, default=256, help="images of a GPU in a step (default: 256)")
    add("--examples", type=int, default=IMAGENET, help="of an epoch (default: ImageNet)")
    chosen = parser.parse_args()
    if chosen.epochs < 2 or min(chosen.processes) < 2:
        parser.error("two epochs and two processes are the fewest")
    return chosen


def decode(cache: Path) -> None:
    """Decode the images, which all trainings read from the cache."""
    import cnnzoo

    os.environ["CNNZOO_CACHE"] = str(cache)
    config = cnnzoo.load_config("lenet")
    cnnzoo.load_dataset(config.data, image_shape=config.model.input_shape)


def train(
    folder: Path,
    name: str,
    count: int,
    batch: int,
    epochs: int,
    *settings: str,
    dump: bool = False,
) -> Training:
    """Train LeNet, with other settings, in so many processes; ends the benchmark if one fails."""
    words = [
        f"name=run-{name}",
        f"training.epochs={epochs}",
        f"training.batch_size={batch}",
        OPTIMIZER.format(RATE),
        *settings,
        *(["training.devices=all"] if count > 1 else []),
    ]
    command = [sys.executable, str(TRAINING), str(folder / "runs"), *words]
    port, processes, logs = free_port(), [], []
    for number in range(count):
        variables = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
        if count > 1:
            variables["KERAS_DISTRIBUTION_JOB_ADDRESSES"] = f"localhost:{port}"
            variables["KERAS_DISTRIBUTION_NUM_PROCESSES"] = str(count)
            variables["KERAS_DISTRIBUTION_PROCESS_ID"] = str(number)
        if dump:
            variables["XLA_FLAGS"] = DUMP.format(folder / "program" / str(number))
        logs.append(folder / f"{name}-{number}.log")
        with logs[-1].open("w") as log:
            environment = {**os.environ, **variables}
            processes.append(
                subprocess.Popen(
                    command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
                )
            )
    outputs = [process.communicate()[0] for process in processes]
    for process, path in zip(processes, logs, strict=True):
        if process.returncode:
            said = path.read_text(encoding="utf-8", errors="replace")[-2000:]
            sys.exit(f"{path.stem}: exit code {process.returncode}\n{said}")
    counts = [json.loads(output.splitlines()[-1]) for output in outputs]
    return result(folder / "runs" / f"run-{name}" / "1", counts)


def result(path: Path, counts: Sequence[dict[str, Any]]) -> Training:
    """Read the run of a training."""
    from cnnzoo.runs.run import open_run
    from cnnzoo.training.engine.checkpoint import checkpoints_in, read_checkpoint

    run = open_run(path)
    arrays, _ = read_checkpoint(checkpoints_in(run.checkpoints_path)[0])
    losses = [epoch[name] for epoch in run.history() for name in ("loss", "val_loss")]
    return Training(counts, losses, dict(arrays))


def programs(folder: Path) -> list[str]:
    """Return the compiled programs that XLA wrote, as text."""
    return [path.read_text() for path in folder.rglob("*cpu_after_optimizations.txt")]


def row(training: Training, alone: Training, batch: int) -> str:
    """Return the row of a training in several processes; `alone` is that in one."""
    from cnnzoo.training.engine.batches import evaluation_batch

    count, (train_count, validation_count) = len(training.counts), training.counts[0]["splits"]
    expected = examples_of_process(train_count, batch, count)
    expected += examples_of_process(validation_count, evaluation_batch(count), count)
    return table_row(
        str(count),
        f"{difference(training.losses, alone.losses):.1e}",
        f"{difference_of_weights(training, alone):.1e}",
        f"{training.largest_share:.3f}",
        f"{expected / (train_count + validation_count):.3f}",
        f"{max(each['opened'] for each in training.counts) / 1e6:.2f}",
        f"{1e3 * training.cpu_of_example:.2f}",
        f"{1e3 * training.cpu_of_step:.1f}",
        f"{bytes_sent(training.counts[0]['weights'], count) / 1e6:.2f}",
    )


def differences(one: Training, other: Training) -> str:
    """Say by how much the losses and the weights of two trainings differ."""
    losses, weights = difference(one.losses, other.losses), difference_of_weights(one, other)
    return f"losses differ by at most {losses:.1e}, weights by {weights:.1e}"


def difference_of_weights(one: Training, other: Training) -> float:
    """Return the largest absolute difference of the weights of two trainings."""
    names = [name for name in one.arrays if name.startswith("model/")]
    return max(difference(one.arrays[name], other.arrays[name]) for name in names)


def difference(some: Any, others: Any) -> float:
    """Return the largest absolute difference of two arrays of one shape."""
    return float(np.max(np.abs(np.subtract(some, others, dtype=np.float64)), initial=0.0))


def equality(one: Training, other: Training) -> str:
    """Say how many losses and arrays of two trainings have the same bits."""
    losses = sum(a == b for a, b in zip(one.losses, other.losses, strict=True))
    arrays = sum(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in one.arrays)
    return (
        f"{losses} of {len(one.losses)} losses and {arrays} of {len(one.arrays)} arrays of the "
        "last checkpoint have the same bits"
    )


def print_model(chosen: argparse.Namespace, extra: float) -> None:
    """Print the efficiency of 8 and 64 GPUs, with the CPU time `extra` of each step and without."""
    from cnnzoo.architecture.resolve import resolve
    from cnnzoo.config.loader import load_config

    machine = Machine(chosen.images_per_second, chosen.gpu_batch)
    model = load_config(chosen.config).model
    weights = 4 * resolve(model, model.classes).trainable
    print(
        f"Model of {chosen.config}, {weights / 1e6:.1f} MB of float32 weights; assumptions: a GPU "
        f"trains {chosen.images_per_second:,.0f} images/s in batches of {chosen.gpu_batch} of its "
        f"own, an epoch has {chosen.examples:,} images, a node has {machine.gpus_per_node} GPUs, "
        f"each GPU sends {machine.within / 1e9:g} GB/s within a node and {machine.between / 1e9:g} "
        f"between nodes, a message takes {1e6 * machine.latency:.0f} µs, one ring, no overlap.\n"
    )
    print(table_head(GPUS))
    for gpus in (8, 64):
        batch = gpus * chosen.gpu_batch
        work = gpus * examples_of_process(chosen.examples, batch, gpus) / chosen.examples
        milliseconds = 1e3 * communication_seconds(machine, weights, gpus)
        found = [efficiency(machine, weights, gpus, seconds, work) for seconds in (0, extra)]
        print(
            table_row(
                str(gpus),
                f"{milliseconds:.1f}",
                f"{100 * (work - 1):.1f} %",
                *(f"{100 * share:.1f} %" for share in found),
            )
        )


def table_head(titles: Sequence[str]) -> str:
    """Return the first two lines of a table of numbers."""
    return f"{table_row(*titles)}\n{table_row(*['---:'] * len(titles))}"


def table_row(*cells: str) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
