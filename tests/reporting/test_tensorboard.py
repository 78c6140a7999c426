from __future__ import annotations

import io

import pytest
from PIL import Image

from cnnzoo.config.loader import load_config
from cnnzoo.reporting.tensorboard import write_images
from cnnzoo.runs.run import create_run


def test_curves_and_confusion_are_pictures_beside_the_scalars(tiny, tmp_path):
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    run = create_run(tmp_path, load_config(tiny))
    run.write_history([{"epoch": 1, "loss": 1.0, "val_loss": 2.0, "learning_rate": 0.1}])
    run.update(best_epoch=1, class_names=["cat", "dog"])
    write_images(run, {"confusion": [[3, 1], [0, 4]], "split": "test"})
    (path,) = (run.path / "tensorboard/figures").iterdir()
    data, found = path.read_bytes(), {}
    while data:
        size = int.from_bytes(data[:8], "little")
        event = event_pb2.Event.FromString(data[12 : 12 + size])
        found.update({value.tag: (event.step, value.image) for value in event.summary.value})
        data = data[16 + size :]
    assert set(found) == {"curves", "confusion"}
    for step, image in found.values():
        assert step == 1
        picture = Image.open(io.BytesIO(image.encoded_image_string))
        assert picture.size == (image.width, image.height)
