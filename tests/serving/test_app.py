from __future__ import annotations

import base64
import io
import json
import struct
import zlib

import numpy as np
import pytest
from exported_models import CLASSES, SHAPE, export_small
from jsonschema import Draft202012Validator
from PIL import Image
from served import form, picture, serving

from cnnzoo import limits
from cnnzoo.evaluation.predict import predict
from cnnzoo.serving import inference
from cnnzoo.serving.served import load

JSON = "application/json"


def probabilities(prediction):
    found = {each["class"]: each["probability"] for each in prediction["probabilities"]}
    return np.array([found[name] for name in CLASSES], np.float32)


def expected(model_file, contents, tmp_path):
    """The probabilities of `cnnzoo predict`."""
    for number, content in enumerate(contents):
        (tmp_path / f"{number:03}.img").write_bytes(content)
    predictions = predict(model_file, sorted(tmp_path.glob("*.img")))
    return np.array([list(each.probabilities.values()) for each in predictions], np.float32)


def in_base64(*contents):
    return json.dumps({"images": [base64.b64encode(each).decode() for each in contents]}).encode()


def turned(content):
    """The same pixels with an EXIF orientation that exchanges height and width."""
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        image.save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["raw", "multipart", "json"])
@pytest.mark.parametrize("make", [picture, lambda *words: turned(picture(*words))])
def test_a_prediction_equals_that_of_the_command(kind, make, server, model_file, tmp_path):
    content = make(1, (20, 11))
    if kind == "raw":
        answer = server.post_image("/predict", content)
    elif kind == "multipart":
        answer = server.post_files("/predict", {"größer.png": content})
    else:
        answer = server.request("POST", "/predict", in_base64(content), Content_Type=JSON)
    assert answer.status == 200, answer.body
    (prediction,) = answer.json["predictions"]
    assert prediction["file"] == ("größer.png" if kind == "multipart" else None)
    values = [each["probability"] for each in prediction["probabilities"]]
    assert values == sorted(values, reverse=True)
    (row,) = expected(model_file, [content], tmp_path)
    assert np.abs(probabilities(prediction) - row).max() < 1e-6


def test_predictions_of_a_whole_batch_are_equal_bit_for_bit(
    server, model_file, tmp_path, monkeypatch
):
    # On a slow machine, decoding 256 images takes longer than a batch waits.
    monkeypatch.setattr(inference, "COLLECT_SECONDS", 60.0)
    contents = [picture(seed, (8 + seed % 3, 9)) for seed in range(256)]
    answer = server.post_files("/predict", {f"{n}.png": each for n, each in enumerate(contents)})
    rows = np.array([probabilities(each) for each in answer.json["predictions"]])
    assert rows.tobytes() == expected(model_file, contents, tmp_path).tobytes()


def test_a_bad_image_among_others_gets_its_own_error(server):
    answer = server.post_files("/predict?top=1", {"a.png": picture(1), "b.txt": b"text"})
    good, bad = answer.json["predictions"]
    assert len(good["probabilities"]) == 1
    assert bad == {"file": "b.txt", "error": "is not an image in a known format"}


@pytest.mark.parametrize("size", [(30, 50), (2000, 1500)])
def test_an_explanation_has_the_shape_of_the_picture(size, server):
    answer = server.post_image("/explain?class=cat", picture(1, size))
    assert answer.status == 200, answer.body
    values = answer.json
    assert values["class"] == "cat"
    shown = {}
    for key in ("picture", "heat"):
        with Image.open(io.BytesIO(base64.b64decode(values[key].partition(",")[2]))) as image:
            shown[key] = (image.size, image.mode)
    if size == (30, 50):
        assert shown == {"picture": ((50, 30), "RGB"), "heat": ((50, 30), "RGBA")}
    else:
        assert shown == {"picture": ((768, 1024), "RGB"), "heat": ((192, 256), "RGBA")}
    assert [stage["shape"] for stage in values["stages"]] == [[6, 6, 4]]
    assert len(values["stages"][0]["maps"]) == 4


def test_every_answer_has_the_form_that_openapi_describes(server):
    paths = server.get("/openapi.json").json["paths"]
    answers = {
        ("/models", "get"): server.get("/models"),
        ("/health", "get"): server.get("/health"),
        ("/predict", "post"): server.post_files("/predict", {"a": picture(1), "b": b"?"}),
        ("/explain", "post"): server.post_image("/explain", picture(1)),
        ("/explain", "post", "bad"): server.post_image("/explain", b"?"),
    }
    for (path, method, *_), answer in answers.items():
        described = paths[path][method]["responses"][str(answer.status)]["content"]
        schema = described["application/json"]["schema"]
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(answer.json)
    for path, methods in paths.items():
        for method in ("GET", "POST"):
            answer = server.request(method, path.replace("{name}", "x"))
            assert (answer.status != 405) == (method.lower() in methods), path


