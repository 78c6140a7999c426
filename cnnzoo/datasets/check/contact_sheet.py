"""Draw the pictures of all findings into one image: a grid for each kind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from PIL import Image, ImageDraw, ImageFont

from cnnzoo.datasets.check.diagnosis import Diagnosis, Finding
from cnnzoo.datasets.check.pictures import Pictures
from cnnzoo.text import printable

TILE = 96  # pixels per side
COLUMNS = 10
MAX_TILES = 4 * COLUMNS  # of one kind

_GAP = 6
_LINE = 13
_CAPTION = 2 * _LINE
_HEADING = 2 * _LINE
_FONT_SIZE = 11
_LETTERS = 16  # that fit below a tile

_WHITE, _BLACK, _DIM, _PALE = "white", "black", "#666666", "#dddddd"


def contact_sheet(diagnosis: Diagnosis) -> Image.Image:
    """Draw the first MAX_TILES pictures of each kind, as the model's input, with name and class.

    The original of a copy is drawn before it. A label that is probably wrong is drawn with the
    suggested one. A file that cannot be read is an empty tile with the reason.
    """
    font = ImageFont.load_default(_FONT_SIZE)
    parts = [
        (finding, tiles)
        for finding in diagnosis.findings
        if (tiles := list(islice(_tiles(finding, diagnosis.pictures), MAX_TILES)))
    ]
    height = sum(_HEADING + _rows(len(tiles)) * _row_height() for _, tiles in parts) or _HEADING
    sheet = Image.new("RGB", (COLUMNS * (TILE + _GAP) + _GAP, height + _GAP), _WHITE)
    draw = ImageDraw.Draw(sheet)
    if not parts:
        draw.text((_GAP, _GAP), "no pictures to show", _BLACK, font)
    top = 0
    for finding, tiles in parts:
        heading = f"{finding.about.level}: {finding.kind}, {finding.count:,}: {finding.message}"
        draw.text((_GAP, top + _GAP), _plain(heading), _BLACK, font)
        top += _HEADING
        for number, (image, lines) in enumerate(tiles):
            row, column = divmod(number, COLUMNS)
            corner = (_GAP + column * (TILE + _GAP), top + row * _row_height())
            _draw_tile(sheet, draw, corner, image, lines, font)
        top += _rows(len(tiles)) * _row_height()
    return sheet


def _tiles(
    finding: Finding, pictures: Pictures
) -> Iterator[tuple[Image.Image | None, tuple[str, str]]]:
    """Yield the picture, if there is one, and two lines of text for each tile of a finding."""
    shown: set[int] = set()
    for offender in finding.offenders:
        if offender.index is None:
            if finding.kind == "unreadable":
                yield None, (offender.name, offender.reason)
            continue
        for index in (offender.copy_of, offender.index):
            if index is not None and index not in shown:
                shown.add(index)
                note = f"{pictures.class_of(index)}, {pictures.split_of(index)}"
                if offender.suggested is not None:
                    note = _change(pictures.class_of(index), offender.suggested)
                yield pictures.image(index), (pictures.names[index], note)


def _draw_tile(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    image: Image.Image | None,
    lines: tuple[str, str],
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> None:
    left, top = corner
    draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), outline=_PALE)
    if image:
        scale = TILE / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        tile = image.resize(size, Image.Resampling.BILINEAR)
        sheet.paste(tile, (left + (TILE - size[0]) // 2, top + (TILE - size[1]) // 2))
    else:
        draw.line((left, top, left + TILE, top + TILE), _PALE)
        draw.line((left, top + TILE, left + TILE, top), _PALE)
    name, note = (_plain(line) for line in lines)
    end = name if len(name) <= _LETTERS else f"~{name[1 - _LETTERS :]}"
    draw.text((left, top + TILE), end, _BLACK, font)
    draw.text((left, top + TILE + _LINE), note[:_LETTERS], _DIM, font)


def _change(given: str, suggested: str) -> str:
    """Return the two classes on one line, each cut if both do not fit."""
    room = _LETTERS - len(" -> ")
    own = given[: max(room // 2, room - len(suggested))]
    return f"{own} -> {suggested[: room - len(own)]}"


def _plain(text: str) -> str:
    """Return text on one line, with letters that every font has."""
    return printable(text).encode("latin-1", "replace").decode("latin-1")


def _rows(tiles: int) -> int:
    return -(-tiles // COLUMNS)


def _row_height() -> int:
    return TILE + _CAPTION + _GAP
