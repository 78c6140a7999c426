from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from cnnzoo.network import PROBE_SECONDS, answers


def test_a_host_that_answers_is_there_whatever_it_says():
    class Refusing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert answers(f"http://127.0.0.1:{server.server_port}/file.h5")


def test_a_port_that_nobody_listens_on_is_not_there():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert not answers(f"http://127.0.0.1:{port}/file.h5")


def test_silence_is_no_answer_and_ends_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        assert not answers(f"http://127.0.0.1:{silent.getsockname()[1]}/file.h5")
    assert time.monotonic() - began < 2 * PROBE_SECONDS + 5
