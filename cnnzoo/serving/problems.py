"""Errors of requests: a status, a message and a hint, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


class RequestError(Exception):
    """A request that is answered with an error of this HTTP status."""

    def __init__(
        self,
        status: int,
        message: str,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the answer: `{"error": {"message": …, "hint": …}}`."""
        error = {"message": self.message} | ({"hint": self.hint} if self.hint else {})
        return json_response({"error": error}, self.status, self.headers)


def json_response(
    values: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return values as JSON in ASCII: a class name may have characters that UTF-8 cannot encode."""
    content = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return Response(content, status, headers, "application/json")


def busy(message: str) -> RequestError:
    """Return the error of a server that has too much to do."""
    return RequestError(503, message, "try again in a second", {"Retry-After": "1"})
