"""Which requests are served: the Host header, the origin of a web page, and the token."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import Headers

from cnnzoo.serving.problems import RequestError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ANY = ("0.0.0.0", "::", "")
_PUBLIC = ("/", "/health")  # without a token; the page asks for it


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server that listens on a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of access.

    `hosts` are names in the Host header besides those of this machine: a web page that resolves its
    own name to this machine (DNS rebinding) is refused. `origins` are web pages of other servers
    that may send requests. `token` is the bearer token, None if everyone may send requests.
    """

    host: str = "127.0.0.1"
    hosts: Collection[str] = ()
    origins: Collection[str] = ()
    token: str | None = None

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raise RequestError 401 or 403 for a request that is refused."""
        if not self._knows(headers.get("host", "")):
            raise RequestError(
                403,
                "the Host header names another server",
                "use the address that the server printed, or start it with --allow-host NAME",
            )
        origin = headers.get("origin")
        if origin and origin not in self.origins and not _is_same(origin, headers["host"]):
            raise RequestError(
                403,
                "the request comes from a web page of another server",
                "start the server with --allow-origin ORIGIN",
            )
        is_public = path in _PUBLIC or path.startswith("/static/")
        # A browser asks without the token whether a page of another server may send it.
        asks = method == "OPTIONS" and origin in self.origins
        if not (is_public or asks or self.has_token(headers)):
            raise RequestError(
                401,
                "the request has no valid token",
                "send the header Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )

    def has_token(self, headers: Headers) -> bool:
        """Return whether a request has the token, or none is needed."""
        if self.token is None:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode("latin-1"), self.token.encode()
        )

    def _knows(self, header: str) -> bool:
        name = _name_of(header)
        if name in _LOOPBACK or name in (self.host.lower(), *self.hosts):
            return True
        # A rebound name is never an address.
        return self.host in _ANY and (_is_address(name) or name == socket.gethostname().lower())


def _name_of(host: str) -> str:
    """Return the name in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(origin: str, host: str) -> bool:
    return origin.partition("://")[2].lower() == host.lower()
