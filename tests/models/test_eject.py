from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from outlines import outline

from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config, make_config
from cnnzoo.config.reader import read_yaml
from cnnzoo.config.schema import Config
from cnnzoo.models.build import build_model
from cnnzoo.models.eject import eject
from cnnzoo.training.plan import plan

ZOO = zoo.names()
FIXTURES = sorted((ROOT / "tests" / "fixtures").glob("*.yaml"))
# Beyond this, a pass through the two models takes many seconds, so images are made smaller.
MACS = 500_000_000
# Beyond this, only the smallest of a family is built here; see `LARGE`.
PARAMETERS = 30_000_000
LARGE = {"resnet101", "resnet152", "densenet169", "densenet201", "resnet110", "vgg11", "vgg19"}


def script_of(config: Config) -> str:
    planned = plan(config)
    return eject(config, len(planned.class_names) or config.model.classes, planned.head)


def made_by(script: str) -> Any:
    namespace: dict[str, Any] = {"__name__": "ejected"}
    exec(compile(script, "ejected.py", "exec"), namespace)  # noqa: S102 - it is what eject wrote
    return namespace["make_model"]()


def check_same(config: Config, *, outputs: bool = True) -> None:
    import keras

    keras.backend.clear_session()
    classes = len(plan(config).class_names) or config.model.classes
    ours = build_model(config.model, classes=classes, name=config.name)
    theirs = made_by(script_of(config))
    assert type(theirs) is keras.Sequential
    assert theirs.name == config.name
    assert theirs.count_params() == ours.count_params()
    assert outline(theirs) == outline(ours)
    if outputs:
        images = np.random.default_rng(0).uniform(0, 255, (1, *config.model.input_shape))
        theirs.set_weights(ours.get_weights())
        predicted, expected = (
            keras.ops.convert_to_numpy(model(images.astype("float32"), training=False))
            for model in (theirs, ours)
        )
        np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-7)


def smaller(name: str) -> Config:
    """A configuration of the zoo, with smaller images where it takes long."""
    config = load_config(name)
    architecture = plan(config).architecture
    if architecture.macs < MACS:
        return config
    height, _, channels = architecture.input_shape
    shrink = min(1.0, math.sqrt(MACS / architecture.macs))
    side = max(64, int(height * shrink) // 32 * 32)
    return load_config(name, [f"model.input_shape=[{side}, {side}, {channels}]"])


@pytest.mark.parametrize("name", [name for name in ZOO if name not in LARGE])
def test_a_script_makes_the_model_of_the_zoo(name: str) -> None:
    check_same(smaller(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LARGE & set(ZOO)))
def test_a_script_makes_the_large_models_too(name: str) -> None:
    check_same(smaller(name), outputs=False)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_script_makes_every_form_that_the_language_has(path: Path) -> None:
    check_same(load_config(path))


@pytest.mark.parametrize("name", ZOO)
def test_a_script_has_the_size_of_the_file_and_holds_to_the_line_length(name: str) -> None:
    lines = script_of(load_config(name)).splitlines()
    assert len(lines) < 160
    assert max(map(len, lines)) <= 88


def formatted(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "ejected.py").write_text(script, "utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    checks = ["check", "--isolated", "--select", "E4,E5,E7,E9,F,I", "--line-length", "88"]
    subprocess.run([*ruff, *checks, "ejected.py"], cwd=folder, check=True)
    return subprocess.run(
        [*ruff, "format", "--isolated", "--diff", "ejected.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", [*ZOO, *FIXTURES], ids=lambda source: Path(source).stem)
def test_a_script_is_formatted_and_clean(source: str | Path, tmp_path: Path) -> None:
    pytest.importorskip("ruff")
    done = formatted(script_of(load_config(source)), tmp_path)
    assert done.returncode == 0, done.stdout


def config_of(layers: str, more: str = "") -> Config:
    return make_config(
        read_yaml(
            f"name: net\nmodel: {{input_shape: [8, 8, 1], classes: 3, layers: {layers}}}\n{more}"
        )
    )


def test_a_plain_list_of_layers_is_a_sequential_of_layers() -> None:
    script = script_of(config_of("[Rescaling: 1/255, Flatten, Dense: [$classes, softmax]]"))
    assert (
        """\
def make_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="net",
    )
"""
        in script
    )


def test_a_model_without_a_class_count_is_made_and_not_trained() -> None:
    config = make_config(
        read_yaml("name: net\nmodel: {input_shape: [8, 8, 1], layers: [Flatten, Dense: 3]}")
    )
    script = script_of(config)
    assert script.endswith('if __name__ == "__main__":\n    make_model().summary()\n')
    assert "sklearn" not in script


def run(script: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an interpreter that finds no cnnzoo."""
    (folder / "script.py").write_text(script, "utf-8")
    blocked = "import sys, runpy; sys.modules['cnnzoo'] = None; runpy.run_path('script.py', "
    code = f"{blocked}run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("data", ["digits", "mnist5k"])
def test_a_script_trains_without_cnnzoo(data: str, tmp_path: Path) -> None:
    more = (
        f"data: {data}\ntraining: {{epochs: 2, optimizer: {{Adam: {{learning_rate: "
        "{CosineDecay: [1e-2, $steps]}}}, metrics: [SparseTopKCategoricalAccuracy: 2]}"
    )
    config = config_of("[Rescaling: 1/255, Flatten, Dense: [$classes, softmax]]", more)
    done = run(script_of(config), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "'accuracy': 0." in done.stdout
    assert (tmp_path / "net.keras").is_file()


@pytest.mark.slow
def test_a_script_takes_arrays_where_no_package_carries_the_data(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    images = rng.uniform(0, 100, (200, 8, 8, 1)) + 100 * labels[:, None, None, None]
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    more = "data: {name: cartoon_faces, label: smile}\ntraining: {epochs: 2, batch_size: 8}"
    config = config_of("[Rescaling: 1/255, Flatten, Dense: [1, sigmoid]]", more)
    script = script_of(config)
    done = run(script, tmp_path, "data.npz")
    assert done.returncode == 0, done.stderr
    assert "'accuracy': " in done.stdout
    assert run(script, tmp_path).stderr.splitlines()[-1] == "usage: script.py DATA.npz"
