from __future__ import annotations

import shutil
import threading
import time

import numpy as np
from exported_models import CLASSES, small_model
from served import picture, serving

from cnnzoo.datasets.images.decode import decode
from cnnzoo.evaluation.classifier import predict_probabilities
from cnnzoo.models.saved import described, save_model
from cnnzoo.serving import reload
from cnnzoo.serving.served import identity_of, load


def row_of(loaded, content):
    classifier = loaded.classifier
    return predict_probabilities(classifier.model, decode(content, classifier.fit)[None])[0]


def test_a_better_model_replaces_the_other_between_two_requests(model_file, tmp_path, monkeypatch):
    monkeypatch.setattr(reload, "POLL_SECONDS", 0.05)
    path = tmp_path / "small.keras"
    shutil.copy(model_file, path)
    better = small_model()
    better.layers[-1].bias.assign([1.0, -1.0, 0.5])
    save_model(better, tmp_path / "better.keras", described({"class_names": list(CLASSES)}, "x"))
    content = picture(1)
    rows = {
        identity_of(each): row_of(load(each), content) for each in (path, tmp_path / "better.keras")
    }
    assert len(rows) == 2
    with serving({"small": load(path)}, load=load) as server:
        answers, stopped = [], threading.Event()

        def ask():
            while not stopped.is_set():
                answers.append(server.post_image("/predict", content))

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        first = server.service.running["small"]
        (tmp_path / "damaged.keras").write_bytes(b"damaged")
        (tmp_path / "damaged.keras").replace(path)
        wait(lambda: any(line.get("event") == "not reloaded" for line in server.log))
        (tmp_path / "better.keras").replace(path)
        wait(lambda: server.service.running["small"] is not first)
        time.sleep(0.2)
        stopped.set()
        for client in clients:
            client.join()
        wait(lambda: not first.thread._thread.is_alive())
    used = set()
    for answer in answers:
        assert answer.status == 200
        identity = answer.json["model"]["identity"]
        used.add(identity)
        ranked = {
            p["class"]: p["probability"] for p in answer.json["predictions"][0]["probabilities"]
        }
        given = np.array([ranked[name] for name in CLASSES])
        assert np.abs(given - rows[identity]).max() < 1e-6
    assert used == set(rows)


def wait(condition):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()
