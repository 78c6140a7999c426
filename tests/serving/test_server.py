"""Tests of cnnzoo.serving.server."""

from __future__ import annotations

import asyncio
import socket

import pytest

from cnnzoo.errors import UserError
from cnnzoo.serving.server import bind


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio sets TCP_NODELAY on the connections of the socket."""

    async def option() -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        bound = bind("127.0.0.1", 0)
        async with await asyncio.start_server(connected, sock=bound):
            _, writer = await asyncio.open_connection(*bound.getsockname())
            value = await accepted
            writer.close()
            await writer.wait_closed()
        return value

    assert asyncio.run(option()) != 0


def test_a_port_in_use_is_refused() -> None:
    """A second socket on the same port gives one clear error."""
    with bind("127.0.0.1", 0) as first, pytest.raises(UserError, match="cannot listen on"):
        bind(*first.getsockname())
