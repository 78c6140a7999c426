from __future__ import annotations

from pathlib import Path

import pytest

from cnnzoo.reporting.paths import (
    run_label,
    shortened,
    shortened_command,
    without_directories,
)
from cnnzoo.runs.run import Run


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ada/photos is gone", "photos is gone"),
        ("no file '/home/ada/a.png', nor ~/b.png", "no file 'a.png', nor b.png"),
        (r"C:\Users\ada\photos: gone", "photos: gone"),
        ("data.folder=/srv/photos", "data.folder=photos"),
        ("/photos", "photos"),
        ("1/255 and/or 3 / 4 of https://x.y/z <i>not</i> photos/cat/1.png", None),
    ],
)
def test_absolute_paths_in_a_text_are_cut_to_their_names(text, shown):
    assert without_directories(text) == (text if shown is None else shown)


def test_values_that_are_paths_are_cut_to_their_names():
    plain = {"data": {"folder": "/srv/my photos"}, "layers": [{"Rescaling": "1/255"}, 3]}
    assert shortened(plain) == {
        "data": {"folder": "my photos"},
        "layers": [{"Rescaling": "1/255"}, 3],
    }


def test_a_command_keeps_its_words():
    command = "cnnzoo train --config /home/ada/my.yaml 'data.folder=/srv/my photos' seed=1"
    assert shortened_command(command) == (
        "cnnzoo train --config my.yaml 'data.folder=my photos' seed=1"
    )
    assert shortened_command("cnnzoo 'open /home/ada/x") == "cnnzoo 'open x"


def test_a_run_is_named_by_its_last_directories(tmp_path):
    assert run_label(Run(tmp_path / "runs/lenet/1")) == "runs/lenet/1"
    assert run_label(Run(Path("runs/lenet/1"))) == "runs/lenet/1"
