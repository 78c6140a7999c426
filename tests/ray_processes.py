"""Clusters of Ray on this machine, and their processes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_START = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
_START += ["--num-cpus=1", "--disable-usage-stats"]


@contextmanager
def ray_cluster(*folders: Path) -> Iterator[dict[str, str]]:
    """A running cluster of machines with one CPU each.

    Yields the variables that connect to it, with its address as RAY_ADDRESS. Each machine has
    `tmp`, its temporary directory, and `cache`, its cache, in its folder.
    """
    with socket.create_server(("localhost", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": f"{uuid4().hex}{uuid4().hex}"}
    # The paths of Ray's sockets must be short.
    root = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    nodes: list[subprocess.Popen[bytes]] = []
    try:
        for folder in folders:
            (folder / "tmp").mkdir(parents=True)
            head = ["--head", f"--port={address.partition(':')[2]}", "--include-dashboard=false"]
            words = ["--address", address] if nodes else [*head, f"--temp-dir={root}"]
            nodes.append(
                subprocess.Popen(
                    [*_START, *words],
                    env={
                        **os.environ,
                        **access,
                        "TMPDIR": str(folder / "tmp"),
                        "CNNZOO_CACHE": str(folder / "cache"),
                        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
                    },
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            _wait_for(address)
        yield {**access, "RAY_ADDRESS": address}
    finally:
        for node in reversed(nodes):
            node.terminate()
        for node in nodes:
            try:
                node.wait(timeout=30)
            except subprocess.TimeoutExpired:
                node.kill()
                node.wait()
        shutil.rmtree(root, ignore_errors=True)


def _wait_for(address: str) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "Ray did not start"
            time.sleep(0.2)


def a_worker_of(driver: int, title: str) -> int:
    """A process of Ray with this title, among those that the driver has started."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int(
                    (folder / "stat").read_text().rpartition(")")[2].split()[1]
                )
            except OSError:  # it has ended
                continue

    def is_below(pid: int) -> bool:
        while pid > 1:
            pid = parents.get(pid, 0)
            if pid == driver:
                return True
        return False

    return max(
        pid
        for pid in parents
        if is_below(pid) and title.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
