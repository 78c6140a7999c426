from __future__ import annotations

import base64
import io
import itertools
import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, chromium
from exported_models import CLASSES, SHAPE, contract, export_small, small_model
from PIL import Image

from cnnzoo.config.data import Resize
from cnnzoo.datasets.images.fit import Fit, as_image, fit_image
from cnnzoo.errors import UserError
from cnnzoo.evaluation.predict import predict
from cnnzoo.exporting.web import page as web
from cnnzoo.exporting.web.page import WebRuntime, read_web_runtime, web_page

RUNTIME = os.environ.get("CNNZOO_TEST_WEB_RUNTIME")

in_chromium = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium: apt install chromium")
with_runtime = pytest.mark.skipif(
    not (CHROMIUM and RUNTIME),
    reason="needs Chromium, and CNNZOO_TEST_WEB_RUNTIME=node_modules/onnxruntime-web",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


def pictures(channels: int) -> list[np.ndarray]:
    """Noise of many sizes, also of one pixel."""
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (1, 40), (12, 16), (12, 31), (9, 16), *rng.integers(2, 60, (12, 2)).tolist()]
    return [rng.integers(0, 256, (*size, channels)).astype(np.uint8) for size in sizes]


@in_chromium
@pytest.mark.parametrize("channels", [1, 3])
def test_the_page_resizes_as_cnnzoo(channels, browser):
    script = Path(web.__file__).with_name("resize.js").read_text()
    browser.run(f"globalThis.fitImage = (() => {{ {script}; return fitImage; }})(); 0")
    images = pictures(channels)
    plain = [
        {"width": image.shape[1], "height": image.shape[0], "pixels": image.ravel().tolist()}
        for image in images
    ]
    browser.run(f"globalThis.images = {json.dumps(plain)}; 0")
    for method, interpolation in itertools.product(
        ["stretch", "crop", "pad"], ["nearest", "bilinear", "bicubic", "lanczos"]
    ):
        resize = Resize(method=method, interpolation=interpolation)
        arguments = f"16, 12, {channels}, {json.dumps(resize.plain())}"
        given = browser.run(
            f"images.map(image => ({{...image, pixels: Uint8Array.from(image.pixels)}}))"
            f".map(image => [...fitImage(image, {arguments}).pixels])"
        )
        fit = Fit.of((12, 16, channels), resize)
        for image, pixels in zip(images, given, strict=True):
            expected = fit_image(as_image(image), fit)
            assert expected.ravel().tolist() == pixels, (method, interpolation, image.shape)


def save_pictures(folder: Path) -> list[Path]:
    """Image files of the kinds that a browser decodes; their colors change slowly."""
    rng = np.random.default_rng(5)
    paths = []
    for number, (suffix, turned, size) in enumerate(
        [
            ("png", 1, (8, 8)),
            ("png", 1, (50, 31)),
            ("bmp", 1, (7, 90)),
            ("gif", 1, (20, 20)),
            ("webp", 1, (33, 17)),
            ("jpg", 1, (40, 30)),
            ("jpg", 6, (40, 30)),
            ("jpg", 3, (301, 200)),
            ("transparent.png", 1, (20, 30)),
            ("gray.png", 1, (25, 19)),
            ("16.png", 1, (22, 40)),
        ]
    ):
        coarse = rng.integers(0, 256, (3, 3, 3)).astype(np.uint8)
        image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        exif = Image.Exif()
        exif[0x0112] = turned
        if suffix == "transparent.png":
            image.putalpha(image.convert("L"))
        elif suffix == "gray.png":
            image = image.convert("L")
        elif suffix == "16.png":
            image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
        path = folder / f"{number:02}.{suffix}"
        options = {"quality": 95} if suffix == "jpg" else {}
        if suffix == "webp":
            options = {"lossless": True}
        image.save(path, exif=exif, **options)
        paths.append(path)
    return paths


def status_after(browser, unfinished: str) -> str:
    for _ in range(600):
        status = browser.run("document.getElementById('status').textContent")
        if status != unfinished:
            return status
        time.sleep(0.1)
    return unfinished


