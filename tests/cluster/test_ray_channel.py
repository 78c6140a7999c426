from __future__ import annotations

import signal
import threading

import numpy as np

from cnnzoo.cluster.ray_channel import Channel, SentDisplay, sending, show
from cnnzoo.datasets.dataset import Dataset, Examples
from cnnzoo.errors import DataError
from cnnzoo.training.interrupt import StopRequest
from cnnzoo.training.progress import Display, Progress


class Recorded(Display):
    """Remembers what it is told."""

    def __init__(self):
        self.told = []

    def __getattribute__(self, name):
        if name in ("note", "decode", "data", "start", "step", "validate", "epoch", "stop"):
            return lambda *arguments: self.told.append((name, *arguments))
        return super().__getattribute__(name)


def dataset() -> Dataset:
    images = np.zeros((5, 8, 8, 1), np.uint8)
    examples = Examples(images, np.arange(5, dtype=np.int32), ("name",) * 5)
    return Dataset("digits", ("a", "b"), {"train": examples}, "f", {})


def test_the_driver_shows_what_a_worker_displays():
    sent, progress, recorded = SentDisplay(), Progress(2, 9, 90, "loss"), Recorded()
    sent.note("hello")
    sent.start(progress)
    for step in (1, 2, 3):
        sent.step(1, step, {"loss": 1.0})
    sent.validate(1, 2)
    sent.epoch({"epoch": 1.0}, best=True)
    sent.stop()
    show(sent.taken(), recorded)
    assert recorded.told == [
        ("note", "hello"),
        ("start", progress),
        ("step", 1, 3, {"loss": 1.0}),  # the last of consecutive ones
        ("validate", 1, 2),
        ("epoch", {"epoch": 1.0}, True),
        ("stop",),
    ]
    assert sent.taken() == []


def test_images_are_not_sent():
    sent = SentDisplay()
    sent.data(dataset(), 1.5)
    ((name, (described, seconds)),) = sent.taken()
    assert (name, seconds) == ("data", 1.5)
    assert described.splits["train"].images.nbytes == 0
    assert len(described.splits["train"]) == 5
    assert described.class_names == ("a", "b")


def test_nothing_but_a_display_is_called():
    show([("__init__", ()), ("told", ())], Recorded())


def test_a_stop_request_of_the_driver_reaches_the_training():
    channel, sent, request = Channel(), SentDisplay(), StopRequest()
    stopped = threading.Event()
    channel.stop(signal.SIGTERM)

    def send(calls):
        stopped.set()
        return channel.send(calls)

    sent.note("before")
    with sending(sent, send, request):
        assert stopped.wait(10)
        sent.note("at the end")
    assert request.signal == signal.SIGTERM
    channel.fail(1, DataError("gone"))
    calls, errors = channel.take()
    assert [arguments for _, arguments in calls] == [("before",), ("at the end",)]
    assert [number for number, _ in errors] == [1]
    assert channel.take() == ([], errors)
