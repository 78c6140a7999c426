"""The record next to an exported model, `NAME.json`: contract, verification, golden examples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cnnzoo import limits
from cnnzoo.errors import RunError
from cnnzoo.regular_files import read_regular
from cnnzoo.runs.run import Run

_DISTRIBUTIONS = (
    "cnnzoo",
    "keras",
    "tensorflow",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "openvino",
)


def record_path(model: Path) -> Path:
    """The path of the record of an exported model: `lenet.onnx` → `lenet.onnx.json`."""
    return model.with_name(f"{model.name}.json")


def record_text(record: dict[str, Any]) -> str:
    """A record as JSON."""
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def read_records(run: Run) -> Iterator[dict[str, Any]]:
    """The records of the exports of a run, by name; raises RunError for a damaged one."""
    for path in sorted(run.exports_path.glob("*.json")):
        try:
            record = json.loads(read_regular(path, limits.JSON_BYTES))
            record["format"], record["contract"]["precision"], record["bytes"]
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError):
            raise RunError(
                f"{path} is damaged", hint="export the model again, or remove this file"
            ) from None
        yield record


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed_versions() -> dict[str, str]:
    """The versions of the packages that convert and run exported models."""
    found = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
