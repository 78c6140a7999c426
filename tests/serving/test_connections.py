from __future__ import annotations

import socket
import time

import pytest
from served import picture

from cnnzoo.serving import bodies, connections


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.3)


START = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


@pytest.mark.parametrize("start", [b"", b"GET /models HTT", START])
def test_headers_that_do_not_arrive_end_the_connection(start, server):
    assert server.raw(start).startswith(b"HTTP/1.1 408 ")


def test_headers_that_arrive_byte_by_byte_end_the_connection(server):
    began = time.monotonic()
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as client,
        pytest.raises(OSError, match=r"reset|Broken pipe"),
    ):
        trickle(client, began + 20)
    assert time.monotonic() - began < 10


def trickle(client, end):
    while time.monotonic() < end:
        client.sendall(b"G")
        time.sleep(0.05)


def test_a_body_that_does_not_arrive_ends_the_connection(server):
    answer = server.raw(START + b"Content-Length: 1000\r\n\r\nstart")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"the body did not arrive in 0.3 seconds" in answer


def test_a_body_that_nobody_reads_ends_the_connection(server):
    answer = server.raw(
        b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nstart"
    )
    assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "bad",
    [
        b"\x16\x03\x01 a TLS handshake\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # without Host
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nLarge: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 200_000,
        START + b"Content-Length: x\r\n\r\n",
        START + b"Content-Length: -5\r\n\r\n",
        START + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_refused(bad, server):
    try:
        answer = server.raw(bad)
    except ConnectionResetError:  # it was closed before all bytes were sent
        answer = b"HTTP/1.1 400 "
    assert answer.startswith(b"HTTP/1.1 4")
    assert server.post_image("/predict", picture(1)).status == 200


def test_there_is_a_limit_of_connections(server, monkeypatch):
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 0)
    assert server.raw(b"").startswith(b"HTTP/1.1 503 ")


def test_a_client_that_does_not_read_is_disconnected(server, monkeypatch):
    monkeypatch.setattr(connections, "STALL_SECONDS", 0.3)
    requests = 3000
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * requests)
        time.sleep(3)
        with pytest.raises(ConnectionResetError):
            read(client, requests * len(server.get("/openapi.json").body))


def read(client, count):
    while count > 0:
        count -= len(client.recv(2**20))
