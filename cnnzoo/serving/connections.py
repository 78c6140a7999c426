"""Connections of slow and broken clients: uvicorn's HTTP protocol with time limits.

uvicorn limits the time between two requests only. A client could also send its headers byte by
byte, never read its answer, or open any number of connections.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0  # for the headers of a request
STALL_SECONDS = 30.0  # that a client may not read its answer
MAX_CONNECTIONS = 512


class LimitedProtocol(H11Protocol):
    """One connection."""

    _headers_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request; refuse a connection too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(503, "the server has too many connections")
        else:
            self._start_headers_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop_headers_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Limit the time of headers that are not complete, and of a body that nobody reads."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._start_headers_timer()
        else:
            self._stop_headers_timer()

    def on_response_complete(self) -> None:
        """Let the limit for idle connections begin, or that for a body that nobody reads."""
        self._stop_headers_timer()
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._start_headers_timer()

    def pause_writing(self) -> None:
        """Limit the time that the client does not read."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """End that limit."""
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP, and headers that are too long."""
        self._refuse(400, "the request is not valid HTTP, or its headers are too long")

    def _start_headers_timer(self) -> None:
        if self._headers_timer is None:
            self._headers_timer = self.loop.call_later(HEADER_SECONDS, self._headers_late)

    def _stop_headers_timer(self) -> None:
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None

    def _headers_late(self) -> None:
        self._headers_timer = None
        self._refuse(408, f"the request did not arrive in {HEADER_SECONDS:g} seconds")

    def _refuse(self, status: int, message: str) -> None:
        """Answer with an error as JSON if no answer has begun, and close the connection."""
        if self.transport.is_closing():
            return
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps({"error": {"message": message}}).encode()
            headers: Any = [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            start = h11.Response(status_code=status, headers=headers, reason=b"")
            for event in (start, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
