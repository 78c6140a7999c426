"""Compare `cnnzoo serve` with a plain FastAPI handler and with `model.predict`; print Markdown.

Both servers have the same network with random weights, and get the same PNG files of its input size
as forms. 1, 8 and 64 clients send one image after another, each on its own connection. The servers
take turns, in reverse order every second round; a first round is not counted. `model.predict` is
called in this process with arrays of as many images as there are clients: it has neither HTTP nor
decoding. Latencies are of all requests of all rounds; throughputs are medians of the rounds.

It needs `pip install 'cnnzoo[serve]' fastapi` and takes about 4 minutes.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from measuring.http_load import Load, free_port, send, server
from PIL import Image

PEERS = Path(__file__).resolve().parent / "peers"
NETWORKS = (("LeNet", "lenet", 10), ("emotion", "emotion", 7))
CLIENTS = (1, 8, 64)
IMAGES = 256
SERVERS = ("cnnzoo serve", "plain FastAPI")


def main() -> None:
    """Measure each network, and print a row for each number of clients."""
    parser = argparse.ArgumentParser(description="Compare cnnzoo serve with plain FastAPI.")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (default: 3)")
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement (default: 4)")
    chosen = parser.parse_args()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}, {chosen.rounds} rounds of {chosen.seconds:g} s\n")
    print(
        "| network | clients | requests/s: cnnzoo | plain | ratio | `model.predict`, images/s ",
        end="",
    )
    print("| p50, ms: cnnzoo | plain | p99, ms: cnnzoo | plain |")
    print("| --- " + "| ---: " * 9 + "|")
    for title, name, classes in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            for row in rows(title, name, classes, chosen.rounds, chosen.seconds, Path(folder)):
                print(row, flush=True)


def rows(
    title: str, name: str, classes: int, rounds: int, seconds: float, folder: Path
) -> Iterator[str]:
    """Yield the rows of one network."""
    model, path = made(name, classes, folder)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, *model.input_shape[1:]), np.uint8)
    contents = [png(pixels) for pixels in images]
    ports = [free_port(), free_port()]
    words = [
        [sys.executable, "-m", "cnnzoo", "serve", str(path), "--port", str(ports[0])],
        [sys.executable, str(PEERS / "plain_fastapi.py"), str(path), str(ports[1])],
    ]
    with ExitStack() as running:
        for port, command in zip(ports, words, strict=True):
            running.enter_context(server(command, port, folder))
        for clients in CLIENTS:
            loads: list[list[Load]] = [[], []]
            predicted = []
            for turn in range(rounds + 1):
                for which in (0, 1) if turn % 2 else (1, 0):
                    load = send(ports[which], "/predict", contents, clients, seconds if turn else 1)
                    loads[which] += [load] if turn else []
                predicted.append(predict(model, images[:clients], seconds / 4))
            yield row(title, clients, loads, statistics.median(predicted[1:]))


def row(title: str, clients: int, loads: list[list[Load]], predicted: float) -> str:
    """Return one row of the table."""
    ours, plain = (statistics.median(load.throughput for load in each) for each in loads)
    merged = [Load(sum((load.latencies for load in each), ()), 1) for each in loads]
    cells = [title, clients, f"{ours:,.0f}", f"{plain:,.0f}", f"{ours / plain:.1f}"]
    cells.append(f"{predicted:,.0f}")
    cells += [f"{1000 * each.percentile(share):.1f}" for share in (0.5, 0.99) for each in merged]
    return "| " + " | ".join(map(str, cells)) + " |"


def predict(model: Any, images: Any, seconds: float) -> float:
    """Return the images per second of `model.predict`."""
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        model.predict(images, verbose=0)
        calls += 1
    return calls * len(images) / (time.perf_counter() - began)


def made(name: str, classes: int, folder: Path) -> tuple[Any, Path]:
    """Return a network of the zoo with random weights, and its file."""
    import cnnzoo
    from cnnzoo.models.backend import load_keras
    from cnnzoo.models.saved import described, save_model

    load_keras("cpu")
    model = cnnzoo.build_model(cnnzoo.load_config(name).model, classes=classes)
    path = folder / f"{name}.keras"
    names = [str(label) for label in range(classes)]
    save_model(model, path, described({"class_names": names}, name))
    return model, path


def png(pixels: Any) -> bytes:
    """Return pixels uint8 [height, width, 1] as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
