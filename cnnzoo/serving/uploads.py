"""The images in a request: multipart files, a raw image, or JSON with base64."""

from __future__ import annotations

import asyncio
import binascii
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from cnnzoo import limits
from cnnzoo.serving.problems import RequestError

_ACCEPTED = "send multipart/form-data, an image (image/png), or JSON with base64"


@dataclass(frozen=True, slots=True)
class Upload:
    """The bytes of an image file and its name, or the reason why there are no bytes."""

    name: str | None
    content: bytes
    problem: str | None = None


async def uploads_of(headers: Headers, body: bytes) -> list[Upload]:
    """Return the images in a body, at least one; raise RequestError 400, 413 or 415."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError(415, "the body is compressed", "send it without Content-Encoding")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        found = await _from_multipart(headers, body)
    elif kind == "application/json":
        found = await asyncio.to_thread(_from_json, body)  # takes a while for a large body
    elif kind.startswith("image/") or kind == "application/octet-stream":
        found = [Upload(None, body)]
    else:
        named = f"the content type {kind[:100]!r} is not supported" if kind else "no content type"
        raise RequestError(415, named, _ACCEPTED)
    if not found:
        raise RequestError(400, "the request has no image", _ACCEPTED)
    if len(found) > limits.REQUEST_IMAGES:
        raise _too_many()
    return found


class _MemoryParser(MultiPartParser):
    """Starlette's parser; it keeps files in memory and notices a missing end."""

    spool_max_size = 2**40  # no file is written to disk
    ended = False

    def on_end(self) -> None:
        self.ended = True

    def close(self) -> None:
        """Close all files, also one without an end."""
        for file in self._files_to_close_on_error:
            file.close()


async def _from_multipart(headers: Headers, body: bytes) -> list[Upload]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _MemoryParser(headers, whole(), max_files=limits.REQUEST_IMAGES, max_fields=10)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise _too_many() from None
        raise _bad_multipart(error.message) from None
    except Exception:  # a parser of untrusted bytes may raise anything
        raise _bad_multipart("it cannot be parsed") from None
    try:
        if not parser.ended:
            raise _bad_multipart("its last boundary is missing")
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        return [Upload(file.filename or None, await file.read()) for file in files]
    finally:
        parser.close()


def _from_json(body: bytes) -> list[Upload]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError(400, "the body is not JSON", _JSON) from None
    images = values.get("images") if isinstance(values, dict) else None
    if not isinstance(images, list):
        raise RequestError(400, 'the JSON has no list "images"', _JSON)
    if len(images) > limits.REQUEST_IMAGES:
        raise _too_many()
    return [_from_base64(image) for image in images]


def _from_base64(image: Any) -> Upload:
    if not isinstance(image, str):
        return Upload(None, b"", "is not a string of base64")
    try:
        return Upload(None, binascii.a2b_base64(image, strict_mode=True))
    except ValueError:
        return Upload(None, b"", "is not base64")


_JSON = 'expected {"images": ["base64 of an image file", …]}'


def _bad_multipart(reason: str) -> RequestError:
    return RequestError(400, f"the multipart body is damaged: {reason}")


def _too_many() -> RequestError:
    return RequestError(
        413, f"the request has more than {limits.REQUEST_IMAGES} images", "send several requests"
    )
