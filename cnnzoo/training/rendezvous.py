"""The meeting of the processes of one training, before JAX connects them.

JAX ends a process that cannot connect, with a C++ stack trace and without the reason. So each
process first tells process 0, on the port that JAX uses afterwards, who it is and what it has:
versions and configuration. Process 0 answers all of them: the training starts, or the reason why it
cannot. Messages are one line of JSON of limited size.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from cnnzoo.errors import DeviceError
from cnnzoo.text import joined, shorten
from cnnzoo.training.processes import Processes

TIMEOUT = 25  # seconds until all processes have met
_GRACE = 4  # seconds that the others wait longer for the answer of process 0
_PAUSE = 0.2  # seconds between two attempts to connect
_MOST_BYTES = 2**14  # of a message
_LETTERS = 200  # of a text of another process

Facts = Mapping[str, str]  # what all processes must have in common, by name


@dataclass(frozen=True, slots=True)
class _Guest:
    """A process that has connected to process 0."""

    number: int
    host: str
    facts: dict[str, str]
    connection: socket.socket

    def __str__(self) -> str:
        return f"process {self.number} on {self.host}"


def meet(processes: Processes, facts: Facts, timeout: float = TIMEOUT) -> None:
    """Wait until all processes are there, with the same facts.

    Raises DeviceError, in all of them and within `timeout` and a few seconds, if one is missing or
    differs. The message names it.
    """
    if processes.number == 0:
        _receive(processes, facts, timeout)
    else:
        _report(processes, facts, timeout)


def _receive(processes: Processes, facts: Facts, timeout: float) -> None:
    """Be process 0: wait for the others, and tell each of them the result."""
    deadline = time.monotonic() + timeout
    guests: list[_Guest] = []
    problem = ""
    with _listening(processes) as server, ExitStack() as opened:
        while len(guests) < processes.count - 1:  # all of them are told a problem
            server.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                connection = opened.enter_context(server.accept()[0])
            except TimeoutError:
                problem = problem or _missing(processes, guests, timeout)
                break
            if guest := _greet(connection):
                problem = problem or _problem_of(guest, guests, processes, facts)
                guests.append(guest)
        for guest in guests:
            _send(guest.connection, {"problem": problem})
    if problem:
        raise DeviceError(problem, hint=_hint(processes))


def _report(processes: Processes, facts: Facts, timeout: float) -> None:
    """Be another process: tell process 0 what this one has, and wait for its answer."""
    deadline = time.monotonic() + timeout
    with _connected(processes, deadline, timeout) as connection:
        hello = {
            "number": processes.number,
            "count": processes.count,
            "host": socket.gethostname(),
            "facts": dict(facts),
        }
        _send(connection, hello)
        answer = _read(connection, max(deadline - time.monotonic(), 0) + _GRACE)
    if answer is None:
        raise DeviceError(
            f"{processes} had no answer from process 0 at {processes.address}",
            hint="see what process 0 printed",
        )
    if problem := answer.get("problem"):
        raise DeviceError(shorten(str(problem), _LETTERS), hint=_hint(processes))


def _listening(processes: Processes) -> socket.socket:
    everywhere = socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            ("", processes.port),
            family=socket.AF_INET6 if everywhere else socket.AF_INET,
            dualstack_ipv6=everywhere,
            backlog=processes.count,
        )
    except OSError as error:
        raise DeviceError(
            f"{processes} on {socket.gethostname()} cannot use the port {processes.port}: "
            f"{error.strerror}",
            hint="does another training use it? JAX_COORDINATOR_PORT chooses another for SLURM and "
            "Open MPI",
        ) from error


def _connected(processes: Processes, deadline: float, timeout: float) -> socket.socket:
    while True:
        try:
            return socket.create_connection((processes.host, processes.port), timeout=5)
        except OSError as error:
            if time.monotonic() > deadline or isinstance(error, socket.gaierror):
                raise DeviceError(
                    f"{processes} on {socket.gethostname()} could not connect to process 0 at "
                    f"{processes.address} in {timeout:.0f} s: {error.strerror or error}",
                    hint=_hint(processes),
                ) from error
        time.sleep(_PAUSE)


def _greet(connection: socket.socket) -> _Guest | None:
    """Return the process that has connected; None for anything else that did."""
    hello = _read(connection, timeout=2) or {}
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        facts = {str(name): str(value) for name, value in hello["facts"].items()}
        facts["number of processes"] = str(hello["count"])
        host = shorten(str(hello["host"]), _LETTERS)
        return _Guest(int(hello["number"]), host, facts, connection)
    return None


def _problem_of(guest: _Guest, guests: Sequence[_Guest], processes: Processes, facts: Facts) -> str:
    """Return why this process cannot take part; empty if it can."""
    if guest.number in _numbers(guests) or not 0 < guest.number < processes.count:
        return f"two processes are process {guest.number}: one runs on {guest.host}"
    own = {**facts, "number of processes": str(processes.count)}
    for name in sorted(own.keys() | guest.facts.keys()):
        has, wanted = (each.get(name, "none") for each in (guest.facts, own))
        if has != wanted:
            return f"{guest} has {name} {shorten(has, 40)}, and process 0 has {wanted}"
    return ""


def _missing(processes: Processes, guests: Sequence[_Guest], timeout: float) -> str:
    numbers = set(range(1, processes.count)) - _numbers(guests)
    missing = [str(number) for number in sorted(numbers)]
    word = "process" if len(missing) == 1 else "processes"
    return (
        f"{word} {joined(missing)} of {processes.count} did not connect to process 0 at "
        f"{processes.address} in {timeout:.0f} s"
    )


def _numbers(guests: Sequence[_Guest]) -> set[int]:
    return {guest.number for guest in guests}


def _hint(processes: Processes) -> str:
    return f"start all {processes.count} processes at the same time, with the same command"


def _send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    with suppress(OSError):  # it has ended; the others notice by themselves
        connection.sendall(json.dumps(message).encode() + b"\n")


def _read(connection: socket.socket, timeout: float) -> dict[str, Any] | None:
    """Return the next message, or None if none comes or it is not one."""
    deadline, received = time.monotonic() + timeout, b""
    try:
        while b"\n" not in received and len(received) < _MOST_BYTES:
            connection.settimeout(max(deadline - time.monotonic(), 0.01))
            if not (part := connection.recv(4096)):
                return None
            received += part
        message = json.loads(received)
    except (OSError, ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
