from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from exported_models import CLASSES, small_model
from served import picture

from cnnzoo.models.saved import described, save_model


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "small.keras"
    save_model(small_model(), path, described({"class_names": list(CLASSES)}, "small"))
    return path


def test_sigterm_finishes_the_requests_in_progress_and_exits_with_0(model_file, tmp_path):
    server = subprocess.Popen(
        [sys.executable, "-m", "cnnzoo", "serve", str(model_file), "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        line = server.stdout.readline()
        assert line.startswith("serving small on http://127.0.0.1:"), server.stderr.read()
        port = int(re.findall(r":(\d+); Ctrl-C stops it$", line.rstrip())[0])
        wait_until_ready(port)
        content = picture(1)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(
                b"POST /predict?\x1b HTTP/1.1\r\nHost: localhost\r\n\r\n".replace(b"?\x1b", b"%1b")
            )
            assert status_of(client) == 404
            client.sendall(
                b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(content), content[:20])
            )
            time.sleep(0.3)
            server.send_signal(signal.SIGTERM)
            time.sleep(1)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            client.sendall(content[20:])
            assert status_of(client) == 200
        assert server.wait(60) == 0
    finally:
        server.kill()
        _, errors = server.communicate()
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["status"] for line in lines][-2:] == [404, 200]
    assert all({"time", "client", "path", "ms"} <= set(line) for line in lines)
    assert errors.replace("\n", "").isprintable()


def status_of(client):
    with http.client.HTTPResponse(client) as answer:
        answer.begin()
        answer.read()
        return answer.status


def wait_until_ready(port):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/health")
        status = connection.getresponse().status
        connection.close()
        if status == 200:
            return
        time.sleep(0.1)
    raise AssertionError("the server is never ready")


def test_a_port_in_use_is_named(in_process, model_file):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, _, errors = in_process("serve", str(model_file), "--port", str(port))
    assert code == 2
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in errors
    assert "--port" in errors


def test_a_missing_model_is_named(in_process):
    code, _, errors = in_process("serve", "none.keras")
    assert code == 2
    assert "'none.keras' does not exist" in errors
