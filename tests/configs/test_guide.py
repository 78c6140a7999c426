"""The language guide names what cnnzoo adds to Keras, and only what exists."""

from __future__ import annotations

import re

from conftest import ROOT

from cnnzoo.config.catalogue import names
from cnnzoo.config.composites import ATTENTION, COMPOSITES, SCHEDULES

GUIDE = (ROOT / "configs" / "README.md").read_text(encoding="utf-8")


def test_the_guide_names_every_composite_attention_and_schedule():
    named = [*COMPOSITES, *SCHEDULES, *(set(ATTENTION) - {"AdditiveAttention"})]
    assert not [word for word in named if word not in GUIDE]


def test_layers_that_the_guide_names_are_layers():
    known = {*names("layers"), *COMPOSITES, *names("applications")}
    for block in re.findall(r"`(\w+2D|\w+Normalization|\w+Attention|EinsumDense)\b", GUIDE):
        assert block in known, block


def test_files_that_the_guide_names_exist():
    for name in re.findall(r"`(?:configs/)?(\w+\.yaml)`", GUIDE):
        if name not in ("other.yaml", "mine.yaml", "my.yaml"):
            assert (ROOT / "configs" / name).exists(), name
