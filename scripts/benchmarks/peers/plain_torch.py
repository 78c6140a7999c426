"""Train a network with PyTorch without cnnzoo, as a competent user does.

All images are one uint8 tensor on the device, and a batch is an index into it: on small images that
is several times faster than a `DataLoader`. Folders are decoded once by Pillow on all cores. It
prints events with their `time.time()` as lines of JSON, for `scripts/benchmarks/training.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

Shape = tuple[int, int, int]


def main() -> None:
    """Train, measure and save."""
    parser = argparse.ArgumentParser(description="Train one network with plain PyTorch.")
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("data", type=Path, help="an .npz, or a folder with train/ and test/")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--schedule", choices=SCHEDULES, required=True)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--filters", type=int, default=512, help="of the gender network")
    parser.add_argument("--validate", action="store_true", help="on the test set, every epoch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true", help="by torch.compile")
    train(parser.parse_args())


def train(words: argparse.Namespace) -> None:
    """Train with the options of the command line."""
    torch.manual_seed(words.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    layout = torch.channels_last if words.channels_last else torch.contiguous_format
    shape, classes, network = NETWORKS[words.network]
    model = network(shape, 1 if classes == 2 else classes, words.filters)
    model = model.to(device, memory_format=layout)
    images, labels, test = read(words.data, shape, device, layout)
    steps = words.epochs * -(-len(images) // words.batch_size)
    optimizer = torch.optim.Adam(model.parameters(), words.learning_rate)
    schedule = SCHEDULES[words.schedule](optimizer, words.learning_rate, steps)
    half = words.precision == "bfloat16"
    called = torch.compile(model) if words.compile else model

    def logits_of(batch: Any) -> Any:
        with torch.autocast(device, torch.bfloat16, enabled=half):
            return called(batch.float().div_(255)).float()

    first = True
    for _ in range(words.epochs):
        began = time.perf_counter()
        model.train()
        # The sum stays on the device: reading the loss of every step would wait for it.
        total = torch.zeros((), device=device)
        for rows in torch.randperm(len(images), device=device).split(words.batch_size):
            loss = loss_of(logits_of(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule:
                schedule.step()
            total += loss.detach()
            if first:
                first = False
                total.item()
                say("batch")
        total.item()
        seconds = time.perf_counter() - began
        accuracy = measure(model, logits_of, test) if words.validate and test else None
        say("epoch", seconds=seconds, images=len(images), accuracy=accuracy)
    if test:
        say("test", accuracy=measure(model, logits_of, test))
    with tempfile.TemporaryDirectory() as folder:
        torch.save(model.state_dict(), Path(folder) / "model.pt")


def loss_of(logits: Any, labels: Any) -> Any:
    """Return the cross-entropy, of one logit or of one for each class."""
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    return functional.cross_entropy(logits, labels)


@torch.no_grad()
def measure(model: Any, logits_of: Any, test: tuple[Any, Any]) -> float:
    """Return the share of correct predictions."""
    model.eval()
    right = 0
    for images, labels in zip(*(part.split(1000) for part in test), strict=True):
        logits = logits_of(images)
        said = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1)
        right += (said == labels).sum()
    return float(right) / len(test[1])


def read(path: Path, shape: Shape, device: str, layout: Any) -> tuple[Any, Any, Any]:
    """Return images uint8 [n, channels, height, width], labels int64 [n], and the test set."""
    parts: dict[str, tuple[Any, Any]] = {}
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            for part in ("train", "test"):
                if f"x_{part}" in arrays:
                    parts[part] = arrays[f"x_{part}"], arrays[f"y_{part}"]
    else:
        parts = {part: decode(path / part, shape) for part in ("train", "test")}
    tensors = {
        part: (
            torch.from_numpy(images.reshape(-1, *shape))
            .permute(0, 3, 1, 2)
            .to(device, memory_format=layout),
            torch.from_numpy(labels.astype(np.int64)).to(device),
        )
        for part, (images, labels) in parts.items()
    }
    return *tensors["train"], tensors.get("test")


def decode(folder: Path, shape: Shape) -> tuple[Any, Any]:
    """Return the images of a folder for each class, and their labels."""
    names = sorted(path.name for path in folder.iterdir())
    found = [(path, code) for code, name in enumerate(names) for path in files(folder / name)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        images = list(pool.map(partial(decoded, shape=shape), (path for path, _ in found)))
    return np.stack(images), np.array([code for _, code in found])


def files(folder: Path) -> Iterator[Path]:
    """Return the files of a class in order."""
    yield from sorted(folder.iterdir())


def decoded(path: Path, shape: Shape) -> Any:
    """Return one image, uint8 [height, width, channels]."""
    with Image.open(path) as image:
        converted = image.convert("L" if shape[2] == 1 else "RGB")
        return np.asarray(converted.resize((shape[1], shape[0]))).reshape(shape)


def say(event: str, **values: Any) -> None:
    """Print an event with the current time."""
    print(json.dumps({"event": event, "at": time.time(), **values}), flush=True)


def normalised(width: int) -> nn.BatchNorm2d:
    """Batch normalisation with Keras' defaults."""
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)


