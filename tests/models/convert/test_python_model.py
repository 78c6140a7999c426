from __future__ import annotations

from conftest import ROOT

from cnnzoo.config.loader import load_config, make_config
from cnnzoo.config.reader import read_yaml
from cnnzoo.models.convert.python_model import Script, initializer_word


def script_of(model: str) -> Script:
    """The script of a model whose functions have been written."""
    text = f"name: net\nmodel:\n  input_shape: [8, 8, 4]\n  classes: 3\n{model}"
    script = Script(make_config(read_yaml(text)), 3)
    script.model()
    return script


def test_a_block_is_a_function_and_a_repeat_a_loop() -> None:
    script = Script(load_config(ROOT / "tests" / "fixtures" / "gated_resnet.yaml"), 10)
    model = script.model()
    assert "    for _ in range(3):" in model
    assert "        x = basic(x, BASE)" in model
    assert script.functions["conv_bn"][0] == "def conv_bn(x, filters, kernel_size=3, strides=1):"
    assert "        branch_2.shape[-1] // ratio," in script.functions["gate"]
    assert list(script.functions) == ["conv_bn", "basic", "down", "gate"]
    assert script.constant_lines() == ["BASE = 16", "CLASSES = 10"]


def test_a_default_that_is_computed_is_given_by_the_caller() -> None:
    script = script_of(
        """\
  blocks:
    wide: {parameters: [filters, times: 2, out: "${filters * times}"], layers: [Conv2D: [$out, 1]]}
  layers: [wide: 3, wide: [3, 4], wide: {filters: $channels, out: 5}]
"""
    )
    assert script.functions["wide"] == [
        "def wide(x, filters, out, times=2):",
        "    return layers.Conv2D(out, 1)(x)",
    ]
    calls = [line.strip() for line in script.model() if "wide(" in line]
    assert calls == [
        "x = wide(inputs, 3, 3 * 2)",
        "x = wide(x, 3, 3 * 4, times=4)",
        "x = wide(x, x.shape[-1], 5)",
    ]


def test_a_loop_counts_only_where_it_is_asked_to() -> None:
    script = script_of(
        """\
  layers:
    - {repeat: 2, layers: [Conv2D: ["${index + 1}", 1]]}
    - {repeat: {size: [1, 2]}, layers: [Conv2D: ["${index + size}", 1]]}
    - {repeat: {size: [1, 2], filters: [3, 4]}, layers: [Conv2D: [$filters, $size, 1, same]]}
    - {repeat: {size: [1, 2], filters: [3, 4]}, layers: [Conv2D: ["${index + filters}", $size]]}
"""
    )
    assert [line.strip() for line in script.model() if "for " in line] == [
        "for index in range(2):",
        "for index, size in enumerate((1, 2)):",
        "for size, filters in zip((1, 2), (3, 4)):",
        "for index, (size, filters) in enumerate(zip((1, 2), (3, 4))):",
    ]


def test_a_name_that_python_uses_is_numbered() -> None:
    script = script_of(
        """\
  blocks: {print: {parameters: [layers], layers: [Conv2D: [$layers, 1]]}}
  layers: [print: 3]
"""
    )
    assert script.functions["print"][0] == "def print_2(x, layers_2):"


def test_an_initializer_is_written_in_the_word_that_keras_has_for_it() -> None:
    assert initializer_word("HeNormal") == "he_normal"
    assert initializer_word("Zeros") == "zeros"
