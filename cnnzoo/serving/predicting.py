"""`POST /predict` and `POST /explain`: from the body of a request to the values of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import numpy as np
from starlette.requests import Request

from cnnzoo.datasets.images.decode import UnreadableError, decode
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.datasets.images.limits import TooManyPixelsError
from cnnzoo.errors import did_you_mean
from cnnzoo.serving.disconnects import cancelled_on_disconnect
from cnnzoo.serving.explaining import decode_picture, explanation_json
from cnnzoo.serving.inference import Reservation, Row
from cnnzoo.serving.problems import RequestError
from cnnzoo.serving.service import RunningModel, Service
from cnnzoo.serving.uploads import Upload, uploads_of
from cnnzoo.text import listed


async def predict(service: Service, request: Request) -> dict[str, Any]:
    """Return the answer of `POST /predict`; raise RequestError."""
    query = request.query_params
    name, top = query.get("model"), _top(query.get("top"))
    service.choose(name)  # an unknown model is refused before the body is read
    async with service.bodies.read(request) as body:
        uploads = await uploads_of(request.headers, body)
        model = service.choose(name)
        async with cancelled_on_disconnect(request):
            decoding = asyncio.Semaphore(service.at_once)
            with model.thread.reserve(len(uploads)) as places:
                outcomes = await _all(
                    _predict_one(service, model, places, decoding, upload) for upload in uploads
                )
    if len(outcomes) == 1 and isinstance(outcomes[0], UnreadableError):
        raise _unreadable(outcomes[0])
    request.scope["state"]["images"] = len(uploads)
    names = model.loaded.classifier.class_names
    return {
        "model": model.identity,
        "predictions": [
            {"file": upload.name, "error": str(outcome)}
            if isinstance(outcome, UnreadableError)
            else {"file": upload.name, "probabilities": _ranked(outcome, names, top)}
            for upload, outcome in zip(uploads, outcomes, strict=True)
        ],
    }


async def explain(service: Service, request: Request) -> dict[str, Any]:
    """Return the answer of `POST /explain`; raise RequestError."""
    query = request.query_params
    name = query.get("model")
    _label(service.choose(name), query.get("class"))
    async with service.bodies.read(request) as body:
        uploads = await uploads_of(request.headers, body)
        if len(uploads) != 1:
            raise RequestError(
                400, f"the request has {len(uploads)} images, not one", "explain them one by one"
            )
        model = service.choose(name)
        label, function = _label(model, query.get("class"))
        fit = model.loaded.classifier.fit
        names = model.loaded.classifier.class_names
        async with cancelled_on_disconnect(request):
            with model.thread.reserve(1):
                pixels = await _decoded(service, uploads[0], decode, fit)
                if isinstance(pixels, UnreadableError):
                    raise _unreadable(pixels)
                found = await model.thread.call(lambda: function(pixels, label))
            picture = await _decoded(service, uploads[0], decode_picture, fit)
            if isinstance(picture, UnreadableError):
                raise _unreadable(picture)
            values = await service.decode(explanation_json, picture, fit, found, names)
    request.scope["state"]["images"] = 1
    return {
        "model": model.identity,
        **values,
        "probabilities": _ranked(found.probabilities, names, None),
    }


async def _predict_one(
    service: Service,
    model: RunningModel,
    places: Reservation,
    decoding: asyncio.Semaphore,
    upload: Upload,
) -> Row | UnreadableError:
    async with decoding:
        pixels = await _decoded(service, upload, decode, model.loaded.classifier.fit)
    if isinstance(pixels, UnreadableError):
        places.drop()
        return pixels
    return await places.predict(pixels)


async def _decoded(
    service: Service, upload: Upload, function: Callable[[bytes, Fit], Any], fit: Fit
) -> Any:
    """Return the pixels of an image, or the reason why it cannot be decoded."""
    try:
        if upload.problem:
            raise UnreadableError(upload.problem)
        if not upload.content:
            raise UnreadableError("is empty")
        return await service.decode(function, upload.content, fit)
    except UnreadableError as error:
        service.metrics.unreadable_image()
        return error


async def _all(tasks: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Wait for all; if one fails or the request is cancelled, cancel the others."""
    waiting = list(tasks)
    if len(waiting) == 1:
        return [await waiting[0]]
    try:
        async with asyncio.TaskGroup() as group:
            done = [group.create_task(each) for each in waiting]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in done]


def _ranked(row: Row, names: Sequence[str], top: int | None) -> list[dict[str, Any]]:
    order = np.argsort(-row, kind="stable")[:top]
    values = row.tolist()
    return [{"class": names[label], "probability": values[label]} for label in order]


def _label(
    model: RunningModel, name: str | None
) -> tuple[int | None, Callable[[Any, int | None], Any]]:
    """Return the label to explain, None for the predicted one, and the explaining function."""
    loaded = model.loaded
    if loaded.explain is None:
        raise RequestError(501, f"{model.name} cannot be explained: {loaded.why_not}")
    names = loaded.classifier.class_names
    if name is None:
        return None, loaded.explain
    if name not in names:
        raise RequestError(
            404,
            f"the model has no class {name[:100]!r}{did_you_mean(name[:100], names)}",
            f"it knows {listed(names, 20)}",
        )
    return names.index(name), loaded.explain


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 8 and int(text)):
        raise RequestError(400, f"top is {text[:20]!r}, not a number from 1", "for example ?top=3")
    return int(text)


def _unreadable(error: UnreadableError) -> RequestError:
    status = 413 if isinstance(error, TooManyPixelsError) else 422
    if str(error).startswith("is not an image"):
        status = 415
    return RequestError(status, f"the image {error}")
