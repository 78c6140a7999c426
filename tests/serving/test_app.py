from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from exported_models import CLASSES, SHAPE, export_small, small_model
from PIL import Image
from served import picture, serving

from cnnzoo.evaluation.classifier import open_classifier
from cnnzoo.evaluation.predict import predict
from cnnzoo.models.saved import described, save_model
from cnnzoo.serving.served import load


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    model = small_model()
    save_model(model, folder / "small.keras", described({"class_names": list(CLASSES)}, "small"))
    return {
        "small": folder / "small.keras",
        "onnx": export_small(folder, "onnx", model=model),
    }


@pytest.fixture(scope="module")
def server(files):
    with serving({name: load(path) for name, path in files.items()}) as served:
        yield served


def probabilities(prediction):
    found = {each["class"]: each["probability"] for each in prediction["probabilities"]}
    return np.array([found[name] for name in CLASSES], np.float32)


def expected(files, contents, tmp_path):
    for number, content in enumerate(contents):
        (tmp_path / f"{number:03}.img").write_bytes(content)
    paths = sorted(tmp_path.glob("*.img"))
    return np.array(
        [list(each.probabilities.values()) for each in predict(files["small"], paths)], np.float32
    )


def test_the_models_are_described(server, files):
    small, onnx = server.get("/models").json["models"]
    assert small["name"] == "small"
    assert small["classes"] == list(CLASSES)
    assert small["input"] == dict(zip(("height", "width", "channels"), SHAPE, strict=True))
    assert (small["kind"], small["format"], small["explains"]) == ("file", "keras", True)
    assert small["parameters"] == open_classifier(files["small"]).model.count_params()
    assert (onnx["format"], onnx["explains"], onnx["parameters"]) == ("onnx", False, None)


@pytest.mark.parametrize("kind", ["raw", "multipart", "json"])
def test_a_prediction_equals_that_of_the_command(kind, server, files, tmp_path):
    content = picture(1, (20, 11))
    if kind == "raw":
        answer = server.post_image("/predict", content)
    elif kind == "multipart":
        answer = server.post_files("/predict", {"größer.png": content})
    else:
        body = json.dumps({"images": [base64.b64encode(content).decode()]}).encode()
        answer = server.request("POST", "/predict", body, Content_Type="application/json")
    assert answer.status == 200, answer.body
    (prediction,) = answer.json["predictions"]
    assert prediction["file"] == ("größer.png" if kind == "multipart" else None)
    values = [each["probability"] for each in prediction["probabilities"]]
    assert values == sorted(values, reverse=True)
    (row,) = expected(files, [content], tmp_path)
    assert np.abs(probabilities(prediction) - row).max() < 1e-6


def test_predictions_of_a_whole_batch_are_equal_bit_for_bit(server, files, tmp_path):
    contents = [picture(seed, (8 + seed % 3, 9)) for seed in range(256)]
    answer = server.post_files("/predict", {f"{n}.png": each for n, each in enumerate(contents)})
    rows = np.array([probabilities(each) for each in answer.json["predictions"]])
    assert rows.tobytes() == expected(files, contents, tmp_path).tobytes()


def test_a_bad_image_among_others_gets_its_own_error(server):
    answer = server.post_files("/predict?top=1", {"a.png": picture(1), "b.txt": b"text"})
    good, bad = answer.json["predictions"]
    assert len(good["probabilities"]) == 1
    assert bad == {"file": "b.txt", "error": "is not an image in a known format"}


def test_the_explanation_has_the_shape_of_the_picture(server):
    answer = server.post_image("/explain?class=cat", picture(1, (30, 50)))
    assert answer.status == 200, answer.body
    values = answer.json
    assert values["class"] == "cat"
    assert len(values["probabilities"]) == len(CLASSES)
    for key, mode in (("picture", "RGB"), ("heat", "RGBA")):
        with Image.open(io.BytesIO(base64.b64decode(values[key].partition(",")[2]))) as image:
            assert (image.size, image.mode) == ((50, 30), mode)
    assert [stage["shape"] for stage in values["stages"]] == [[6, 6, 4]]
    assert len(values["stages"][0]["maps"]) == 4


def test_an_exported_model_is_not_explained(server):
    answer = server.post_image("/explain?model=onnx", picture(1))
    assert answer.status == 501
    assert "an exported model has no layers" in answer.json["error"]["message"]


def test_health_metrics_and_page(server):
    assert server.get("/health").json == {"status": "ready"}
    assert b"cnnzoo_requests_total" in server.get("/metrics").body
    page = server.get("/")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert b"small" in page.body
