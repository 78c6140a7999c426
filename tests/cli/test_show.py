from __future__ import annotations

import json

import pytest
from conftest import TINY, loaded_modules

from cnnzoo.config import zoo


def test_layers_have_shapes_parameters_macs_and_receptive_fields(in_process):
    code, out, _ = in_process("show", "lenet")
    assert code == 0
    row = next(line for line in out.splitlines() if "10x10x16" in line)
    assert row.split() == ["Conv2D", "5x5", "10x10x16", "2,416", "240,000", "14x14", "/", "2x2"]
    assert out.rstrip().splitlines()[-1].startswith("61,706 parameters (61,706 trainable)")


def test_overrides_are_shown(in_process):
    _, out, _ = in_process(
        "show", "lenet", "model.layers.1.Conv2D.filters=32", "data=cartoon_faces"
    )
    assert "28x28x32" in out
    assert "Dense 7" in out


def test_json_is_for_programs(in_process):
    _, out, _ = in_process("show", "simple_cnn", "--format", "json")
    shown = json.loads(out)
    shapes = [layer["output_shape"] for layer in shown["layers"]]
    assert [24, 24, 32] in shapes
    assert [4, 4, 64] in shapes
    assert shown["parameters"] == sum(layer["trainable"] for layer in shown["layers"])


def test_what_only_keras_knows_is_measured_by_it_and_said_so(in_process, tiny):
    wrapped = "TimeDistributed: {layer: {Conv1D: [5, 1]}}"
    tiny.write_text(TINY.replace("    - Flatten", f"    - {wrapped}\n    - Flatten"))
    _, out, _ = in_process("show", "tiny.yaml")
    assert "6x6x5" in out
    assert "measured by Keras, without MACs and receptive field: TimeDistributed" in out
    _, out, _ = in_process("show", "lenet")
    assert "measured by Keras" not in out


def test_markdown_is_a_table(in_process):
    _, out, _ = in_process("show", "lenet", "--format", "markdown")
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 1 + 9
    assert {line.count("|") for line in table} == {6}


def test_resolved_says_where_each_value_came_from(in_process):
    _, out, _ = in_process("show", "lenet_rgb", "training.epochs=3", "--resolved")
    notes = {
        line.split(":")[0].strip(): line.split("# ")[1] for line in out.splitlines() if "# " in line
    }
    assert notes["epochs"] == "training.epochs=3"
    assert notes["seed"] == "default"
    lines = (zoo.directory() / "lenet_rgb.yaml").read_text().splitlines()
    line = 1 + next(n for n, text in enumerate(lines) if "input_shape" in text)
    assert notes["input_shape"].endswith(f"lenet_rgb.yaml:{line}")
    assert notes["batch_size"].split(":")[0].endswith("lenet.yaml")


@pytest.mark.parametrize("name", zoo.names())
def test_resolved_loads_to_the_same_configuration(in_process, tmp_path, name):
    from cnnzoo.config.loader import load_config

    _, out, _ = in_process("show", name, "--resolved")
    path = tmp_path / "resolved.yaml"
    path.write_text(out)
    assert load_config(path).plain() == load_config(name).plain()


@pytest.mark.parametrize("style", ["volumes", "graph"])
def test_an_architecture_is_drawn_without_loading_keras(style, tmp_path):
    path = tmp_path / "drawn" / "lenet.svg"
    words = ["cnnzoo", "show", "lenet", "--plot", str(path), "--plot-style", style]
    run = (
        f"import sys\nsys.argv = {words}\nfrom cnnzoo.cli import main\n"
        "try: main()\nexcept SystemExit as stop: assert not stop.code"
    )
    assert loaded_modules(run, ["keras", "tensorflow", "matplotlib.pyplot"]) == []
    drawn = path.read_text(encoding="utf-8")
    assert "61,706 parameters" in drawn
    assert ("6@28" in drawn) == (style == "volumes")


def test_a_drawing_replaces_a_file_only_by_force(in_process, tmp_path):
    path = tmp_path / "a.png"
    path.write_text("mine")
    code, _, err = in_process("show", "lenet", "--plot", "a.png")
    assert code == 2
    assert "--force" in err
    assert path.read_text() == "mine"
    code, out, _ = in_process("show", "lenet", "--plot", "a.png", "--force")
    assert (code, out) == (0, "written to a.png\n")
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plot", "a.gif"], ".png, .svg, .pdf"),
        (["--plot-style", "graph"], "--plot"),
        (["--force"], "--plot"),
        (["--plot", "a.png", "--resolved"], "--resolved"),
    ],
)
def test_what_cannot_be_drawn_is_said(in_process, tmp_path, words, said):
    code, _, err = in_process("show", "lenet", *words)
    assert code == 2
    assert said in err
    assert not list(tmp_path.iterdir())


def test_names_are_those_of_the_built_model(in_process, tmp_path):
    import cnnzoo
    from cnnzoo.models.names import every_layer

    path = tmp_path / "named.yaml"
    path.write_text(
        """
model:
  input_shape: [8, 8, 3]
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, name: conv2d_1}
    - Conv2D: [4, 1]
    - Residual: {layers: [Conv2D: {filters: 4, kernel_size: 1, name: inner}, ReLU]}
    - MultiHeadAttention: [2, 4]
    - Flatten
    - Dense: {units: 3, activation: softmax}
"""
    )
    code, out, _ = in_process("show", str(path), "--names")
    assert code == 0
    built = [name for name, _ in every_layer(cnnzoo.build_model(cnnzoo.load_config(path).model))]
    assert set(out.splitlines()) <= set(built)
    assert out.splitlines()[:4] == ["conv2d_1", "conv2d", "residual", "residual/inner"]
    _, out, _ = in_process("show", str(path))
    assert "conv2d_1: Conv2D 3x3" in out
