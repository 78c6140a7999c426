"""Train a network with Keras without cnnzoo, as a competent user does.

Arrays go through `model.fit`; folders through `image_dataset_from_directory`, which decodes them in
the first epoch and caches them in memory. It prints events with their `time.time()` as lines of
JSON, for `scripts/benchmarks/training.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers


def main() -> None:
    """Train, measure and save."""
    parser = argparse.ArgumentParser(description="Train one network with plain Keras.")
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("data", type=Path, help="an .npz, or a folder with train/ and test/")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--schedule", choices=["constant", "cosine", "one_cycle"], required=True)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--filters", type=int, default=512, help="of the gender network")
    parser.add_argument("--validate", action="store_true", help="on the test set, every epoch")
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


def train(words: argparse.Namespace) -> None:
    """Train with the options of the command line."""
    keras.utils.set_random_seed(words.seed)
    if words.precision == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    shape, classes, network = NETWORKS[words.network]
    model = network(shape, classes, words.filters)
    fitted, test, count = read(words.data, shape, words.batch_size, words.seed)
    steps = words.epochs * -(-count // words.batch_size)
    rate: Any = words.learning_rate
    if words.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    elif words.schedule == "one_cycle":
        up = round(0.3 * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 25, steps - up, warmup_target=rate, warmup_steps=up
        )
    binary = classes == 2
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        **fitted,
        epochs=words.epochs,
        validation_data=test if words.validate else None,
        callbacks=[Times(count)],
        verbose=0,
    )
    if test is not None:
        _, accuracy = model.evaluate(*test if isinstance(test, tuple) else [test], verbose=0)
        say("test", accuracy=accuracy)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")


def read(path: Path, shape: tuple[int, int, int], size: int, seed: int) -> tuple[Any, Any, int]:
    """Return the arguments of `fit`, the test set or None, and the number of examples."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            images, labels = arrays["x_train"], arrays["y_train"]
            test = (arrays["x_test"], arrays["y_test"]) if "x_test" in arrays else None
        return {"x": images, "y": labels, "batch_size": size}, test, len(images)

    def folder(part: str, batch_size: int | None) -> Any:
        return keras.utils.image_dataset_from_directory(
            path / part,
            image_size=shape[:2],
            color_mode="grayscale" if shape[2] == 1 else "rgb",
            batch_size=batch_size,
            shuffle=False,
            verbose=False,
        )

    examples = folder("train", None)
    count = len(examples.file_paths)
    batches = examples.cache().shuffle(count, seed=seed).batch(size).prefetch(-1)
    return {"x": batches}, folder("test", 256).cache(), count


class Times(keras.callbacks.Callback):
    """Print the times of the first batch and of each epoch."""

    async_safe = True  # like Keras' progress bar: the steps do not wait for it

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.first = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self.began = time.perf_counter()
        self.trained = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Print the time of the first batch."""
        if self.first:
            self.first = False
            say("batch")

    def on_test_begin(self, logs: Any = None) -> None:
        """Stop the clock before validation."""
        self.trained = time.perf_counter() - self.began

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Print the time of the training steps."""
        seconds = self.trained or time.perf_counter() - self.began
        accuracy = (logs or {}).get("val_accuracy")
        say("epoch", seconds=seconds, images=self.count, accuracy=accuracy)


def say(event: str, **values: Any) -> None:
    """Print an event with the current time."""
    print(json.dumps({"event": event, "at": time.time(), **values}), flush=True)


def lenet(shape: tuple[int, int, int], classes: int, filters: int) -> Any:
    """LeNet-5 with ReLU and max-pooling."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dense(classes, activation="softmax", dtype="float32"),
        ]
    )


def simple_cnn(shape: tuple[int, int, int], classes: int, filters: int) -> Any:
    """The CNN of many first tutorials."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax", dtype="float32"),
        ]
    )


def emotion(shape: tuple[int, int, int], classes: int, filters: int) -> Any:
    """Four convolutions with pooling and batch normalisation."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.BatchNormalization(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.BatchNormalization(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dense(classes, activation="softmax", dtype="float32"),
        ]
    )


def gender(shape: tuple[int, int, int], classes: int, filters: int) -> Any:
    """Three wide convolutions, each pooled by 3."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(filters, 3, activation="relu"),
            layers.MaxPooling2D(3),
            layers.Conv2D(filters // 2, 3, activation="relu"),
            layers.MaxPooling2D(3),
            layers.Conv2D(filters // 4, 3, activation="relu"),
            layers.MaxPooling2D(3),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid", dtype="float32"),
        ]
    )


def resnet20(shape: tuple[int, int, int], classes: int, filters: int) -> Any:
    """ResNet-20 for CIFAR-10, with shortcuts that have no weights."""

    def convolve(x: Any, width: int, strides: int) -> Any:
        x = layers.Conv2D(
            width, 3, strides, "same", use_bias=False, kernel_initializer="he_normal"
        )(x)
        return layers.BatchNormalization()(x)

    inputs = keras.Input(shape)
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Normalization(mean=[0.4914, 0.4822, 0.4465], variance=[0.0610, 0.0593, 0.0684])(x)
    x = layers.ReLU()(convolve(x, 16, 1))
    for width, first in ((16, 1), (32, 2), (64, 2)):
        for strides in (first, 1, 1):
            shortcut = x
            if strides == 2:
                missing = width - x.shape[-1]
                shortcut = x[:, ::2, ::2]
                shortcut = keras.ops.pad(shortcut, [[0, 0], [0, 0], [0, 0], [0, missing]])
            y = layers.ReLU()(convolve(x, width, strides))
            x = layers.ReLU()(layers.Add()([convolve(y, width, 1), shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", dtype="float32")(x))


# Name → the shape of an image, the number of classes, and the function of the network.
NETWORKS: dict[str, tuple[tuple[int, int, int], int, Any]] = {
    "lenet": ((28, 28, 1), 10, lenet),
    "simple_cnn": ((28, 28, 1), 10, simple_cnn),
    "emotion": ((48, 48, 1), 7, emotion),
    "gender": ((100, 100, 1), 2, gender),
    "resnet20": ((32, 32, 3), 10, resnet20),
}

if __name__ == "__main__":
    main()
