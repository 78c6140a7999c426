from __future__ import annotations

import numpy as np
import pytest
from exported_models import contract
from PIL import Image

from cnnzoo.datasets.images.decode import decode_file
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.exporting.example import example_script
from cnnzoo.exporting.formats import FORMATS
from cnnzoo.models.runtimes.contract import Contract


def decoder(described: Contract):
    """The function of the script that decodes a file."""
    script: dict[str, object] = {"__name__": "script", "__file__": "model.onnx.py"}
    exec(example_script("onnx", "model.onnx", described), script)  # noqa: S102 - it is ours
    return script["decode"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Images of many sizes and kinds, with pixels from 0 to 200."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    paths = []
    for number in range(24):
        coarse = rng.integers(0, 200, (5, 5, 3)).astype(np.uint8)
        size = tuple(map(int, rng.integers(6, 90, 2)))
        image = Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR)
        path = folder / f"{number:02}"
        if number % 4 == 0:
            exif = Image.Exif()
            exif[0x0112] = number // 3 + 1
            path = path.with_suffix(".jpg")
            image.save(path, quality=95, exif=exif)
        elif number % 4 == 1:
            path = path.with_suffix(".png")
            gray = np.asarray(image.convert("L")).astype(np.uint16)
            Image.fromarray(gray).save(path)
        elif number % 4 == 2:
            path = path.with_suffix(".png")
            image.putalpha(image.convert("L"))
            image.save(path)
        else:
            path = path.with_suffix(".bmp")
            image.convert("L").save(path)
        paths.append(path)
    return paths


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("method", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(
    ("interpolation", "pixel_range"),
    [("bilinear", None), ("lanczos", None), ("nearest", None), ("bilinear", (0.0, 255.0))],
)
def test_the_script_decodes_as_cnnzoo(channels, method, interpolation, pixel_range, files):
    described = contract(
        input_shape=(12, 16, channels),
        resize={"method": method, "interpolation": interpolation},
        pixel_range=pixel_range,
    )
    decode = decoder(described)
    fit = Fit.of(described.input_shape, described.resize, described.pixel_range)
    for path in files:
        difference = np.abs(decode(path).astype(int) - decode_file(path, fit).astype(int))
        assert difference.max() <= (2 if path.suffix == ".jpg" else 0), path


@pytest.mark.parametrize("form", FORMATS)
def test_the_script_of_each_format_is_python(form):
    strange = contract(class_names=("'''", "$x\n", '"\\'))
    compile(example_script(form, "model'.onnx", strange, batch=3), "script", "exec")
