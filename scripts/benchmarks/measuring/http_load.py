"""Servers as processes, and clients that send requests to them at the same time."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Load:
    """The latencies of requests in seconds, and how long all of them took."""

    latencies: tuple[float, ...]
    seconds: float

    @property
    def throughput(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the latency that this share of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def server(words: Sequence[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the context; it begins when `GET /health` answers 200."""
    with (folder / f"server-{port}.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log, cwd=folder)
        try:
            _wait(process, port, Path(log.name))
            yield process
        finally:
            process.terminate()
            process.wait(60)


def form(name: str, content: bytes) -> tuple[bytes, str]:
    """Return one image as a multipart body, and its content type."""
    head = f'--b0undary\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    body = f"{head}Content-Type: image/png\r\n\r\n".encode() + content + b"\r\n--b0undary--\r\n"
    return body, "multipart/form-data; boundary=b0undary"


def send(port: int, path: str, contents: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Let clients send images one after another for some seconds; each keeps its connection.

    Raises RuntimeError for an answer that is not 200.
    """
    requests = []
    for number, content in enumerate(contents):
        body, kind = form(f"{number}.png", content)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {kind}\r\n"
        requests.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return asyncio.run(_send(port, requests, clients, seconds))


async def _send(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    latencies: list[float] = []
    began = time.perf_counter()

    async def client(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in itertools.count(first):
            sent = time.perf_counter()
            if sent - began >= seconds:
                break
            writer.write(requests[number % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head[:20]:
                raise RuntimeError(f"the server answered {head[:60]!r}")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(client(13 * number) for number in range(clients)))
    return Load(tuple(latencies), time.perf_counter() - began)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the server does not start:\n{log.read_text(errors='replace')[-2000:]}")
