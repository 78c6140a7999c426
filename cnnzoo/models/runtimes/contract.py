"""Input contract of an exported model, as JSON in the file: classes, image shape and resizing."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from cnnzoo.config.data import PixelRange, Resize
from cnnzoo.config.section import Section
from cnnzoo.errors import CnnzooError, RunError
from cnnzoo.models.objects import first_line
from cnnzoo.models.saved import ClassNames

KEY = "cnnzoo"  # name of the metadata entry in every format
VERSION: Literal[1] = 1
MAX_BYTES = 1 << 20  # ten thousand class names of a hundred bytes
MAX_PIXELS = 1 << 26  # values of one image
PRECISIONS = ("float32", "float16", "int8")


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Contract(Section):
    """The information that a program needs to use an exported model.

    The input is uint8 [batch, height, width, channels], an RGB or gray image as an image library
    decodes it, with values from 0 to 255. The output is float32 [batch, classes], the class
    probabilities; of two classes it may be [batch, 1], the probability of the second class.
    """

    version: Literal[1] = VERSION
    name: Annotated[str, Field(min_length=1, max_length=200)]
    class_names: ClassNames
    input_shape: Annotated[tuple[int, int, int], BeforeValidator(_tuple)]
    resize: Resize = Field(default_factory=Resize)
    pixel_range: PixelRange | None = None  # of image files, if black and white are not 0 and 255
    precision: Literal["float32", "float16", "int8"] = "float32"
    cnnzoo: Annotated[str, Field(max_length=50)]

    @field_validator("input_shape")
    @classmethod
    def _is_an_image(cls, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        height, width, channels = shape
        if min(height, width) < 1 or channels not in (1, 3):
            raise ValueError("must be [height, width, 1] or [height, width, 3]")
        if height * width * channels > MAX_PIXELS:
            raise ValueError(f"has more than {MAX_PIXELS:,} values")
        return shape

    def text(self) -> str:
        """The contract as JSON, in ASCII: some formats store bytes, others text."""
        return json.dumps(self.plain())


def read_contract(text: str | bytes | None, where: str) -> Contract:
    """The contract in a JSON text; `where` names the file in messages.

    Raises RunError if there is none, or it is damaged, too long or from a newer cnnzoo.
    """
    if text is None:
        raise RunError(
            f"{where} does not name its classes or describe its input: cnnzoo did not export it",
            hint="export the Keras model with cnnzoo export",
        )
    if len(text) > MAX_BYTES:
        raise RunError(f"{where} is damaged: its metadata are larger than {MAX_BYTES >> 20} MiB")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise RunError(f"{where} is damaged: its metadata are not JSON") from None
    version = values.get("version") if isinstance(values, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise RunError(
            f"{where} was exported by a newer cnnzoo: its metadata have version {version}, and "
            f"this cnnzoo reads version {VERSION}",
            hint="update cnnzoo",
        )
    try:
        return Contract(**values)
    except (CnnzooError, TypeError) as error:
        raise RunError(
            f"{where} is damaged: its metadata: {first_line(error)}", hint="export the model again"
        ) from None
