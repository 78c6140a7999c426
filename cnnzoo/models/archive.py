"""Reading what a `.keras` file says of itself, with nothing in it made or run.

The file is a zip archive whose `config.json` describes the model in plain values.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from cnnzoo.errors import UserError

CONFIG = "config.json"
METADATA = "metadata.json"
MAX_BYTES = 32 * 1024 * 1024  # ResNet-152 has 1.5 MiB


def read_architecture(path: Path) -> dict[str, Any]:
    """The description of the model in a `.keras` file; raises UserError where there is none."""
    described = _read_json(path, CONFIG)
    if not isinstance(described, dict) or not isinstance(described.get("config"), dict):
        raise UserError(f"{path} is damaged: its {CONFIG} describes no model")
    return described


def read_metadata(path: Path) -> dict[str, Any]:
    """What a `.keras` file says of its making; raises UserError where it says nothing."""
    metadata = _read_json(path, METADATA)
    if not isinstance(metadata, dict):
        raise UserError(f"{path} is damaged: its {METADATA} is no JSON object")
    return metadata


def _read_json(path: Path, member: str) -> Any:
    """The value in a member of an archive; None where it is no JSON."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            # The size that an archive states of itself need not be true.
            text = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except (
        KeyError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        raise UserError(
            f"{path} is no .keras file",
            hint="in Python, model.save('model.keras') writes one, from an .h5 file too",
        ) from None
    if len(text) > MAX_BYTES:
        raise UserError(f"the {member} in {path} is larger than {MAX_BYTES >> 20} MiB")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
