"""Formats of exported models, and the precisions that each of them offers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from cnnzoo.errors import UserError, did_you_mean
from cnnzoo.extras import require
from cnnzoo.text import listed


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    `suffix` ends the file name, `keras` is its name in `keras.Model.export`, and `extra` is the
    extra of cnnzoo that installs `packages`, which convert to it and run it. `parts` are suffixes
    of files that belong to it.
    """

    suffix: str
    keras: str
    extra: str
    packages: tuple[str, ...]
    precisions: tuple[str, ...]
    parts: tuple[str, ...] = ()


FORMATS = {
    "onnx": Format(
        ".onnx",
        "onnx",
        "onnx",
        ("tensorflow", "tf2onnx", "onnx", "onnxruntime"),
        ("float32", "float16", "int8"),
    ),
    "litert": Format(
        ".tflite",
        "litert",
        "litert",
        ("tensorflow", "ai_edge_litert", "ai_edge_quantizer"),
        ("float32", "float16", "int8"),
    ),
    "saved_model": Format(
        ".saved_model", "tf_saved_model", "export", ("tensorflow",), ("float32",)
    ),
    "openvino": Format(
        ".xml",
        "openvino",
        "openvino",
        ("tensorflow", "openvino"),
        ("float32", "float16"),
        (".bin",),
    ),
}


def find_format(name: str, precision: str, opset: int | None = None) -> Format:
    """The format of a name.

    Raises UserError for an unknown format, for a precision or an opset that it does not have, and,
    with the pip command, if a package is missing.
    """
    if name not in FORMATS:
        raise UserError(
            f"unknown format {name!r}{did_you_mean(name, FORMATS)}",
            hint=f"the formats are {listed(FORMATS)}",
        )
    chosen = FORMATS[name]
    if precision not in chosen.precisions:
        others = [each for each, other in FORMATS.items() if precision in other.precisions]
        raise UserError(
            f"{name} has no precision {precision!r}{did_you_mean(precision, chosen.precisions)}",
            hint=f"{name} has {', '.join(chosen.precisions)}"
            + (f"; {precision} needs --format {' or '.join(others)}" if others else ""),
        )
    if opset is not None and name != "onnx":
        raise UserError(f"an opset belongs to ONNX, not to {name}", hint="omit --opset")
    for package in chosen.packages:
        if find_spec(package) is None:
            require(package, chosen.extra)  # raises the error
    return chosen
