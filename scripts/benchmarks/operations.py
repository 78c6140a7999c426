"""Print which operations the steps of a training take their time for, on TensorFlow, as Markdown.

One thread runs all operations, so that their times add up; TensorFlow's profiler measures them.
The last column compares the convolutions with the speed of a large matrix product in the same
precision, on the same thread: what is missing there, only other kernels could gain.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from measuring.examples import random_arrays

from cnnzoo.config.loader import load_config
from cnnzoo.models.backend import load_keras
from cnnzoo.training.benchmark import FLOPS_OF_A_MAC, rows_of, take_steps
from cnnzoo.training.engine.batches import Batches
from cnnzoo.training.hardware import find_hardware
from cnnzoo.training.job import Job, prepare

NETWORKS = ("lenet", "simple_cnn", "emotion", "gender", "resnet20")
BATCH_SIZE = 64
STEPS = 4
# A part of the name of an operation, in the order in which they are looked for, and its kind.
KINDS = {
    "Conv2DBackpropFilter": "gradients of the filters",
    "Conv2DBackpropInput": "gradients of their inputs",
    "Conv2D": "convolutions",
    "MatMul": "matrix products",
    "FusedBatchNorm": "batch normalization",
    "Pool": "pooling",
}
OTHERS = "others"
CONVOLUTIONS = [kind for name, kind in KINDS.items() if name.startswith("Conv2D")]


def main() -> None:
    """Print a row for each network that the command line names."""
    parser = argparse.ArgumentParser(description="Print the time of the operations of a step.")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--precision", default="float32", help="default: float32")
    chosen = parser.parse_args()
    load_keras("cpu")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    kinds = [*KINDS.values(), OTHERS]
    print(f"| network | ms per step | {' | '.join(kinds)} | convolutions, of the peak |")
    print(f"| --- | {' | '.join(['---:'] * (len(kinds) + 2))} |")
    for network in chosen.networks:
        print(row(network, chosen.precision, kinds), flush=True)


def row(network: str, precision: str, kinds: list[str]) -> str:
    """Train steps of one network, and return the shares of each kind of operation."""
    from cnnzoo.training.engine.peak import matrix_peak

    with tempfile.TemporaryDirectory() as folder:
        job = job_of(network, precision, Path(folder))
        times = profiled(trainer(job), Path(folder))
    total = sum(times.values())
    shares = [f"{times[kind] / total:.0%}".replace("%", " %") for kind in kinds]
    # Of a step; dense layers are a small part of the multiplications.
    operations = FLOPS_OF_A_MAC * job.architecture.macs * BATCH_SIZE * STEPS
    seconds = sum(times[kind] for kind in CONVOLUTIONS)
    peak = operations / seconds / matrix_peak(precision, find_hardware())
    return f"| {network} | {1000 * total / STEPS:.0f} | {' | '.join(shares)} | {peak:.2f} |"


def job_of(network: str, precision: str, folder: Path) -> Job:
    """Return the training of a network on random images, one step at once."""
    model = load_config(network).model
    arrays = random_arrays(network, model.input_shape, model.classes or 2, 2 * BATCH_SIZE, folder)
    source = {"arrays": str(arrays), "splits": {"validation": 0.2, "test": 0}}
    words = [
        f"data={json.dumps(source)}",
        f"training.batch_size={BATCH_SIZE}",
        f"training.precision={precision}",
        "training.steps_per_execution=1",
    ]
    return prepare(load_config(network, words))


def trainer(job: Job) -> Callable[[], None]:
    """Return a function that trains some steps like `cnnzoo train`."""
    from cnnzoo.training.engine.stepping import make_stepper
    from cnnzoo.training.engine.training_model import make_training_model

    examples = job.dataset.splits["train"]
    batches = Batches(examples, BATCH_SIZE, rows_of(examples, BATCH_SIZE, STEPS), None)
    model = make_training_model(job, STEPS)
    stepper = make_stepper(model.compiled_model, batches)

    return partial(take_steps, stepper, batches)


def profiled(train: Callable[[], None], folder: Path) -> Counter[str]:
    """Return the seconds of each kind of operation."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    train()  # compiles
    tf.profiler.experimental.start(str(folder))
    train()
    tf.profiler.experimental.stop()
    space: Any = xplane_pb2.XSpace()
    space.ParseFromString(next(folder.rglob("*.xplane.pb")).read_bytes())
    times: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            if not line.name.startswith("tf_Compute"):
                continue
            for event in line.events:
                # The place of the operation, a colon, and its type; others are not operations.
                place, _, name = plane.event_metadata[event.metadata_id].name.partition(":")
                if place and name[:1] in "_ABCDEFGHIJKLMNOPQRSTUVWXYZ" and ":" not in name:
                    kind = next((kind for part, kind in KINDS.items() if part in name), OTHERS)
                    times[kind] += event.duration_ps / 1e12
    return times


if __name__ == "__main__":
    main()
