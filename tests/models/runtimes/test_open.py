from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from exported_models import CLASSES, contract, export_small, images, small_model

from cnnzoo.errors import DeviceError, RunError
from cnnzoo.exporting import litert_file
from cnnzoo.exporting.formats import FORMATS
from cnnzoo.models.runtimes.open import is_exported, open_exported
from cnnzoo.models.runtimes.saved_model import CONTRACT, GRAPH


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    return {form: export_small(folder, form, model=model) for form in FORMATS}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("count", [1, 7])
def test_an_exported_model_predicts_as_keras(form, count, files, model):
    exported = open_exported(files[form])
    expected = model.predict_on_batch(images(count))
    assert np.ptp(expected) > 0.05
    given = exported.predict_on_batch(images(count))
    assert given.dtype == np.float32
    assert np.abs(given - expected).max() < 1e-5
    assert exported.contract == contract()
    assert (exported.input_shape, exported.output_shape) == ((None, 8, 8, 1), (None, 3))


def test_batches_of_changing_size_are_accepted(files, model):
    exported = open_exported(files["litert"])
    for count in (5, 1, 9):
        expected = model.predict_on_batch(images(count))
        assert np.abs(exported.predict_on_batch(images(count)) - expected).max() < 1e-5


@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_a_fixed_batch_size_is_filled_up(form, model, tmp_path):
    exported = open_exported(export_small(tmp_path, form, batch=3, model=model))
    assert exported.batch == 3
    for count in (1, 7):
        expected = model.predict_on_batch(images(count))
        assert np.abs(exported.predict_on_batch(images(count)) - expected).max() < 1e-5


@pytest.mark.parametrize("form", ["onnx", "litert"])
def test_neither_keras_nor_tensorflow_is_needed(form, files, tmp_path):
    np.save(tmp_path / "image.npy", images(1))
    code = (
        "import sys\n"
        "for name in ('keras', 'tensorflow', 'jax', 'torch'): sys.modules[name] = None\n"
        "import numpy\n"
        "from cnnzoo.evaluation.classifier import open_classifier, predict_probabilities\n"
        f"classifier = open_classifier({str(files[form])!r})\n"
        f"images = numpy.load({str(tmp_path / 'image.npy')!r})\n"
        "print(predict_probabilities(classifier.model, images).shape, classifier.class_names)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == f"(1, 3) {CLASSES}\n", done.stderr
    assert not done.stderr


@pytest.mark.parametrize("form", ["onnx", "litert", "openvino"])
@pytest.mark.parametrize("keep", [0, 20, 0.5, 0.95])
def test_a_truncated_file_is_refused(form, keep, files, tmp_path):
    path = tmp_path / files[form].name
    content = files[form].read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    if form == "openvino":
        path.with_suffix(".bin").write_bytes(files[form].with_suffix(".bin").read_bytes())
    with pytest.raises(RunError, match=path.name):
        open_exported(path)


def test_files_from_elsewhere_are_refused(tmp_path, files, model):
    import onnx

    foreign = onnx.load(files["onnx"])
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    with pytest.raises(RunError, match=r"foreign\.onnx does not name its classes"):
        open_exported(tmp_path / "foreign.onnx")


def test_a_contract_that_does_not_fit_the_graph_is_refused(tmp_path, files):
    import onnx

    for change, message in (
        ({"input_shape": (8, 4, 1)}, r"takes uint8 \[\?, 8, 8, 1\]"),
        ({"class_names": ("a", "b")}, r"gives float32 \[\?, 3\]"),
    ):
        changed = onnx.load(files["onnx"])
        changed.metadata_props[0].value = contract(**change).text()
        onnx.save(changed, tmp_path / "changed.onnx")
        with pytest.raises(RunError, match=message):
            open_exported(tmp_path / "changed.onnx")


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/hostname"])
def test_onnx_weights_in_other_files_are_not_read(location, files, tmp_path, monkeypatch):
    import onnx

    monkeypatch.chdir(tmp_path)
    hostile = onnx.load(files["onnx"])
    tensor = next(each for each in hostile.graph.initializer if len(each.raw_data) > 16)
    (tmp_path / "weights.bin").write_bytes(tensor.raw_data)
    size = str(len(tensor.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", size)):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    (tmp_path / "hostile.onnx").write_bytes(hostile.SerializeToString())
    with pytest.raises(RunError, match=r"hostile\.onnx is damaged"):
        open_exported(tmp_path / "hostile.onnx")


def test_custom_operators_are_refused(files, tmp_path):
    import flatbuffers
    import onnx
    from ai_edge_litert import schema_py_generated as schema

    hostile = onnx.load(files["onnx"])
    hostile.graph.node[0].domain = "evil"
    hostile.opset_import.add(domain="evil", version=1)
    (tmp_path / "hostile.onnx").write_bytes(hostile.SerializeToString())
    with pytest.raises(RunError, match="evil"):
        open_exported(tmp_path / "hostile.onnx")
    lite = schema.ModelT.InitFromPackedBuf(files["litert"].read_bytes())
    lite.operatorCodes[0].builtinCode = lite.operatorCodes[0].deprecatedBuiltinCode = 32
    lite.operatorCodes[0].customCode = "evil\x1b"
    builder = flatbuffers.Builder(1024)
    builder.Finish(lite.Pack(builder), file_identifier=b"TFL3")
    (tmp_path / "hostile.tflite").write_bytes(builder.Output())
    with pytest.raises(RunError, match="custom operator 'evil"):
        open_exported(tmp_path / "hostile.tflite")


def test_large_metadata_are_refused(files, tmp_path):
    content = litert_file.with_metadata(small_without_metadata(files["litert"]), b" " * (1 << 21))
    (tmp_path / "large.tflite").write_bytes(content)
    with pytest.raises(RunError, match="larger than 1 MiB"):
        open_exported(tmp_path / "large.tflite")


def small_without_metadata(path):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    lite = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    lite.metadata = []
    builder = flatbuffers.Builder(1024)
    builder.Finish(lite.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_a_saved_model_that_does_more_than_compute_is_refused(tmp_path):
    import tensorflow as tf

    written = tmp_path / "written.txt"

    class Hostile(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 1), tf.uint8, "image")])
        def serve(self, image):
            tf.io.write_file(str(written), "x")
            return tf.zeros((tf.shape(image)[0], 3))

    module = Hostile()
    path = tmp_path / "hostile.saved_model"
    tf.saved_model.save(module, str(path), signatures={"serve": module.serve})
    (path / CONTRACT).parent.mkdir()
    (path / CONTRACT).write_text(contract().text())
    with pytest.raises(RunError, match="no network needs its operator 'WriteFile'"):
        open_exported(path)
    assert not written.exists()
    (path / GRAPH).write_bytes(b"\xff")
    with pytest.raises(RunError, match="cannot be parsed"):
        open_exported(path)


def test_other_paths_and_devices_are_refused(files, tmp_path):
    assert not is_exported(tmp_path)
    assert not is_exported(tmp_path / "model.keras")
    with pytest.raises(RunError, match="does not exist"):
        open_exported(tmp_path / "missing.onnx")
    with pytest.raises(DeviceError, match="computes on the CPU"):
        open_exported(files["onnx"], "gpu")
    alone = tmp_path / "alone.xml"
    alone.write_bytes(files["openvino"].read_bytes())
    with pytest.raises(RunError, match=r"needs alone\.bin"):
        open_exported(alone)
