"""Read the members of a `.keras` file without building or running anything.

The file is a zip archive: `config.json` describes the model in plain values, `model.weights.h5`
holds its weights, and `metadata.json` the version of Keras. A member is read only if it fits the
limits of `cnnzoo.limits`.
"""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from copy import copy
from pathlib import Path
from typing import Any

from cnnzoo import limits
from cnnzoo.errors import RunError, UserError
from cnnzoo.regular_files import open_regular
from cnnzoo.text import listed

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets/"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_DAMAGED_HINT = "restore the file, or save the model again"


def read_architecture(path: Path) -> dict[str, Any]:
    """Return the description of the model in a `.keras` file; raise UserError if there is none."""
    described = _read_json(path, CONFIG)
    if not isinstance(described, dict) or not isinstance(described.get("config"), dict):
        raise UserError(f"{path} is damaged: its {CONFIG} does not describe a model")
    return described


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata of a `.keras` file; raise UserError if they are damaged."""
    metadata = _read_json(path, METADATA)
    if not isinstance(metadata, dict):
        raise UserError(f"{path} is damaged: its {METADATA} is not a JSON object")
    return metadata


def read_weights(path: Path) -> bytes:
    """Return the HDF5 file with the weights of a `.keras` file; raise UserError if too large."""
    return _read_member(path, WEIGHTS, limits.unpacked_bytes(path.stat().st_size))


def check_members(path: Path, *, assets: bool = False) -> None:
    """Raise UserError if a `.keras` file has members that Keras does not write.

    Keras unpacks such an archive to the disk as a whole. With `assets`, files of layers may be
    there, such as the vocabulary of a StringLookup.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise _not_an_archive(path) from None
    names = [member.filename for member in members]
    if missing := [name for name in (METADATA, CONFIG, WEIGHTS) if name not in names]:
        raise UserError(f"{path} is damaged: it has no {listed(missing)}", hint=_DAMAGED_HINT)
    others = names.copy()
    for name in (METADATA, CONFIG, WEIGHTS):
        others.remove(name)
    allowed = (ASSETS,) if assets else ()
    if refused := [name for name in others if not name.startswith(allowed)]:
        raise UserError(
            f"{path} holds more than a model: {listed(refused, 3)}",
            hint=f"a .keras file has the members {METADATA}, {CONFIG} and {WEIGHTS}; load it in "
            "Python and save it again",
        )
    size, limit = sum(m.file_size for m in members), limits.unpacked_bytes(path.stat().st_size)
    if size > limit:
        raise UserError(
            f"{path} is {limits.size_text(path.stat().st_size)} and unpacks to "
            f"{limits.size_text(size)}; the limit is {limits.size_text(limit)}"
        )


def copy_with(source: Path, target: Path, member: str, text: str) -> None:
    """Write a copy of an archive in which one member has this text."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if info.filename == member:
                new.writestr(member, text)
                continue
            # Written under the old entry, whose size tells whether it needs 64 bits.
            with old.open(info) as part, new.open(copy(info), "w") as written:
                shutil.copyfileobj(part, written, 1 << 20)


def _read_json(path: Path, member: str) -> Any:
    """Return the value of a JSON member; None if it is not JSON."""
    text = _read_member(path, member, limits.JSON_BYTES)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_member(path: Path, member: str, limit: int) -> bytes:
    try:
        with (
            open_regular(path) as stream,
            zipfile.ZipFile(stream) as archive,
            archive.open(member) as file,
        ):
            # The size that an archive declares can be wrong.
            content = file.read(limit + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except (
        KeyError,
        EOFError,
        RuntimeError,
        NotImplementedError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        raise _not_an_archive(path, member) from None
    if len(content) > limit:
        raise UserError(f"the {member} in {path} is larger than {limits.size_text(limit)}")
    return content


def _not_an_archive(path: Path, member: str = CONFIG) -> UserError:
    """Return the error for a file that is not a zip archive with a model in it."""
    with open_regular(path) as file:
        start = file.read(len(_HDF5))
    if start == _HDF5:
        return RunError(
            f"{path} is an HDF5 file (.h5), not a .keras file",
            hint="rename it to model.h5 and convert it in Python: "
            "keras.saving.load_model('model.h5').save('model.keras')",
        )
    if zipfile.is_zipfile(path):
        return RunError(f"{path} is damaged: its {member} cannot be read", hint=_DAMAGED_HINT)
    return RunError(
        f"{path} is damaged, or is not a .keras file: it is not a zip archive",
        hint="in Python, model.save('model.keras') writes one",
    )
