"""Writing a model's blocks and repeats out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnzoo.architecture.resolve import resolve
from cnnzoo.config.loader import load_config
from cnnzoo.errors import ConfigError

REPEATED = """\
name: repeated
model:
  input_shape: [8, 8, 1]
  params: {widths: [4, 8], base: 2}
  layers:
    - repeat: {filters: $widths, kernel: [3, 1]}
      layers: [Conv2D: {filters: $filters, kernel_size: $kernel}]
"""


def convolutions(path: Path, *overrides: str) -> list[tuple[int, int]]:
    model = load_config(path, overrides).model
    layers = resolve(model, None).layers
    return [(layer.arguments["filters"], layer.arguments["kernel_size"]) for layer in layers]


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    path = tmp_path / "repeated.yaml"
    path.write_text(REPEATED)
    return path


def test_a_parameter_may_be_the_list_of_a_repeat(repeated):
    assert convolutions(repeated) == [(4, 3), (8, 1)]
    assert convolutions(repeated, "model.params.widths=[5, 6]") == [(5, 3), (6, 1)]


def test_its_length_must_be_that_of_the_other_lists(repeated):
    with pytest.raises(ConfigError) as raised:
        convolutions(repeated, "model.params.widths=[5, 6, 7]")
    mistake = raised.value.mistakes[0]
    assert "lists of equal length" in mistake.message
    assert "filters 3, kernel 2" in mistake.message
    assert mistake.place is not None
    assert mistake.place.line == 6


def test_it_must_be_a_list(repeated):
    with pytest.raises(ConfigError, match="got filters no list, kernel 2"):
        convolutions(repeated, "model.layers.0.repeat.filters=$base")


def test_a_list_of_lists_is_no_parameter(repeated):
    with pytest.raises(ConfigError, match="'widths' must be"):
        convolutions(repeated, "model.params.widths=[[4], [8]]")
