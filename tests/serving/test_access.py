from __future__ import annotations

import pytest
from served import picture, serving
from starlette.datastructures import Headers

from cnnzoo.serving.access import Access, is_loopback
from cnnzoo.serving.problems import RequestError


def status(access, path="/models", **headers):
    try:
        access.check("GET", path, Headers(headers))
    except RequestError as error:
        return error.status
    return 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8000", 200),
        ("mine.example:8000", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("192.168.1.5", 403),
        ("", 403),
        ("[::1", 200),
    ],
)
def test_the_host_header_names_this_server(host, expected):
    assert status(Access(hosts=["mine.example"]), host=host) == expected


def test_a_server_of_all_networks_is_reached_by_address():
    access = Access("0.0.0.0")
    assert status(access, host="192.168.1.5:8000") == 200
    assert status(access, host="[fe80::1]:8000") == 200
    assert status(access, host="evil.example") == 403


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:8000", 200),
        ("https://good.example", 200),
        ("https://evil.example", 403),
        ("http://localhost:9000", 403),
        ("null", 403),
    ],
)
def test_web_pages_of_other_servers_are_refused(origin, expected):
    access = Access(origins=["https://good.example"])
    assert status(access, host="localhost:8000", origin=origin) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Bearer secret-ü", 200),
        ("bearer  secret-ü", 200),
        ("Bearer wrong", 401),
        ("Basic secret-ü", 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
def test_the_token_is_needed(given, expected):
    access = Access(token="secret-ü")
    sent = given.encode().decode("latin-1")
    assert status(access, host="localhost", authorization=sent) == expected
    assert status(access, "/health", host="localhost") == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("x", False)],
)
def test_loopback(host, expected):
    assert is_loopback(host) == expected


def test_a_server_with_a_token_and_another_origin(small):
    access = Access(token="secret", origins=["https://good.example"])
    with serving({"small": small}, access) as server:
        assert server.get("/models").status == 401
        assert server.get("/models").headers["www-authenticate"] == "Bearer"
        assert server.get("/").status == 200  # the page asks for the token
        assert "größer" not in server.get("/").body.decode()
        sent = {"Authorization": "Bearer secret", "Origin": "https://good.example"}
        answer = server.post_image("/predict", picture(1), **sent)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "https://good.example"
        asked = server.request(
            "OPTIONS",
            "/predict",
            Origin="https://good.example",
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authorization",
        )
        assert asked.status == 200
        assert server.get("/health", Host="evil.example").status == 403
        assert server.get("/health", Origin="https://evil.example").status == 403
