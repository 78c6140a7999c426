"""The description of the API in OpenAPI's format: `GET /openapi.json`."""

from __future__ import annotations

from typing import Any

from cnnzoo import __version__

Schema = dict[str, Any]


def description() -> Schema:
    """Return the description of all routes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "cnnzoo",
            "version": __version__,
            "description": "Image classifiers. With --token, requests need a bearer token.",
        },
        "paths": {
            "/": _get("The page", {"text/html": {}}),
            "/static/{name}": _get(
                "A file of the page", {"*/*": {}}, [_parameter("name", "Name", place="path")]
            ),
            "/models": _get("The models", _json(_MODELS)),
            "/health": _get("Whether all models are ready", _json(_HEALTH), unready=True),
            "/metrics": _get("Metrics in Prometheus' text format", {"text/plain": {}}),
            "/openapi.json": _get("This description", _json({"type": "object"})),
            "/predict": _post(
                "Probabilities of the classes of images",
                _PREDICTIONS,
                [
                    _MODEL,
                    _parameter(
                        "top",
                        "Number of classes to return, all by default",
                        {"type": "integer", "minimum": 1},
                    ),
                ],
            ),
            "/explain": _post(
                "Grad-CAM and feature maps of one image",
                _EXPLANATION,
                [_MODEL, _parameter("class", "Class to explain; by default the predicted one")],
            ),
        },
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _object(
    reserved: dict[str, Schema] | None = None, *, optional: tuple[str, ...] = (), **others: Schema
) -> Schema:
    """Return the schema of an object; `reserved` are properties with names of Python."""
    properties = {**(reserved or {}), **others}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_PROBABILITY: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_DATA_URI: Schema = {"type": "string", "pattern": "^data:image/"}
_IDENTITY = _object(name=_TEXT, identity={"type": "string", "description": "SHA-256 of the file"})
_RANKING = _list(_object({"class": _TEXT}, probability=_PROBABILITY))
_HEALTH = _object(status={"enum": ["ready", "starting"]})
_ERROR = _object(error=_object(optional=("hint",), message=_TEXT, hint=_TEXT))
_ACCURACY = _object(
    value=_or_null(_PROBABILITY),
    low=_or_null(_PROBABILITY),
    high=_or_null(_PROBABILITY),
    examples=_COUNT,
    split=_TEXT,
)
_MODELS = _object(
    models=_list(
        _object(
            name=_TEXT,
            identity=_TEXT,
            kind={"enum": ["run", "file"]},
            format=_TEXT,
            classes=_list(_TEXT),
            input=_object(height=_COUNT, width=_COUNT, channels=_COUNT),
            parameters=_or_null(_COUNT),
            accuracy=_or_null(_ACCURACY),
            notes=_list(_TEXT),
            caveats=_list(_TEXT),
            explains={"type": "boolean"},
        )
    )
)
_PREDICTIONS = _object(
    model=_IDENTITY,
    predictions=_list(
        _object(
            optional=("probabilities", "error"),
            file=_or_null(_TEXT),
            probabilities=_RANKING,
            error=_TEXT,
        )
    ),
)
_EXPLANATION = _object(
    {"class": _TEXT},
    model=_IDENTITY,
    probability=_PROBABILITY,
    probabilities=_RANKING,
    picture=_DATA_URI,
    heat=_DATA_URI,
    stages=_list(_object(name=_TEXT, label=_TEXT, shape=_list(_COUNT), maps=_list(_DATA_URI))),
)
_BODY: Schema = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "additionalProperties": {"format": "binary"}}
        },
        "image/*": {"schema": {}},
        "application/octet-stream": {"schema": {}},
        **_json(_object(images=_list({"type": "string", "contentEncoding": "base64"}))),
    },
}
_ERRORS: dict[str, str] = {
    "400": "The request is not valid",
    "401": "The token is missing or wrong",
    "403": "The Host header or the origin is not allowed",
    "404": "There is no such model or class",
    "408": "The body did not arrive in time",
    "413": "The body, the number of images or the image is too large",
    "415": "The content is not a supported image",
    "422": "The image cannot be decoded",
    "501": "The model cannot be explained",
    "503": "The server is busy or starting",
}


def _parameter(
    name: str, text: str, schema: Schema | None = None, *, place: str = "query"
) -> Schema:
    return {
        "name": name,
        "in": place,
        "description": text,
        "required": place == "path",
        "schema": schema or _TEXT,
    }


_MODEL = _parameter("model", "Name of the model; by default the first one")


def _answers(content: Schema, errors: dict[str, str]) -> Schema:
    failed = {
        status: {"description": text, "content": _json(_ERROR)} for status, text in errors.items()
    }
    return {"200": {"description": "Success", "content": content}, **failed}


def _get(
    text: str, content: Schema, parameters: list[Schema] | None = None, *, unready: bool = False
) -> Schema:
    errors = {status: _ERRORS[status] for status in ("401", "403", "404")}
    answers = _answers(content, errors)
    if unready:
        answers["503"] = {"description": "A model is not ready", "content": content}
    return {"get": {"summary": text, "parameters": parameters or [], "responses": answers}}


def _post(text: str, schema: Schema, parameters: list[Schema]) -> Schema:
    return {
        "post": {
            "summary": text,
            "parameters": parameters,
            "requestBody": _BODY,
            "responses": _answers(_json(schema), _ERRORS),
        }
    }
