from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from cnnzoo.errors import DeviceError
from cnnzoo.training.processes import (
    Processes,
    detected_processes,
    gpus_of,
    named_processes,
    split_address,
    started_together,
)

NAMES = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Nothing has started the tests together with others."""
    for name in ("SLURM_STEP_NUM_TASKS", "SLURM_NODEID", "SLURM_STEP_TASKS_PER_NODE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def named(monkeypatch):
    """Sets Keras' variables; None leaves one unset."""

    def name(*values):
        for variable, value in zip(NAMES, values, strict=True):
            if value is not None:
                monkeypatch.setenv(f"KERAS_DISTRIBUTION_{variable}", value)

    return name


def test_keras_variables_name_the_processes(named):
    assert named_processes() is None
    named("first:1234,second:1234", "3", "2")
    assert named_processes() == Processes("first", 1234, 3, 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("first:1", None, "0"), "KERAS_DISTRIBUTION_NUM_PROCESSES is not set"),
        (("first:1", "two", "0"), "NUM_PROCESSES is 'two', not a number"),
        (("first:1", "2", "2"), "PROCESS_ID is 2, but KERAS_DISTRIBUTION_NUM_PROCESSES is 2"),
        (("first", "2", "0"), "JOB_ADDRESSES is 'first', not HOST:PORT"),
        (("first:70000", "2", "0"), "is 'first:70000', not HOST:PORT"),
    ],
)
def test_wrong_variables_are_told_by_name(named, values, message):
    named(*values)
    with pytest.raises(DeviceError, match=message):
        named_processes()


def test_an_address_may_be_ipv6():
    assert split_address("[fe80::1]:80", "it", "") == ("fe80::1", 80)


@pytest.mark.parametrize(
    ("environment", "gpus"),
    [
        ({}, (1,)),  # nobody knows how many share the machine
        ({"SLURM_NODEID": "1", "SLURM_STEP_TASKS_PER_NODE": "2,1(x2)"}, None),
        ({"SLURM_NODEID": "0", "SLURM_STEP_TASKS_PER_NODE": "2,1(x2)"}, (1,)),
        ({"CUDA_VISIBLE_DEVICES": "3"}, None),
        ({"CUDA_VISIBLE_DEVICES": "3,5"}, (1,)),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "1"}, None),
    ],
)
def test_a_process_uses_all_gpus_or_its_own(monkeypatch, environment, gpus):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert gpus_of(1) == gpus
    assert gpus_of(None) is None


def test_processes_that_were_started_together_are_counted(monkeypatch):
    assert started_together() == (1, "")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert started_together() == (1, "")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert started_together() == (4, "SLURM")


class Cluster:
    """One of the environments that JAX knows."""

    opt_in_only_method = False
    count = 3
    is_env_present = staticmethod(lambda: True)
    get_process_id = staticmethod(lambda: 2)
    get_local_process_id = staticmethod(lambda: None)

    @classmethod
    def get_process_count(cls):
        return cls.count

    @staticmethod
    def get_coordinator_address(timeout, port):
        return f"first:{port or 80}"


def test_what_jax_detects_is_used(monkeypatch):
    kinds = SimpleNamespace(ClusterEnv=SimpleNamespace(_cluster_types=[Cluster]))
    monkeypatch.setitem(sys.modules, "jax._src.clusters", kinds)
    monkeypatch.setitem(sys.modules, "jax._src", SimpleNamespace(clusters=kinds))
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace())
    assert detected_processes(1) == Processes("first", 80, 3, 2)
    monkeypatch.setenv("JAX_COORDINATOR_PORT", "99")
    assert detected_processes(1) == Processes("first", 99, 3, 2)
    monkeypatch.setattr(Cluster, "count", 1)
    assert detected_processes(1) is None
    monkeypatch.setattr(Cluster, "get_process_count", classmethod(lambda cls: 1 / 0))
    with pytest.raises(DeviceError, match="cannot be detected: division by zero"):
        detected_processes(1)
    kinds.ClusterEnv._cluster_types = []
    assert detected_processes(1) is None
