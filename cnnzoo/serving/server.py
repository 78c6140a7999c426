"""Run the server: its socket, its signals, and its log."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from cnnzoo.datasets.images.decode import no_warnings
from cnnzoo.errors import UserError
from cnnzoo.models.backend import without_retracing_warnings
from cnnzoo.serving.access import Access
from cnnzoo.serving.app import application
from cnnzoo.serving.connections import LimitedProtocol
from cnnzoo.serving.gate import Log
from cnnzoo.serving.log import log_line, server_messages
from cnnzoo.serving.reload import Load
from cnnzoo.serving.service import Service

DRAIN_SECONDS = 30  # for requests in progress after SIGTERM
KEEP_ALIVE_SECONDS = 30  # between two requests of a connection
_BACKLOG = 1024  # connections that wait to be accepted


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; raise UserError if the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches off Nagle's algorithm for each connection. Otherwise
    # the body of an answer waits up to 40 ms for the acknowledgement of its head.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except (OSError, UnicodeError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"cannot listen on {host}, port {port}: {reason}", hint="choose another with --port"
        ) from error
    return bound


def run(
    service: Service,
    access: Access,
    bound: socket.socket,
    on_start: Callable[[], None],
    load: Load | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish the requests in progress.

    With `load`, models whose files change are loaded again.
    """
    server = _Server(configuration(service, access, log_line, load), on_start)
    # uvicorn raises the signal again at its end, which then has no effect: the exit status is 0.
    before = {number: signal.signal(number, _ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with no_warnings(), server_messages(), without_retracing_warnings():
            server.run([bound])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def configuration(
    service: Service, access: Access, log: Log, load: Load | None = None
) -> uvicorn.Config:
    """Return the settings of uvicorn for the application of a service."""
    return uvicorn.Config(
        application(service, access, log, load),
        http=LimitedProtocol,
        ws="none",
        log_config=None,
        backlog=_BACKLOG,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_start()


def _ignore(number: int, frame: Any) -> None:
    pass
