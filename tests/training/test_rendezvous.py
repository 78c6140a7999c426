from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from cnnzoo.errors import DeviceError
from cnnzoo.training.processes import Processes
from cnnzoo.training.rendezvous import meet


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("localhost", 0))
        return opened.getsockname()[1]


def meeting(numbers, facts=lambda number: {"jax": "1"}, count=None, timeout=5.0) -> list[str]:
    """What each of these processes is told, in threads of this one; empty if all is well."""
    port = free_port()

    def told(number: int) -> str:
        processes = Processes("localhost", port, count or len(numbers), number)
        try:
            meet(processes, facts(number), timeout)
        except DeviceError as error:
            return error.mistakes[0].message
        return ""

    with ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(told, numbers))


def test_processes_meet():
    assert meeting([0, 1, 2, 3]) == [""] * 4
    assert meeting([1, 0]) == [""] * 2


def test_who_differs_is_told_to_all():
    told = meeting([0, 1, 2], lambda number: {"jax": "2" if number == 2 else "1"})
    assert set(told) == {f"process 2 on {socket.gethostname()} has jax 2, and process 0 has 1"}
    told = meeting([0, 1, 1], count=3)
    assert set(told) == {f"two processes are process 1: one runs on {socket.gethostname()}"}


def test_who_is_missing_is_told():
    told = meeting([0, 2], count=4, timeout=0.5)
    assert len(set(told)) == 1
    assert told[0].startswith("processes 1 and 3 of 4 did not connect to process 0 at localhost:")


def test_nobody_listens():
    (told,) = meeting([1], count=2, timeout=0.1)
    assert told.startswith(f"process 1 of 2 on {socket.gethostname()} could not connect to process")


def connected(port) -> socket.socket:
    while True:
        with suppress(ConnectionRefusedError):  # nobody listens yet
            return socket.create_connection(("localhost", port), timeout=5)
        time.sleep(0.01)


def test_anything_else_that_connects_is_ignored():
    port = free_port()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(meet, Processes("localhost", port, 2, 0), {}, 10)
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"[" * 20_000, b'{"number": "x"}\n', b"\n"):
            with connected(port) as connection:
                connection.sendall(noise)
        meet(Processes("localhost", port, 2, 1), {}, 10)
        first.result()


def test_a_port_in_use_is_told():
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DeviceError, match=f"process 0 of 2 .* cannot use the port {port}"):
            meet(Processes("localhost", port, 2, 0), {}, 1)
