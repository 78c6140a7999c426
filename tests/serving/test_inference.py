from __future__ import annotations

import asyncio
import io
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from served import picture

from cnnzoo.datasets.images.decode import decode
from cnnzoo.evaluation.classifier import predict_probabilities
from cnnzoo.serving import gate, predicting

CLIENTS, REQUESTS = 64, 640


def test_no_client_gets_the_answer_of_another(server, small):
    contents = [picture(seed) for seed in range(REQUESTS)]
    classifier = small.classifier
    images = np.stack([decode(content, classifier.fit) for content in contents])
    rows = predict_probabilities(classifier.model, images)
    assert len(np.unique(rows, axis=0)) == REQUESTS
    batches = server.metric("cnnzoo_batch_images_count")

    def ask(content):
        (prediction,) = server.post_image("/predict", content).json["predictions"]
        found = {each["class"]: each["probability"] for each in prediction["probabilities"]}
        return [found[name] for name in classifier.class_names]

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = np.array(list(clients.map(ask, contents)), np.float32)
    assert np.abs(answers - rows).max() < 1e-6
    assert server.metric("cnnzoo_batch_images_count") - batches < REQUESTS / 2


@pytest.fixture
def blocked(server):
    """The inference thread of the server waits until the event is set."""
    thread, release = server.service.running["small"].thread, threading.Event()
    entered = threading.Event()

    def wait():
        entered.set()
        release.wait(30)

    asyncio.run_coroutine_threadsafe(thread.call(wait), thread._loop)
    assert entered.wait(30)
    yield release
    release.set()


def until(condition):
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_full_queue_is_refused(server, blocked, monkeypatch):
    thread = server.service.running["small"].thread
    monkeypatch.setattr(thread, "capacity", 2)
    with ThreadPoolExecutor(2) as clients:
        waiting = [clients.submit(server.post_image, "/predict", picture(n)) for n in range(2)]
        until(lambda: thread.waiting == 2)
        answer = server.post_image("/predict", picture(3))
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert server.metric("cnnzoo_waiting_images") == 2
        blocked.set()
        assert [each.result().status for each in waiting] == [200, 200]
    until(lambda: thread.held == 0)


def test_the_request_of_a_client_that_disconnects_is_not_computed(server, blocked):
    thread = server.service.running["small"].thread
    before = server.metric("cnnzoo_batch_images_sum")
    content = picture(1)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(content), content)
        )
        until(lambda: thread.waiting == 1)
    until(lambda: thread.held == 0)
    blocked.set()
    assert server.post_image("/predict", content).status == 200
    assert server.metric("cnnzoo_batch_images_sum") == before + 1
    assert any(line["status"] == 499 for line in server.log)


def test_many_images_of_a_client_do_not_stop_others(server, monkeypatch):
    def slow(content, fit):
        if content == b"slow":
            time.sleep(0.3)
        return decode(content, fit)

    monkeypatch.setattr(predicting, "decode", slow)
    files = {str(number): b"slow" for number in range(20 * server.service.at_once)}
    with ThreadPoolExecutor(1) as client:
        many = client.submit(server.post_files, "/predict", files)
        time.sleep(0.5)
        assert server.post_image("/predict", picture(1)).status == 200
        assert not many.done()
        assert len(many.result().json["predictions"]) == len(files)


def test_an_answer_that_takes_too_long_is_an_error(server, blocked, monkeypatch):
    monkeypatch.setattr(gate, "REQUEST_SECONDS", 0.3)
    answer = server.post_image("/predict", picture(1))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert server.service.running["small"].thread.held == 0


def test_an_image_that_spoils_its_batch_fails_alone(server, blocked, monkeypatch):
    thread = server.service.running["small"].thread
    predict = thread._predict

    def fail(batch):
        if (batch == 255).all(axis=(1, 2, 3)).any():
            raise ValueError("spoiled")
        return predict(batch)

    monkeypatch.setattr(thread, "_predict", fail)
    file = io.BytesIO()
    Image.new("L", (8, 8), 255).save(file, "PNG")
    white = file.getvalue()
    with ThreadPoolExecutor(3) as clients:
        sent = [
            clients.submit(server.post_image, "/predict", each)
            for each in (picture(1), white, picture(2))
        ]
        until(lambda: thread.waiting == 3)
        blocked.set()
        assert [each.result().status for each in sent] == [200, 500, 200]
