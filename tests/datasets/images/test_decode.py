from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from cnnzoo.datasets.images import decode as decoding
from cnnzoo.datasets.images import limits
from cnnzoo.datasets.images.decode import (
    FORMATS,
    UnreadableError,
    decode_file,
    no_warnings,
    upright_size,
)
from cnnzoo.datasets.images.fit import Fit, fit_image

RNG = np.random.default_rng(0)
GRAY, COLOUR = Fit((24, 32, 1)), Fit((24, 32, 3))


def decode(content, fit=COLOUR):
    with no_warnings():
        return decoding.decode(content, fit)


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def noise(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


def photo(height=24, width=32):
    """A smooth picture, which a JPEG keeps nearly as it is."""
    y, x = np.mgrid[:height, :width]
    planes = [255 * x / width, 255 * y / height, 127 + 100 * np.sin(x / width * 3)]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


def without_alpha(image):
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA"))


# Every format


# Format → how to save it without loss, and the modes that it stores.
LOSSLESS = {
    "BMP": ({}, ("1", "L", "P", "RGB")),
    "GIF": ({}, ("1", "L", "P")),
    "PNG": ({}, ("1", "L", "LA", "P", "RGB", "RGBA")),
    "TIFF": ({}, ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")),
    "WEBP": ({"lossless": True}, ("L", "RGB")),
}


@pytest.mark.parametrize(
    ("format", "mode"), [(format, mode) for format in LOSSLESS for mode in LOSSLESS[format][1]]
)
def test_lossless_formats_keep_every_pixel(format, mode):
    alpha = mode.endswith("A")
    image = Image.fromarray(noise(24, 32, 4)).convert("RGBA" if alpha else "RGB").convert(mode)
    content = saved(image, format, **LOSSLESS[format][0])
    expected = (without_alpha(image) if alpha else image).convert("RGB")
    assert np.array_equal(decode(content), np.asarray(expected))
    assert np.array_equal(decode(content, GRAY)[..., 0], np.asarray(expected.convert("L")))


@given(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]),
    st.integers(1, 60),
    st.integers(1, 60),
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])),
    st.sampled_from(["stretch", "crop", "pad"]),
)
@settings(max_examples=60)
def test_any_png_becomes_what_the_model_takes(mode, height, width, shape, method):
    if mode == "I;16":
        image = Image.fromarray(RNG.integers(0, 65536, (height, width), np.uint16))
    else:
        image = Image.fromarray(noise(height, width, 4)).convert("RGB").convert(mode)
    pixels = decode(saved(image, "PNG"), Fit(shape, method))
    assert pixels.shape == shape
    assert pixels.dtype == np.uint8
    if shape[:2] == (height, width):
        assert np.array_equal(pixels, fit_image(image, Fit(shape)))


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_suffix_names_a_format_that_can_be_read(suffix):
    assert decode(saved(photo(), FORMATS[suffix])).shape == (24, 32, 3)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_is_the_picture(options, channels):
    pixels = decode(saved(photo(), "JPEG", quality=95, **options), Fit((24, 32, channels)))
    expected = fit_image(photo(), Fit((24, 32, channels)))
    assert np.abs(pixels.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("size", [(100, 100), (333, 250), (800, 1200), (64, 900)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("method", ["stretch", "crop", "pad"])
def test_a_jpeg_shrunk_in_its_decoder_is_the_picture(size, interpolation, method):
    fit = Fit((40, 40, 3), method, interpolation)
    pixels = decode(saved(photo(*size), "JPEG", quality=95), fit)
    assert np.abs(pixels.astype(int) - fit_image(photo(*size), fit)).mean() < 3


def test_a_jpeg_of_cmyk_is_the_picture():
    image = photo().convert("CMYK")
    assert np.abs(decode(saved(image, "JPEG", quality=95)).astype(int) - photo()).mean() < 4


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_gray_is_its_upper_8_bits(format):
    gray = noise(24, 32)
    content = saved(Image.fromarray(gray.astype(np.uint16) * 257), format)
    assert np.array_equal(decode(content, GRAY)[..., 0], gray)
    assert np.array_equal(decode(content)[..., 2], gray)


def test_16_bit_colour_in_a_png_is_its_upper_8_bits():
    colour = noise(24, 32, 3)
    assert np.array_equal(decode(png16(colour)), colour)


@pytest.mark.parametrize("order", "<>")
def test_16_bit_colour_in_a_tiff_is_its_upper_8_bits(order):
    colour = noise(24, 32, 3)
    assert np.array_equal(decode(tiff16(colour, order)), colour)


def png(width, height, depth, kind, rows=b""):
    def chunk(name, data):
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def png16(colour):
    wide = (colour.astype(np.uint16) * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    return png(colour.shape[1], colour.shape[0], 16, 2, rows)


def tiff(order, tags, data=b""):
    """A TIFF of one strip: `tags` are {number: value}, all LONG but those that are tuples."""
    at = 8
    blob, entries = data, []
    for number, value in sorted({273: at, 279: len(data), **tags}.items()):
        if isinstance(value, tuple):
            entries.append(struct.pack(order + "HHII", number, 3, len(value), at + len(blob)))
            blob += struct.pack(f"{order}{len(value)}H", *value)
        else:
            entries.append(struct.pack(order + "HHII", number, 4, 1, value))
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at + len(blob))
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return header + blob + directory


def tiff16(colour, order):
    height, width, _ = colour.shape
    tags = {256: width, 257: height, 258: (16, 16, 16), 259: 1, 262: 2, 277: 3, 278: height}
    return tiff(order, tags, (colour.astype(np.uint16) * 257).astype(order + "u2").tobytes())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_transparent_colour_of_a_png_shows_white(mode, channels):
    image = Image.new(mode, (32, 24))
    key = (0, 0, 0) if mode == "RGB" else 0
    content = saved(image, "PNG", transparency=key)
    assert (decode(content, Fit((24, 32, channels))) == 255).all()


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_several_frames_the_first_is_taken(format):
    frames = [Image.new("RGB", (32, 24), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if format == "WEBP" else {}
    content = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert set(map(tuple, decode(content).reshape(-1, 3))) == {(255, 0, 0)}


# Orientation


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(format, orientation):
    upright = Image.new("RGB", (32, 24), "black")
    ImageDraw.Draw(upright).rectangle([0, 0, 15, 11], fill="white")  # the upper left corner
    ImageDraw.Draw(upright).rectangle([16, 0, 31, 11], fill="gray")  # the upper right one
    stored = {
        1: lambda image: image,
        2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda image: image.rotate(180),
        4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
        6: lambda image: image.rotate(90, expand=True),
        7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
        8: lambda image: image.rotate(-90, expand=True),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(stored, format, exif=exif)
    assert np.abs(decode(content).astype(int) - np.asarray(upright)).mean() < 8


@pytest.mark.parametrize("between", [b"\xff", b"\xff" * 99, b"\0", b"junk\xff\0\xff"])
def test_bytes_between_the_segments_of_a_jpeg_do_not_hide_its_orientation(between):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(photo(), "JPEG", quality=95, exif=exif)
    assert not np.array_equal(decode(content), decode(saved(photo(), "JPEG", quality=95)))
    for segment in (b"\xff\xe1", b"\xff\xdb"):
        at = content.index(segment)
        padded = content[:at] + between + content[at:]
        assert np.array_equal(decode(padded), decode(content))


def test_a_very_long_run_of_fill_bytes_is_skipped_at_once():
    content = saved(photo(), "JPEG")
    padded = content[:2] + b"\xff" * 20_000_000 + content[2:]
    started = time.process_time()
    assert np.array_equal(decode(padded), decode(content))
    assert time.process_time() - started < 2


def test_a_large_turned_jpeg_is_the_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(photo(600, 200).rotate(90, expand=True), "JPEG", quality=95, exif=exif)
    expected = fit_image(photo(600, 200), Fit((60, 20, 3)))
    assert np.abs(decode(content, Fit((60, 20, 3))).astype(int) - expected).mean() < 3


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none_says_nothing(value):
    exif = Image.Exif()
    exif[0x0112] = value
    content = saved(photo(), "JPEG", quality=95, exif=exif)
    assert np.array_equal(decode(content), decode(saved(photo(), "JPEG", quality=95)))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_damaged_metadata_say_nothing(format):
    damaged = b"Exif\0\0II*\0\xff\xff\xff\xff"
    content = saved(photo(), format, exif=damaged)
    assert np.array_equal(decode(content), decode(saved(photo(), format)))


# What is no image


def reason_of(content, fit=COLOUR):
    with pytest.raises(UnreadableError) as failed:
        decode(content, fit)
    return str(failed.value)


def test_a_page_saved_as_a_picture_is_shown():
    reason = reason_of(b"<!DOCTYPE html><html><body>404</body></html>")
    assert reason == "is not an image in a known format, but a web page or SVG"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_is_unreadable(format, share):
    content = saved(Image.fromarray(noise(60, 80, 3)), format)
    reason_of(content[: int(len(content) * share)])


def test_a_jpeg_whose_cut_was_closed_is_unreadable():
    content = saved(Image.fromarray(noise(60, 80, 3)), "JPEG")
    assert "pixels are missing" in reason_of(content[: len(content) // 2] + b"\xff\xd9")


JPEGS = {
    "baseline": ("RGB", {}),
    "gray": ("L", {}),
    "progressive": ("RGB", {"progressive": True}),
    "cmyk": ("CMYK", {}),
    "progressive cmyk": ("CMYK", {"progressive": True}),
    "restart markers": ("RGB", {"restart_marker_rows": 1}),
    "rgb": ("RGB", {"keep_rgb": True}),
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_that_lacks_only_its_end_marker_has_all_its_pixels(kind, missing):
    mode, options = JPEGS[kind]
    content = saved(photo(60, 80).convert(mode), "JPEG", **options)
    assert content.endswith(b"\xff\xd9")
    assert np.array_equal(decode(content[:-missing]), decode(content))


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
def test_a_jpeg_that_lacks_more_than_its_end_marker_is_unreadable(kind, end):
    mode, options = JPEGS[kind]
    # Always the same pixels: a progressive file that is cut exactly between two scans, and ends, is
    # a legal file of fewer scans.
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    content = saved(Image.fromarray(pixels).convert(mode), "JPEG", **options)
    for missing in (8, 40, len(content) // 2):
        reason_of(content[:-missing] + end)


def test_a_progressive_jpeg_that_ends_between_two_scans_is_unreadable():
    content = saved(photo(60, 80), "JPEG", progressive=True)
    last_scan = content.rindex(b"\xff\xda")
    huffman_table = content.rindex(b"\xff\xc4", 0, last_scan)
    for cut in (last_scan, huffman_table):
        assert "pixels are missing" in reason_of(content[:cut])


def test_a_jpeg_with_something_behind_it_is_whole():
    content = saved(photo(), "JPEG")
    assert np.array_equal(decode(content + b"\0" * 100), decode(content))


VALID = {format: saved(photo(), format) for format in (*LOSSLESS, "JPEG")}


@given(st.sampled_from(sorted(VALID)), st.data())
@settings(max_examples=400)
def test_damaged_bytes_are_a_picture_or_unreadable(format, data):
    content = bytearray(VALID[format])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(UnreadableError):
        assert decode(bytes(content)).shape == (24, 32, 3)


# Bombs


LARGE = 50_000


def jpeg_header(width, height):
    content = bytearray(saved(photo(), "JPEG"))
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_header(width, height):
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4)
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


BOMBS = {
    "PNG": png(LARGE, LARGE, 8, 2),
    "GIF": b"GIF89a" + struct.pack("<HH", LARGE, LARGE) + VALID["GIF"][10:],
    "BMP": VALID["BMP"][:18] + struct.pack("<ii", LARGE, LARGE) + VALID["BMP"][26:],
    "JPEG": jpeg_header(LARGE, LARGE),
    "TIFF": tiff("<", {256: LARGE, 257: LARGE, 258: 8, 259: 1, 262: 1, 277: 1, 278: LARGE}),
    "TIFF tile": tiff(
        "<",
        {
            **{256: 32, 257: 24, 258: 8, 259: 5, 262: 1, 277: 1},
            **{322: LARGE, 323: LARGE, 324: 8, 325: 100},
        },
        bytes(100),
    ),
    "WEBP": webp_header(LARGE, LARGE),
    "WEBP 16383": webp_header(16383, 16383),
}


@pytest.mark.parametrize("format", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(format):
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert f"more than {limits.MAX_PIXELS:,}" in reason_of(BOMBS[format])
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 50_000  # kB; decoded, each would take some GB


def with_scans(content, more):
    """Repeat the last scan, which only refines the pixels."""
    scan = content[content.rindex(b"\xff\xda") : content.rindex(b"\xff\xd9")]
    at = content.rindex(b"\xff\xd9")
    return content[:at] + scan * more + content[at:]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_large_jpeg_of_very_many_scans_is_refused(mode):
    content = saved(photo(2000, 2000).convert(mode), "JPEG", progressive=True)
    assert decode(content).shape == COLOUR.shape
    assert reason_of(with_scans(content, limits.MAX_SCANS)) == "has more than 100 scans"


def test_a_large_tiff_with_a_jpeg_of_very_many_scans_is_refused():
    size = 1000
    scan = saved(photo(size, size), "JPEG", progressive=True)
    many = with_scans(scan, limits.MAX_SCANS)
    tags = {256: size, 257: size, 258: (8, 8, 8), 259: 7, 262: 6, 277: 3, 278: size}
    reason_of(tiff("<", tags, many))


def test_a_tiff_of_many_jpeg_strips_is_the_picture():
    image = photo(2000, 1000)
    content = saved(image, "TIFF", compression="jpeg", tiffinfo={278: 8})
    assert content.count(b"\xff\xda") >= 250
    fit = Fit((40, 20, 3))
    assert np.abs(decode(content, fit).astype(int) - fit_image(image, fit)).mean() < 3


# The limit is an address space of 2 GB more than the process has before it decodes.
LIMITED = """
import resource, sys
from pathlib import Path
from cnnzoo.datasets.images.decode import decode_file, UnreadableError
from cnnzoo.datasets.images.fit import Fit

pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 2_000_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in sys.argv[1:]:
    try:
        print(decode_file(path, Fit((64, 64, 3))).shape)
    except UnreadableError as error:
        print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP", "TIFF", "JPEG", "JPEG CMYK", "PNG 16"])
def test_an_image_at_the_limit_of_pixels_takes_less_than_2_gb(tmp_path, format):
    if not Path("/proc/self/statm").exists():
        pytest.skip("this system has no /proc")
    size = (10_000, 10_000)
    image = {
        "GIF": lambda: Image.new("P", size),
        "JPEG": lambda: Image.new("RGB", size),
        "JPEG CMYK": lambda: Image.new("CMYK", size),
        "PNG 16": lambda: Image.new("I;16", size, 4000),
    }.get(format, lambda: Image.new("RGBA", size, (1, 2, 3, 4)))()
    options = {
        "JPEG": {"progressive": True},
        "JPEG CMYK": {"progressive": True},
        "TIFF": {"compression": "tiff_lzw"},
        "WEBP": {"lossless": True, "method": 0},
    }.get(format, {})
    image.save(tmp_path / "image", format.split()[0], **options)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "image")],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout == "(64, 64, 3)\n", done.stderr


# Files


def test_a_file_is_read_by_any_name(tmp_path):
    content = saved(photo(), "PNG")
    for name in ("a\nb.png", "ü 图.png", os.fsdecode(b"\xff\xfe.png"), "-rf.png", "%s.png"):
        path = f"{tmp_path}/{name}"
        Path(path).write_bytes(content)
        assert np.array_equal(decode_file(path, COLOUR), np.asarray(photo()))


def unreadable(path):
    with pytest.raises(UnreadableError) as failed:
        decode_file(path, COLOUR)
    return str(failed.value)


def test_what_is_no_file_is_unreadable_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "nowhere.jpg").symlink_to("gone")
    (tmp_path / "itself.jpg").symlink_to("itself.jpg")
    (tmp_path / "empty.jpg").touch()
    assert unreadable(tmp_path / "fifo.jpg") == "is not a regular file"
    assert unreadable(tmp_path / "folder.jpg") == "is a directory"
    assert unreadable(tmp_path / "device.jpg") == "is not a regular file"
    assert unreadable(tmp_path / "nowhere.jpg") == "cannot be read: No such file or directory"
    assert "symbolic links" in unreadable(tmp_path / "itself.jpg")
    assert unreadable(tmp_path / "empty.jpg") == "is empty"
    assert "null byte" in unreadable("a\0b.jpg")


def test_a_file_that_may_not_be_read_is_unreadable(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.write_bytes(saved(photo(), "PNG"))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # chmod says nothing to root
    assert unreadable(path) == "cannot be read: Permission denied"


def test_a_file_that_is_too_large_is_unreadable(tmp_path):
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(limits.MAX_FILE_BYTES + 1)
    assert unreadable(tmp_path / "large.png") == "is larger than 256 MiB"


@pytest.mark.parametrize("name", ["fer2013", "gender_faces"])
def test_no_file_of_the_real_data_is_unreadable(name):
    folder = Path(os.environ.get("CNNZOO_TEST_DATA", "")) / name
    if "CNNZOO_TEST_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("CNNZOO_TEST_DATA names no folder with fer2013 and gender_faces")
    paths = sorted(folder.rglob("*.jpg"))
    assert paths
    assert all(decode_file(path, GRAY).shape == GRAY.shape for path in paths)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_image(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(Image.new("L", (30, 20)), "JPEG", exif=exif)
    assert upright_size(content) == ((20, 30) if orientation < 5 else (30, 20))


def test_the_size_of_a_bomb_is_refused():
    with no_warnings(), pytest.raises(limits.TooManyPixelsError, match="11000x11000 pixels"):
        upright_size(png(11_000, 11_000, 8, 0))
    with pytest.raises(UnreadableError, match="not an image"):
        upright_size(b"text")