@with_runtime
@pytest.mark.slow
@pytest.mark.parametrize(
    ("batch", "precision", "resize"),
    [(None, "float32", Resize()), (4, "int8", Resize(method="crop", interpolation="lanczos"))],
)
def test_the_page_gives_the_labels_of_cnnzoo(batch, precision, resize, browser, tmp_path):
    import onnx

    model = small_model()
    path = export_small(tmp_path, "onnx", precision, batch, model)
    described = contract(resize=resize, precision=precision)
    changed = onnx.load(path)
    changed.metadata_props[0].value = described.text()
    onnx.save(changed, path)
    files = save_pictures(tmp_path)
    expected = list(predict(path, files))
    golden = [
        {"png": base64.b64encode(png_of(file, described)).decode(), "probabilities": list(p)}
        for file, p in ((each.path, each.probabilities.values()) for each in expected)
    ]
    page = tmp_path / "model.onnx.html"
    runtime = read_web_runtime(Path(RUNTIME), described)
    page.write_text(web_page(runtime, path.read_bytes(), described, golden, batch))

    browser.events.clear()
    browser.open(page)
    assert status_after(browser, "Loading the model") == "Ready"
    browser.run("document.getElementById('check').click()")
    checked = status_after(browser, "Checking")
    labels, difference = re.fullmatch(
        r"(\d+ of \d+) labels as Keras; probabilities differ by at most (\S+)", checked
    ).groups()
    assert labels == "11 of 11"
    assert float(difference) < 1e-5

    root = browser.ask("DOM.getDocument")["root"]["nodeId"]
    node = browser.ask("DOM.querySelector", nodeId=root, selector="#files")["nodeId"]
    browser.ask("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])
    assert status_after(browser, "Classifying") == "Done"
    shown = browser.run(
        "[...document.querySelectorAll('figcaption')].map(each => each.innerText.trim())"
    )
    assert len(shown) == len(files)
    for text, file, prediction in zip(shown, files, expected, strict=True):
        (best, most), *_ = prediction.top(1)
        name, first, *_ = [line for line in text.splitlines() if line.strip()]
        label, _, percent = first.partition(": ")
        assert (name, label) == (file.name, best)
        assert float(percent.rstrip(" %")) / 100 == pytest.approx(most, abs=0.02), file.name
    assert len({text.splitlines()[-1] for text in shown}) > 1
    requested = browser.sent("Network.requestWillBeSent")
    assert {each["request"]["url"].partition(":")[0] for each in requested} <= {"file", "blob"}
    assert not browser.sent("Log.entryAdded", "Runtime.exceptionThrown")


def png_of(path, described) -> bytes:
    from cnnzoo.datasets.images.decode import decode_file

    pixels = decode_file(path, Fit.of(SHAPE, described.resize))
    file = io.BytesIO()
    as_image(pixels).save(file, "PNG")
    return file.getvalue()


def test_names_are_text_and_nothing_is_loaded(tmp_path):
    hostile = "</script><script>alert(1)</script>"
    described = contract(name="<b>", class_names=(*CLASSES[:2], hostile))
    text = web_page(WebRuntime("<i>", b"code", b"wasm"), b"model", described, [])
    assert "alert(1)" in text
    assert text.count("<script") == text.count("</script>") == 6
    assert "<b>" not in text
    assert "<i>" not in text
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (None, r"package\.json cannot be read: No such file"),
        ("{", r"package\.json is damaged"),
        ('{"name": "onnxruntime-node", "version": "1"}', "is not the npm package onnxruntime-web"),
        ('{"name": "onnxruntime-web", "version": "1"}', r"min\.mjs cannot be read: No such file"),
    ],
)
def test_a_folder_without_the_runtime_is_refused(described, message, tmp_path):
    if described:
        (tmp_path / "package.json").write_text(described)
    with pytest.raises(UserError, match=message) as failure:
        read_web_runtime(tmp_path, contract())
    assert "npm install onnxruntime-web" in str(failure.value)


def test_what_a_browser_cannot_do_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"cannot apply data\.pixel_range"):
        read_web_runtime(tmp_path, contract(pixel_range=(0, 4095)))
    monkeypatch.setattr(web, "MAX_MODEL_BYTES", 3)
    with pytest.raises(UserError, match="too large for browsers"):
        web_page(WebRuntime("1", b"", b""), b"model", contract(), [])
