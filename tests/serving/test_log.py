from __future__ import annotations

import json
import logging

from cnnzoo.serving.log import log_line, server_messages


def test_a_line_is_json_without_control_characters(capsys):
    log_line({"path": "/\x1b[31m\u202e\n", "status": 404})
    line = capsys.readouterr().err
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert json.loads(line)["path"] == "/\x1b[31m\u202e\n"


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch):
    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    log_line({})


def test_messages_of_the_http_library_have_the_same_form(capsys):
    logger = logging.getLogger("uvicorn.error")
    with server_messages():
        try:
            raise ValueError("reason")
        except ValueError:
            logger.exception("Exception in ASGI application\n")
    logger.debug("after")
    values = json.loads(capsys.readouterr().err)
    assert values["event"] == "Exception in ASGI application"
    assert values["error"] == "ValueError: reason"
