"""The routes of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cnnzoo.errors import CnnzooError
from cnnzoo.models.objects import first_line
from cnnzoo.serving import predicting
from cnnzoo.serving.access import Access
from cnnzoo.serving.gate import Gate, Log
from cnnzoo.serving.metrics import CONTENT_TYPE
from cnnzoo.serving.openapi import description
from cnnzoo.serving.page import page, static_files
from cnnzoo.serving.problems import RequestError, json_response
from cnnzoo.serving.reload import Load, reload_changed
from cnnzoo.serving.service import Service

GONE = 499  # the status in log and metrics of a client that disconnected

Work = Callable[[Service, Request], Awaitable[dict[str, Any]]]


def application(service: Service, access: Access, log: Log, load: Load | None = None) -> ASGIApp:
    """Return the ASGI application of a service.

    With `load`, models whose files change are loaded again.
    """
    html, static = page(), static_files()

    async def index(request: Request) -> Response:
        return HTMLResponse(html)

    async def file(request: Request) -> Response:
        found = static.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        kind, content = found
        return Response(content, media_type=kind)

    async def models(request: Request) -> Response:
        return json_response({"models": _descriptions(service)})

    async def health(request: Request) -> Response:
        ready = service.is_ready
        return json_response({"status": "ready" if ready else "starting"}, 200 if ready else 503)

    async def openapi(request: Request) -> Response:
        return json_response(description())

    async def metrics(request: Request) -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(service.start())]
        if load is not None:
            tasks.append(asyncio.create_task(reload_changed(service, load, log)))
        service.metrics.watch_queues(
            lambda: {name: each.thread.waiting for name, each in service.running.items()}
        )
        await asyncio.sleep(0)  # the threads run before the first request
        yield
        for task in tasks:
            task.cancel()
        await service.stop()

    routes = [
        Route("/", index),
        Route("/static/{name}", file),
        Route("/models", models),
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
        Route("/predict", _worker(service, predicting.predict), methods=["POST"]),
        Route("/explain", _worker(service, predicting.explain), methods=["POST"]),
    ]
    middleware = []
    if access.origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(access.origins),
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
            )
        )
    app = Starlette(
        routes=routes,
        middleware=middleware,
        lifespan=lifespan,
        exception_handlers={
            RequestError: _answer_error,
            HTTPException: _answer_http_exception,
            Exception: _answer_failure,
        },
    )
    app.router.redirect_slashes = False
    return Gate(app, access, service.metrics, frozenset(route.path for route in routes), log)


def _descriptions(service: Service) -> list[Any]:
    return [model.description for model in service.running.values()]


def _worker(service: Service, work: Work) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return json_response(await work(service, request))
        except ClientDisconnect:
            return Response(status_code=GONE)

    return answer


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return error.response()


async def _answer_failure(request: Request, error: Exception) -> Response:
    """Answer a failure, which Starlette raises again for the log."""
    if isinstance(error, CnnzooError):
        return RequestError(500, first_line(error)).response()
    return RequestError(500, "the server failed", "its log has the reason").response()


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {
        404: (f"there is no {request.url.path[:100]!r}", "GET /openapi.json lists the addresses"),
        405: (f"{request.method[:20]} is not allowed here", "GET /openapi.json lists the methods"),
    }
    message, hint = messages.get(error.status_code, (str(error.detail), None))
    return RequestError(error.status_code, message, hint, error.headers).response()
