"""A server in a thread of the tests, and the requests that they send."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from PIL import Image

from cnnzoo.datasets.images.decode import no_warnings
from cnnzoo.serving.access import Access
from cnnzoo.serving.reload import Load
from cnnzoo.serving.served import LoadedModel
from cnnzoo.serving.server import bind, configuration
from cnnzoo.serving.service import Service


@dataclass
class Answer:
    """The answer to one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as values."""
        return json.loads(self.body)


@dataclass
class Served:
    """A server that runs: its address, its service, and the lines of its log."""

    port: int
    service: Service
    log: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send one request; `Content_Type` is the header Content-Type."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            answer = connection.getresponse()
            return Answer(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Send a GET request."""
        return self.request("GET", path, **headers)

    def post_image(self, path: str, content: bytes, **headers: str) -> Answer:
        """Send the bytes of one image."""
        return self.request("POST", path, content, **{"Content_Type": "image/png", **headers})

    def post_files(self, path: str, files: Mapping[str, bytes]) -> Answer:
        """Send files as a form does."""
        body, kind = form(files)
        return self.request("POST", path, body, Content_Type=kind)

    def raw(self, content: bytes) -> bytes:
        """Send bytes, and read until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(content)
            answer = b""
            while more := connection.recv(65536):
                answer += more
            return answer

    def metric(self, name: str) -> float:
        """The sum of the values of a metric."""
        lines = self.get("/metrics").body.decode().splitlines()
        found = (line.split() for line in lines if line.startswith((f"{name}{{", f"{name} ")))
        return sum(float(value) for _, value in found)


@contextmanager
def serving(
    models: Mapping[str, LoadedModel], access: Access | None = None, load: Load | None = None
) -> Iterator[Served]:
    """Run a server until the end of the context; it is ready when the context begins."""
    bound = bind("127.0.0.1", 0)
    service = Service(models)
    served = Served(bound.getsockname()[1], service)
    server = uvicorn.Server(configuration(service, access or Access(), served.log.append, load))
    thread = threading.Thread(target=server.run, args=([bound],))
    with no_warnings():
        thread.start()
        try:
            until = time.monotonic() + 60
            while not service.is_ready and time.monotonic() < until:
                time.sleep(0.01)
            assert service.is_ready
            yield served
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


def form(files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Files as a multipart body, and its content type."""
    parts = [
        b'--b0undary\r\nContent-Disposition: form-data; name="image"; filename="%s"\r\n\r\n%s\r\n'
        % (name.encode(), content)
        for name, content in files.items()
    ]
    return b"".join([*parts, b"--b0undary--\r\n"]), "multipart/form-data; boundary=b0undary"


def picture(seed: int, size: tuple[int, int] = (8, 8), kind: str = "PNG", **options: Any) -> bytes:
    """The file of a random gray picture of a size (height, width)."""
    pixels = np.random.default_rng(seed).integers(0, 256, size, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
