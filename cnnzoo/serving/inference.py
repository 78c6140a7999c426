"""The inference thread of one model: it computes waiting images in batches.

Only this thread touches the model. An image waits in a bounded queue; each has its own future, and
row i of a batch completes the future of image i, so an answer cannot reach another request.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnzoo.evaluation.classifier import Classifier, batch_size, predict_probabilities
from cnnzoo.serving.problems import busy

COLLECT_SECONDS = 0.003  # that a batch waits for images that are being decoded

Pixels = NDArray[np.uint8]  # [height, width, channels]
Row = NDArray[np.float32]  # [classes]
OnBatch = Callable[[int, float], None]  # the images of a batch, and its seconds


class InferenceThread:
    """Computes the predictions of one model; all methods are called in the event loop's thread.

    `capacity` is the number of images that may be decoded or wait at the same time.
    """

    def __init__(self, classifier: Classifier, capacity: int, on_batch: OnBatch) -> None:
        self.classifier = classifier
        self.capacity = capacity
        self.held = 0  # images of requests that are not answered yet
        self._on_batch = on_batch
        self._largest = batch_size(classifier.fit.shape, classifier.model)
        self._coming = 0  # reserved images that are not in the queue yet
        self._images: deque[tuple[Pixels, asyncio.Future[Row]]] = deque()
        self._calls: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of images in the queue."""
        return len(self._images)

    @contextmanager
    def reserve(self, count: int) -> Iterator[Reservation]:
        """Hold the places of `count` images; raise RequestError 503 if there are not enough."""
        if self.held + count > self.capacity:
            raise busy("the queue of the model is full")
        self.held += count
        self._coming += count
        reservation = Reservation(self, count)
        try:
            yield reservation
        finally:
            self.held -= count
            if reservation.unused:
                self._arrive(reservation.unused)
            if self._closing and not self.held:
                self._wake()

    async def call(self, function: Callable[[], Any]) -> Any:
        """Return the result of a function that this thread calls between two batches."""
        future: asyncio.Future[Any] = self._loop.create_future()
        with self._changed:
            self._calls.append((function, future))
            self._changed.notify()
        return await future

    async def warm_up(self) -> None:
        """Compute a batch of each size once, so that no request waits for a compilation."""
        await self.call(self._warm_up)

    def close(self) -> None:
        """Let the thread end after the last held image."""
        self._closing = True
        self._wake()

    async def ended(self, seconds: float) -> None:
        """Wait for the end of a closed thread, at most some seconds.

        A thread that computes while the process exits would abort it.
        """
        await asyncio.to_thread(self._thread.join, seconds)

    def _warm_up(self) -> None:
        for size in self._sizes():
            self._predict(np.zeros((size, *self.classifier.fit.shape), np.uint8))

    def _sizes(self) -> list[int]:
        """Return the sizes of batches that the model computes: powers of two up to the largest."""
        return [1 << bit for bit in range(self._largest.bit_length())]

    def _enter(self, pixels: Pixels) -> asyncio.Future[Row]:
        future: asyncio.Future[Row] = self._loop.create_future()
        with self._changed:
            self._coming -= 1
            self._images.append((pixels, future))
            if len(self._images) == 1 or not self._coming or len(self._images) == self._largest:
                self._changed.notify()
        return future

    def _arrive(self, count: int) -> None:
        """Expect fewer images."""
        with self._changed:
            self._coming -= count
            if not self._coming:
                self._changed.notify()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while (work := self._next()) is not None:
            calls, images = work
            for function, future in calls:
                if future.cancelled():
                    continue
                self._answer([future], *_outcome(lambda: [function()]))  # noqa: B023 - called now
            # A request that was cancelled costs no inference.
            images = [entry for entry in images if not entry[1].cancelled()]
            if images:
                self._compute(images)

    def _next(self) -> tuple[list[Any], list[tuple[Pixels, asyncio.Future[Row]]]] | None:
        """Wait for work; None at the end."""
        with self._changed:
            while not self._images and not self._calls:
                if self._closing and not self.held:
                    return None
                self._changed.wait()
            until = time.monotonic() + COLLECT_SECONDS
            while (
                not self._calls
                and self._coming
                and len(self._images) < self._largest
                and (left := until - time.monotonic()) > 0
            ):
                self._changed.wait(left)
            calls = list(self._calls)
            self._calls.clear()
            count = min(len(self._images), self._largest)
            return calls, [self._images.popleft() for _ in range(count)]

    def _compute(self, images: Sequence[tuple[Pixels, asyncio.Future[Row]]]) -> None:
        futures = [future for _, future in images]
        batch = np.stack([pixels for pixels, _ in images])
        began = time.perf_counter()
        rows, error = _outcome(lambda: self._predict(batch))
        self._on_batch(len(images), time.perf_counter() - began)
        if error is not None and len(images) > 1:
            # An image may spoil its batch, for example by an overflow.
            for entry in images:
                self._compute([entry])
        else:
            self._answer(futures, rows, error)

    def _predict(self, batch: Pixels) -> Sequence[Row]:
        size = 1 << (len(batch) - 1).bit_length()
        return list(predict_probabilities(self.classifier.model, batch, min(size, self._largest)))

    def _answer(
        self,
        futures: Sequence[asyncio.Future[Any]],
        results: Sequence[Any],
        error: Exception | None,
    ) -> None:
        self._loop.call_soon_threadsafe(_complete, futures, results, error)


class Reservation:
    """The places of the images of one request in the queue of a model."""

    def __init__(self, thread: InferenceThread, count: int) -> None:
        self.unused = count
        self._thread = thread

    async def predict(self, pixels: Pixels) -> Row:
        """Return the probabilities float32 [classes] of an image uint8 [height, width, channels].

        Raises RunError if the model fails.
        """
        self.unused -= 1
        return await self._thread._enter(pixels)

    def drop(self) -> None:
        """Give the place of an image back that cannot be decoded."""
        self.unused -= 1
        self._thread._arrive(1)


def _outcome(function: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], Exception | None]:
    try:
        return function(), None
    except Exception as error:  # the thread must go on
        return (), error


def _complete(
    futures: Sequence[asyncio.Future[Any]], results: Sequence[Any], error: Exception | None
) -> None:
    if error is not None:
        for future in futures:
            if not future.done():
                future.set_exception(error)
        return
    for future, result in zip(futures, results, strict=True):
        if not future.done():
            future.set_result(result)
