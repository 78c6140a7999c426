"""Compare ways to run the steps of a training with TensorFlow on a CPU, and print Markdown.

Each lever changes one thing in the training of a plain network. In cnnzoo's way, NumPy gathers
whole batches and 16 steps run in one call. The ways alternate, each in a separate process, which
trains epochs on random images; the first one compiles and is omitted. The results are in
`scripts/benchmarks/speed.md`, so that nobody repeats them without need.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

EPOCHS = 3
IMAGES = {"lenet": 12_800, "simple_cnn": 6_400}
# The changes of each lever to AS_CNNZOO; `within` and `between` are threads of operations, 0: all.
AS_CNNZOO = {
    "batch_size": 128,
    "steps": 16,
    "feed": "batches",
    "within": 0,
    "between": 0,
    "halves": False,
    "layout": "channels_last",
    "policy": "float32",
    "xla": False,
}
HALVES = {"halves": True, "within": 1, "between": 2}
LEVERS: Mapping[str, Mapping[str, Any]] = {
    "as cnnzoo runs it": {},
    "1 step at once": {"steps": 1},
    "examples one by one through tf.data": {"feed": "elements"},
    "the epoch in one graph, with the images": {"feed": "graph"},
    "1 thread within operations": {"within": 1},
    "1 thread between operations": {"between": 1},
    "halves of a batch side by side, 1 thread each": HALVES,
    "batches of 32": {"batch_size": 32},
    "batches of 512": {"batch_size": 512},
    "channels first": {"layout": "channels_first"},
    "bfloat16": {"policy": "mixed_bfloat16"},
    "bfloat16, halves": {"policy": "mixed_bfloat16", **HALVES},
    "XLA": {"xla": True},
}


def main() -> None:
    """Run the rounds and print a table for each network."""
    parser = argparse.ArgumentParser(description="Compare ways to run the steps of a training.")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (default: 3)")
    parser.add_argument("--networks", nargs="+", choices=IMAGES, default=list(IMAGES))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.child:
        print(json.dumps(measure(words.networks[0], json.loads(words.child))))
        return
    for network in words.networks:
        rates: dict[str, list[float]] = {name: [] for name in LEVERS}
        for turn in range(words.rounds):
            for name in list(LEVERS)[:: -1 if turn % 2 else 1]:
                if rate := child(network, {**AS_CNNZOO, **LEVERS[name]}):
                    rates[name].append(rate)
        base = statistics.median(rates["as cnnzoo runs it"])
        print(f"{network}, {words.rounds} rounds\n")
        print("| way | images/s | lowest to highest | ratio |")
        print("| --- | ---: | ---: | ---: |")
        for name, found in rates.items():
            if not found:
                print(f"| {name} | does not run | | |")
                continue
            rate = statistics.median(found)
            spread = f"{min(found):,.0f} to {max(found):,.0f}"
            print(f"| {name} | {rate:,.0f} | {spread} | {rate / base:.2f} |")
        print(flush=True)


def child(network: str, way: Mapping[str, Any]) -> float | None:
    """Return the images per second of a process that trains in a way; None if it fails."""
    command = [sys.executable, __file__, "--networks", network, "--child", json.dumps(way)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return None if done.returncode else float(done.stdout.splitlines()[-1])


def measure(network: str, way: Mapping[str, Any]) -> float:
    """Return the images per second in the median epoch after the first."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(way["within"])
    tf.config.threading.set_inter_op_parallelism_threads(way["between"])
    model, shape = make_model(network, way)
    rng, count = tf.random.Generator.from_seed(0), IMAGES[network]
    images = tf.cast(rng.uniform((count, *shape), 0, 256, tf.int32), tf.uint8)
    labels = rng.uniform((count,), 0, 10, tf.int32)
    epoch = FEEDS[way["feed"]](model, images, labels, way)
    seconds = []
    for _ in range(1 + EPOCHS):
        began = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - began)
    return count / statistics.median(seconds[1:])


def make_model(network: str, way: Mapping[str, Any]) -> tuple[Any, tuple[int, ...]]:
    """Return a compiled plain network, and the shape of its images."""
    import keras
    from plain_keras import NETWORKS

    class Halves(keras.Model):
        """Run a network on both halves of each batch, which do not wait for each other."""

        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def call(self, images: Any, training: bool | None = None) -> Any:
            """Join the outputs."""
            half = keras.ops.shape(images)[0] // 2
            parts = images[:half], images[half:]
            return keras.ops.concatenate([self.model(part, training=training) for part in parts])

    keras.config.set_image_data_format(way["layout"])
    keras.mixed_precision.set_global_policy(way["policy"])
    (height, width, channels), classes, make = NETWORKS[network]
    last = way["layout"] == "channels_last"
    shape = (height, width, channels) if last else (channels, height, width)
    model = make(shape, classes, 0)
    if way["halves"]:
        model = Halves(model)
        model.build((None, *shape))
    model.compile(
        "adam",
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=way["steps"],
        jit_compile=way["xla"],
    )
    return model, shape


Feed = Callable[[Any, Any, Any, Mapping[str, Any]], Callable[[], Any]]


def batches(model: Any, images: Any, labels: Any, way: Mapping[str, Any]) -> Callable[[], Any]:
    """Train an epoch on whole batches that NumPy gathers, as cnnzoo does."""
    from cnnzoo.datasets.dataset import Examples
    from cnnzoo.training.engine.batches import shuffled_batches
    from cnnzoo.training.engine.feeding import tf_dataset

    found = shuffled_batches(Examples(images.numpy(), labels.numpy()), way["batch_size"], seed=0)
    model.make_train_function()

    def epoch() -> None:
        iterator = iter(tf_dataset(found))
        for _ in range(0, len(found), way["steps"]):
            model.train_function(iterator)

    return epoch


def elements(model: Any, images: Any, labels: Any, way: Mapping[str, Any]) -> Callable[[], Any]:
    """Train an epoch on examples that tf.data shuffles and batches."""
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed=0)
    data = data.batch(way["batch_size"]).prefetch(tf.data.AUTOTUNE)
    return lambda: model.fit(data, verbose=0)


def graph(model: Any, images: Any, labels: Any, way: Mapping[str, Any]) -> Callable[[], Any]:
    """Train an epoch in one call, in a graph that contains the images and gathers the batches."""
    import tensorflow as tf

    size, count = way["batch_size"], len(images)

    @tf.function  # type: ignore[untyped-decorator]
    def epoch() -> None:
        order = tf.random.shuffle(tf.range(count), seed=0)
        for step in tf.range(count // size):
            rows = order[step * size : (step + 1) * size]
            model.train_step((tf.gather(images, rows), tf.gather(labels, rows)))

    return epoch


FEEDS: Mapping[str, Feed] = {"batches": batches, "elements": elements, "graph": graph}

if __name__ == "__main__":
    main()
