"""The outermost layer of the server: access, errors as JSON, headers, metrics and the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cnnzoo.models.objects import first_line
from cnnzoo.serving.access import Access
from cnnzoo.serving.metrics import Metrics
from cnnzoo.serving.problems import RequestError

REQUEST_SECONDS = 60.0  # from the headers to the answer

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Log = Callable[[Mapping[str, Any]], None]


class Gate:
    """Wraps the application; every answer of the server passes through here."""

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        metrics: Metrics,
        routes: frozenset[str],
        log: Log,
    ) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics
        self._routes = routes
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status, sent = 0, 0

        async def watched(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            else:
                sent += len(message.get("body", b""))
            await send(message)

        problem: RequestError | None = None
        failure: str | None = None
        scope.setdefault("state", {})
        try:
            self._access.check(scope["method"], scope["path"], Headers(scope=scope))
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._app(scope, receive, watched)
        except RequestError as error:
            problem = error
        except TimeoutError:
            problem = RequestError(
                503, "the answer took too long", "try again later", {"Retry-After": "5"}
            )
        except Exception as error:  # it is answered already
            failure = f"{type(error).__name__}: {first_line(error)}"
        if problem is not None and not status:
            await problem.response()(scope, receive, watched)
        seconds = time.perf_counter() - began
        path = scope["path"]
        route = path if path in self._routes else path[:8] if path[:8] == "/static/" else "other"
        self._metrics.request(route, status, seconds)
        self._log(
            {
                "client": (scope.get("client") or ("", 0))[0],
                "method": scope["method"],
                "path": path[:200],
                "status": status,
                "ms": round(1000 * seconds, 2),
                "bytes": sent,
            }
            | {key: scope["state"][key] for key in ("model", "images") if key in scope["state"]}
            | ({"error": failure} if failure else {})
        )