def test_an_exported_model_predicts_but_is_not_explained(model_file, small, tmp_path):
    onnx = load(export_small(tmp_path, "onnx"))
    with serving({"small": small, "onnx": onnx}) as server:
        keras, exported = server.get("/models").json["models"]
        assert (keras["format"], keras["explains"]) == ("keras", True)
        assert (exported["format"], exported["explains"]) == ("onnx", False)
        assert keras["parameters"] == small.classifier.model.count_params()
        assert keras["input"] == dict(zip(("height", "width", "channels"), SHAPE, strict=True))
        rows = [
            probabilities(
                server.post_image(f"/predict?model={name}", picture(3)).json["predictions"][0]
            )
            for name in ("small", "onnx")
        ]
        assert np.abs(rows[0] - rows[1]).max() < 1e-5
        answer = server.post_image("/explain?model=onnx", picture(1))
        assert answer.status == 501
        assert "an exported model has no layers" in answer.json["error"]["message"]


def test_health_metrics_and_page(server):
    assert server.get("/health").json == {"status": "ready"}
    before = server.metric("cnnzoo_batch_images_sum")
    server.post_image("/predict", picture(1))
    assert server.metric("cnnzoo_batch_images_sum") == before + 1
    assert server.metric("cnnzoo_waiting_images") == 0
    page = server.get("/")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert b"/static/main.js" in page.body


def png(width, height, data=b""):
    """A PNG file of gray pixels with a header of any size."""

    def chunk(name, content):
        whole = name + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


GOOD = picture(1)
MULTIPART = form({"a.png": GOOD})

# Name → path, body, content type, and the status of the answer.
FAULTS = {
    "bomb": ("/predict", png(60_000, 60_000, zlib.compress(bytes(10**6))), "image/png", 413),
    "cut off": ("/predict", picture(1, (50, 50))[:-700], "image/png", 422),
    "damaged": ("/predict", png(50, 50, b"damaged"), "image/png", 422),
    "no image": ("/predict", b"%PDF-1.7 text", "application/octet-stream", 415),
    "web page": ("/predict", b"<svg><script>alert(1)</script></svg>", "image/svg+xml", 415),
    "empty": ("/predict", b"", "image/png", 422),
    "no type": ("/predict", GOOD, "", 415),
    "other type": ("/predict", GOOD, "text/plain\x1b", 415),
    "no boundary": ("/predict", MULTIPART[0], "multipart/form-data", 400),
    "wrong boundary": ("/predict", MULTIPART[0], "multipart/form-data; boundary=x", 400),
    "cut multipart": ("/predict", MULTIPART[0][:-20], MULTIPART[1], 400),
    "no file": ("/predict", form({})[0], MULTIPART[1], 400),
    "too many files": ("/predict", *form({str(n): b"x" for n in range(257)}), 413),
    "no JSON": ("/predict", b"{", JSON, 400),
    "deep JSON": ("/predict", b"[" * 100_000, JSON, 400),
    "other JSON": ("/predict", b'{"images": "x"}', JSON, 400),
    "empty JSON": ("/predict", b'{"images": []}', JSON, 400),
    "bad base64": ("/predict", b'{"images": ["not base64!"]}', JSON, 422),
    "no base64": ("/predict", b'{"images": [5]}', JSON, 422),
    "surrogates": ("/predict", b'{"images": ["\\ud800"]}', JSON, 422),
    "no model": ("/predict?model=..%2F..%2Fetc", GOOD, "image/png", 404),
    "bad top": ("/predict?top=-1", GOOD, "image/png", 400),
    "top 0": ("/predict?top=0", GOOD, "image/png", 400),
    "no class": ("/explain?class=%1b[31m", GOOD, "image/png", 404),
    "two explained": ("/explain", *form({"a": GOOD, "b": GOOD}), 400),
    "bomb explained": ("/explain", png(60_000, 60_000), "image/png", 413),
    "no path": ("/../../etc/passwd", GOOD, "image/png", 404),
    "static path": ("/static/..%2F__init__.py", GOOD, "image/png", 404),
    "page": ("/", GOOD, "image/png", 405),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_answered_with_an_error_and_the_next_request_works(name, server):
    path, body, kind, status = FAULTS[name]
    answer = server.request("POST", path, body, **({"Content_Type": kind} if kind else {}))
    assert answer.status == status, answer.body
    error = answer.json["error"]
    assert error["message"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert server.post_image("/predict", GOOD).status == 200
    assert json.dumps(server.log[-2:]).isprintable()


def test_compressed_bodies_are_refused(server):
    assert server.post_image("/predict", GOOD, Content_Encoding="gzip").status == 415


def test_a_body_that_is_too_large_is_refused(server, monkeypatch):
    monkeypatch.setattr(server.service.bodies, "body_bytes", 10_000)
    large = bytes(200_000)
    declared = server.post_image("/predict", large)
    assert declared.status == 413
    assert "larger than 9.8 KiB" in declared.json["error"]["message"]
    chunked = server.request("POST", "/predict", iter([large]), Content_Type="image/png")
    assert chunked.status == 413
    assert server.post_image("/predict", GOOD).status == 200


def test_bodies_together_hold_little_memory(server, monkeypatch):
    monkeypatch.setattr(server.service.bodies, "free", 1000)
    answer = server.post_image("/predict", bytes(2000))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert server.service.bodies.free == 1000
    assert limits.BODIES_BYTES >= limits.BODY_BYTES


def test_nothing_is_written_to_disk(server, monkeypatch):
    def refuse(*words, **options):
        raise AssertionError("a temporary file")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # of a spooled file that grows
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    assert len(file.getvalue()) > 2 * 2**20
    assert server.post_files("/predict", {"large.png": file.getvalue()}).status == 200
