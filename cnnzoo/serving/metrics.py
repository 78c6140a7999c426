"""Metrics of a server in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counts requests, times and batches; each server has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "cnnzoo_requests_total",
            "Requests by route and status",
            ["route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "cnnzoo_request_seconds",
            "Seconds from the headers of a request to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._bad_images = Counter(
            "cnnzoo_unreadable_images_total",
            "Images that could not be decoded",
            registry=self.registry,
        )
        self._batches = Histogram(
            "cnnzoo_batch_images",
            "Images in a batch",
            ["model"],
            buckets=_IMAGES,
            registry=self.registry,
        )
        self._inference = Histogram(
            "cnnzoo_batch_seconds",
            "Seconds of the inference of a batch",
            ["model"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def unreadable_image(self) -> None:
        """Count an image that could not be decoded."""
        self._bad_images.inc()

    def batch_observer(self, model: str) -> Callable[[int, float], None]:
        """Return the function that counts a batch of a model: its images and seconds."""
        images, seconds = self._batches.labels(model), self._inference.labels(model)

        def observe(count: int, took: float) -> None:
            images.observe(count)
            seconds.observe(took)

        return observe

    def watch_queues(self, depths: Callable[[], dict[str, int]]) -> None:
        """Report the number of waiting images by model, as `depths` returns it."""
        self.registry.register(_Queues(depths))

    def text(self) -> bytes:
        """Return all metrics."""
        return generate_latest(self.registry)


class _Queues(Collector):
    def __init__(self, depths: Callable[[], dict[str, int]]) -> None:
        self._depths = depths

    def collect(self) -> list[GaugeMetricFamily]:
        waiting = GaugeMetricFamily(
            "cnnzoo_waiting_images", "Images that wait for inference", labels=["model"]
        )
        for model, depth in self._depths().items():
            waiting.add_metric([model], depth)
        return [waiting]
