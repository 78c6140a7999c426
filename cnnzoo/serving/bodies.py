"""Read the bodies of requests: within limits of size, memory and time, and only in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from cnnzoo import limits
from cnnzoo.serving.problems import RequestError, busy

BODY_SECONDS = 30.0  # for a whole body
_REFUSED_SECONDS = 10.0  # for which the rest of a refused body is read, so that the answer arrives
_REFUSED_BYTES = 2 * limits.BODY_BYTES


class Bodies:
    """Reads bodies; all bodies together hold at most BODIES_BYTES."""

    def __init__(
        self, body_bytes: int = limits.BODY_BYTES, all_bytes: int = limits.BODIES_BYTES
    ) -> None:
        self.body_bytes = body_bytes
        self.free = all_bytes

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Hold the body of a request in memory.

        Raises RequestError 408, 413 or 503, and Starlette's ClientDisconnect.
        """
        held = 0
        chunks = []
        try:
            if _declared(request) > self.body_bytes:
                await self._refuse(request)
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    async for chunk in request.stream():
                        if held + len(chunk) > self.body_bytes:
                            await self._refuse(request)
                        if len(chunk) > self.free:
                            raise busy("the server holds too many large requests")
                        held += len(chunk)
                        self.free -= len(chunk)
                        chunks.append(chunk)
            except TimeoutError:
                raise RequestError(
                    408,
                    f"the body did not arrive in {BODY_SECONDS:g} seconds",
                    "send a smaller image",
                    {"Connection": "close"},
                ) from None
            body = b"".join(chunks)
            chunks.clear()
            yield body
        finally:
            self.free += held

    async def _refuse(self, request: Request) -> None:
        """Read the rest of a body that is too large, and raise RequestError 413."""
        read = 0
        try:
            async with asyncio.timeout(_REFUSED_SECONDS):
                async for chunk in request.stream():
                    read += len(chunk)
                    if read > _REFUSED_BYTES:
                        break
        except TimeoutError:
            pass
        raise RequestError(
            413,
            f"the body is larger than {limits.size_text(self.body_bytes)}",
            "send fewer or smaller images",
            {"Connection": "close"},
        )


def _declared(request: Request) -> int:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() else 0
