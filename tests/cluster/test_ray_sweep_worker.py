from __future__ import annotations

import pytest

from cnnzoo.cluster.ray_channel import SentDisplay
from cnnzoo.cluster.ray_sweep_worker import _SentNotes, _visible, named
from cnnzoo.errors import DataError, RunError


def test_an_error_keeps_its_kind_and_hint():
    error = named(DataError("it is gone", hint="restore it"), "worker 1 on b")
    assert isinstance(error, DataError)
    (mistake,) = error.mistakes
    assert (mistake.message, mistake.hint) == ("worker 1 on b: it is gone", "restore it")


def test_a_machine_without_the_directory_is_told(tmp_path):
    with pytest.raises(RunError, match="on a disk that all machines share"):
        _visible(tmp_path / "sweeps/quick")


def test_only_notes_are_sent():
    sent = SentDisplay()
    display = _SentNotes(sent)
    display.note("of the study")
    display.start(1, 2, {})
    display.wait()
    training = display.training()
    training.note("of a training")
    training.step(1, 1, {})
    assert sent.taken() == [("note", ("of the study",)), ("note", ("of a training",))]
