from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnnzoo.cluster import ray_connection
from cnnzoo.cluster.ray_connection import Workers, connected, environment, gpus_of
from cnnzoo.errors import TrainingError, UserError


class Ray:
    """What the connection uses of Ray; the cluster has these resources."""

    exceptions = SimpleNamespace(RayError=OSError)

    def __init__(self, error: str = "", **resources: float):
        self.error, self.resources, self.stopped = error, resources, False

    def init(self, **options):
        if self.error:
            raise RuntimeError(self.error)

    def cluster_resources(self):
        return self.resources

    def shutdown(self):
        self.stopped = True


@pytest.fixture
def use(monkeypatch):
    def use(ray: Ray) -> Ray:
        monkeypatch.setattr(ray_connection, "require", lambda *words: ray)
        return ray

    return use


def refused(workers: Workers) -> str:
    with pytest.raises(UserError) as caught, connected(workers, "again"):
        pass
    return str(caught.value)


def test_a_wrong_address_is_told_at_once(use):
    use(Ray(CPU=2))
    with socket.socket() as bound:
        bound.bind(("localhost", 0))
        address = f"localhost:{bound.getsockname()[1]}"
        assert f"no Ray cluster answers at {address}" in refused(Workers(2, address))
    assert "--address is 'localhost', not HOST:PORT" in refused(Workers(2, "localhost"))
    assert "--address is 'http://a:1', not HOST:PORT" in refused(Workers(2, "http://a:1"))


def test_what_ray_refuses_is_told(use):
    use(Ray("Version mismatch: The cluster was started with Ray 2.50"))
    text = refused(Workers(2, "auto"))
    assert "cannot connect to Ray at auto: Version mismatch: The cluster" in text
    assert "install the same versions of Python and Ray on all machines" in text


@pytest.mark.parametrize(
    ("workers", "message"),
    [
        (Workers(5), "5 workers need 5 CPUs, and the Ray cluster has 4"),
        (Workers(2, gpus=1), "2 workers need 2 GPUs, and the Ray cluster has 1"),
    ],
)
def test_missing_resources_are_told(use, workers, message):
    ray = use(Ray(CPU=4.0, GPU=1.0))
    assert message in refused(workers)
    assert ray.stopped


def test_a_machine_that_joins_the_cluster_a_moment_later_counts(monkeypatch):
    ray = Ray(CPU=1)

    def joined(seconds: float) -> None:
        ray.resources["CPU"] = 2

    monkeypatch.setattr(ray_connection.time, "sleep", joined)
    ray_connection._check_resources(ray, Workers(2, address="auto"))
    assert ray.resources["CPU"] == 2


def test_a_cluster_that_is_lost_is_told_with_the_command_that_continues(use):
    ray = use(Ray(CPU=1))
    with (
        pytest.raises(TrainingError, match="the Ray cluster was lost: gone") as caught,
        connected(Workers(1), "cnnzoo train --resume"),
    ):
        raise OSError("gone")
    assert "when it runs again, continue: cnnzoo train --resume" in str(caught.value)
    assert ray.stopped


def test_a_worker_gets_a_gpu_if_there_are_enough(monkeypatch):
    ray = Ray(CPU=8, GPU=2)
    assert [gpus_of(ray, Workers(count)) for count in (1, 2, 3)] == [1, 1, 0]
    assert gpus_of(ray, Workers(3, gpus=2)) == 2
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    assert "JAX_PLATFORMS" not in environment(1)
    assert environment(0)["JAX_PLATFORMS"] == "cpu"


def test_workers_are_named_as_options():
    assert Workers(2).options() == "--cluster ray --workers 2"
    options = "--cluster ray --workers 2 --address auto --gpus-per-worker 0"
    assert Workers(2, "auto", 0).options() == options
    assert Workers(2, storage="s3://it").options().endswith(" --storage-path s3://it")


def test_machines_without_a_shared_disk_have_caches_of_their_own(monkeypatch):
    monkeypatch.setenv("CNNZOO_CACHE", "cache")
    assert environment(0)["CNNZOO_CACHE"] == str(Path("cache").absolute())
    assert "CNNZOO_CACHE" not in environment(0, shared=False)


def test_a_sweep_has_the_backend_of_its_driver(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert ray_connection.passed_variables()["KERAS_BACKEND"] == "torch"
    assert environment(1)["KERAS_BACKEND"] == "jax"


def test_logs_are_those_of_the_session(monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", "/scratch")
    context = SimpleNamespace(get_session_name=lambda: "session_1")
    ray = SimpleNamespace(get_runtime_context=lambda: context)
    assert ray_connection.logs_of(ray) == "/scratch/ray/session_1/logs"
