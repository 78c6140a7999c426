"""A page that classifies images in a browser, by ONNX Runtime Web, from a local file.

The runtime, the model, the classes and the golden examples are in the page, which loads nothing.
cnnzoo does not contain the runtime: it is a package of npm.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from cnnzoo.errors import UserError
from cnnzoo.models.runtimes.contract import Contract
from cnnzoo.regular_files import read_regular
from cnnzoo.text import size_text

PACKAGE = "onnxruntime-web"
CODE = "dist/ort.wasm.bundle.min.mjs"  # without the code for graphics processors
WASM = "dist/ort-wasm-simd-threaded.wasm"
MAX_RUNTIME_BYTES = 1 << 27
# A browser holds the model as text, then packed, then unpacked, and the runtime copies it.
MAX_MODEL_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class WebRuntime:
    """The version of ONNX Runtime Web, its JavaScript and its WebAssembly."""

    version: str
    code: bytes
    wasm: bytes


def read_web_runtime(folder: Path, contract: Contract) -> WebRuntime:
    """Read npm's package onnxruntime-web in a folder, such as `node_modules/onnxruntime-web`.

    Raises UserError if it is not there, or if the image files of the model have a pixel range:
    browsers decode all images to 8 bits.
    """
    if contract.pixel_range:
        raise UserError(
            "a page cannot apply data.pixel_range: browsers decode images to 8 bits",
            hint="omit --web-runtime",
        )
    hint = f"npm install {PACKAGE}, then --web-runtime node_modules/{PACKAGE}"
    try:
        described = json.loads(read_regular(folder / "package.json", 1 << 20))
        if described["name"] != PACKAGE:
            raise UserError(f"{folder} is not the npm package {PACKAGE}", hint=hint)
        version = str(described["version"])[:50]
        code, wasm = (read_regular(folder / part, MAX_RUNTIME_BYTES) for part in (CODE, WASM))
    except OSError as error:
        missing = Path(error.filename or folder)
        raise UserError(f"{missing} cannot be read: {error.strerror}", hint=hint) from error
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{folder / 'package.json'} is damaged", hint=hint) from None
    return WebRuntime(version, code, wasm)


def web_page(
    runtime: WebRuntime,
    model: bytes,
    contract: Contract,
    golden: list[dict[str, Any]],
    batch: int | None = None,
) -> str:
    """The text of a page with an ONNX model, its runtime and golden examples.

    Raises UserError for a model that is too large for a browser.
    """
    if len(model) > MAX_MODEL_BYTES:
        raise UserError(
            f"a page with a model of {size_text(len(model))} is too large for browsers; the limit "
            f"is {size_text(MAX_MODEL_BYTES)}",
            hint="omit --web-runtime, or try --precision float16 or int8",
        )
    parts = files(__package__)
    script = "".join(parts.joinpath(name).read_text("utf-8") for name in ("resize.js", "page.js"))
    return Template(parts.joinpath("page.html").read_text("utf-8")).substitute(
        name=escape(contract.name),
        version=escape(runtime.version),
        contract=_json(contract.plain() | {"batch": batch}),
        golden=_json(golden),
        runtime=_packed(runtime.code),
        wasm=_packed(runtime.wasm),
        model=_packed(model),
        script=script,
    )


def _json(value: Any) -> str:
    """JSON that cannot end the element of HTML that holds it."""
    return json.dumps(value).replace("<", "\\u003c")


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode("ascii")
