from __future__ import annotations

import pytest

from cnnzoo.reporting.caveats import caveats


@pytest.mark.parametrize(
    ("name", "classes", "titles"),
    [
        ("lenet", list("0123456789"), []),
        ("simple_cnn_fashion", ["Shirt", "Sneaker"], []),
        ("emotion", ["a", "b"], ["Faces", "Emotion"]),
        ("mine", ["happy", "sad"], ["Faces", "Emotion"]),
        ("mine", ["Men", "Women"], ["Faces", "Gender"]),
        ("gender_faces", ["female", "male"], ["Faces", "Gender"]),
        ("portraits", ["ann", "bob"], ["Faces"]),
        ("cats", ["neutral", "striped"], []),  # one word alone means other things too
        ("batteries", ["male plug", "socket"], []),
    ],
)
def test_what_names_suggest_is_said(name, classes, titles):
    assert [caveat.title for caveat in caveats([name], classes)] == titles
