from __future__ import annotations

import signal
import time
from types import SimpleNamespace

from cnnzoo.cluster.ray_tasks import RESTARTS, Tasks
from cnnzoo.errors import DataError, Interrupted


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: BaseException):
        self.cause = cause


class Ray:
    """Ends each task that was started with the next result of its worker."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, *results: list[object]):
        self.results = [list(each) for each in results]
        self.started: list[int] = []
        self.signals: list[int] = []

    def start(self, number: int) -> str:
        self.started.append(number)
        return f"{number}/{len(self.started)}"

    def wait(self, references, timeout):
        return [each for each in references if self.of(each)][:1], references

    def get(self, reference):
        result = self.of(reference).pop(0)
        if isinstance(result, RayError):
            raise result
        return result

    def of(self, reference: str) -> list[object]:
        return self.results[int(reference.partition("/")[0])]

    def tasks(self) -> Tasks:
        return Tasks(self, self.start, self.signals.append, 2)


def test_the_first_worker_that_ends_tells_that_no_trial_is_left(monkeypatch):
    ray = Ray([None], [])
    tasks = ray.tasks()
    assert tasks.wait() == []
    assert ray.signals == [signal.SIGINT]
    assert list(tasks.running.values()) == [1]
    assert tasks.are_running()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 30)
    assert not tasks.are_running()  # the other one may wait for a free CPU
    assert tasks.error is None


def test_an_error_stops_the_other_workers():
    error = DataError("worker 1 on here: gone")
    ray = Ray([], [error])
    tasks = ray.tasks()
    tasks.wait()
    assert ray.signals == [signal.SIGINT]
    ray.results[0].append(DataError("of the worker that ends later"))
    tasks.wait()
    assert not tasks.running
    assert tasks.error is error


def test_an_unexpected_error_names_the_worker():
    ray = Ray([], [RayTaskError(KeyError("key"))])
    tasks = ray.tasks()
    tasks.wait()
    assert "worker 1 failed: KeyError: 'key'" in str(tasks.error)


def test_a_lost_worker_starts_again_while_the_sweep_makes_progress():
    ray = Ray([], [RayError("died\nits trace")] * (2 * RESTARTS + 1))
    tasks = ray.tasks()
    for _ in range(RESTARTS):
        assert tasks.wait() == ["worker 1 was lost and starts again: died"]
    tasks.trial_ended()
    for _ in range(RESTARTS):
        tasks.wait()
    assert ray.started == [0, *[1] * (2 * RESTARTS + 1)]
    assert tasks.error is None
    assert tasks.wait() == []
    assert f"worker 1 was lost {RESTARTS + 1} times: died" in str(tasks.error)
    assert ray.signals == [signal.SIGINT]


def test_a_worker_that_its_machine_stops_starts_again():
    ray = Ray([], [Interrupted("a signal stopped it")])
    assert ray.tasks().wait() == ["worker 1 was lost and starts again: a signal stopped it"]


def test_a_worker_that_is_lost_while_all_stop_does_not_start_again():
    ray = Ray([], [RayError("died")])
    tasks = ray.tasks()
    for _ in range(2):
        tasks.stop(signal.SIGTERM)
    assert ray.signals == [signal.SIGTERM]
    assert tasks.wait() == []
    assert ray.started == [0, 1]
    assert list(tasks.running.values()) == [0]