def lenet(shape: Shape, outputs: int, filters: int) -> nn.Module:
    """LeNet-5 with ReLU and max-pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, outputs),
    )


def simple_cnn(shape: Shape, outputs: int, filters: int) -> nn.Module:
    """The CNN of many first tutorials."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1024, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, outputs),
    )


def emotion(shape: Shape, outputs: int, filters: int) -> nn.Module:
    """Four convolutions with pooling and batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        normalised(32),
        nn.Conv2d(32, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        normalised(32),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(800, 512),
        nn.ReLU(),
        nn.Linear(512, outputs),
    )


def gender(shape: Shape, outputs: int, filters: int) -> nn.Module:
    """Three wide convolutions, each pooled by 3."""
    return nn.Sequential(
        nn.Conv2d(1, filters, 3),
        nn.ReLU(),
        nn.MaxPool2d(3),
        nn.Conv2d(filters, filters // 2, 3),
        nn.ReLU(),
        nn.MaxPool2d(3),
        nn.Conv2d(filters // 2, filters // 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(3),
        nn.Flatten(),
        nn.Linear(filters, outputs),
    )


class Residual(nn.Module):
    """Two convolutions with a shortcut, which is padded with zeros for new channels."""

    def __init__(self, before: int, width: int, strides: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, width, 3, strides, 1, bias=False)
        self.first_normalised = normalised(width)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.second_normalised = normalised(width)
        self.strides, self.missing = strides, width - before

    def forward(self, x: Any) -> Any:
        """Return the output of the block."""
        y = functional.relu(self.first_normalised(self.first(x)))
        y = self.second_normalised(self.second(y))
        if self.strides == 2:
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.missing))
        return functional.relu(x + y)


class Standardised(nn.Module):
    """Standardise pixels with the mean and the variance of CIFAR-10."""

    def __init__(self) -> None:
        super().__init__()
        mean, variance = [0.4914, 0.4822, 0.4465], [0.0610, 0.0593, 0.0684]
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(variance).sqrt().view(1, 3, 1, 1))

    def forward(self, x: Any) -> Any:
        """Return the standardised pixels."""
        return (x - self.mean) / self.deviation


def resnet20(shape: Shape, outputs: int, filters: int) -> nn.Module:
    """ResNet-20 for CIFAR-10, with shortcuts that have no weights."""
    widths = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)]
    widths += [(64, 64, 1)] * 2
    return nn.Sequential(
        Standardised(),
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        normalised(16),
        nn.ReLU(),
        *(Residual(*width) for width in widths),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, outputs),
    )


# Name → the shape of an image, the number of classes, and the function of the network.
NETWORKS: dict[str, tuple[Shape, int, Any]] = {
    "lenet": ((28, 28, 1), 10, lenet),
    "simple_cnn": ((28, 28, 1), 10, simple_cnn),
    "emotion": ((48, 48, 1), 7, emotion),
    "gender": ((100, 100, 1), 2, gender),
    "resnet20": ((32, 32, 3), 10, resnet20),
}

# Learning-rate schedules over the steps of a training.
schedulers = torch.optim.lr_scheduler
SCHEDULES: dict[str, Callable[[Any, float, int], Any]] = {
    "constant": lambda optimizer, rate, steps: None,
    "cosine": lambda optimizer, rate, steps: schedulers.CosineAnnealingLR(optimizer, steps),
    "one_cycle": lambda optimizer, rate, steps: schedulers.OneCycleLR(
        optimizer, rate, total_steps=steps, cycle_momentum=False
    ),
}

if __name__ == "__main__":
    main()
