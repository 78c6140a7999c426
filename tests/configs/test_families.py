"""The zoo's families: as large as published, and equal to keras.applications."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest
from conftest import ROOT

from cnnzoo.architecture.resolve import resolve
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config
from cnnzoo.config.schema import Config

CONFIGS = zoo.directory()
EQUALITY = ROOT / "scripts" / "zoo-equality"

# Parameters, and those that are trained: as Keras counts them in keras.applications, and for the
# others as published (torchvision's models; He et al., 2015, table 6; Huang et al., 2016).
PARAMETERS = {
    "vgg11": (132_863_336, 132_863_336),
    "vgg16": (138_357_544, 138_357_544),
    "vgg19": (143_667_240, 143_667_240),
    "resnet18": (11_699_112, 11_689_512),
    "resnet34": (21_814_696, 21_797_672),
    "resnet50": (25_636_712, 25_583_592),
    "resnet101": (44_707_176, 44_601_832),
    "resnet152": (60_419_944, 60_268_520),
    "resnet50_v2": (25_613_800, 25_568_360),
    "resnet20": (271_098, 269_722),
    "resnet56": (857_082, 853_018),
    "resnet110": (1_736_058, 1_727_962),
    "densenet121": (8_062_504, 7_978_856),
    "densenet169": (14_307_880, 14_149_480),
    "densenet201": (20_242_984, 20_013_928),
    "densenet_bc_100_12": (793_150, 769_162),
    "mobilenet": (4_253_864, 4_231_976),
    "mobilenet_v2": (3_538_984, 3_504_872),
    "squeezenet": (1_248_424, 1_248_424),
    "xception": (22_910_480, 22_855_952),
    "inception_v3": (23_851_784, 23_817_352),
    "efficientnet_b0": (5_330_571, 5_288_548),
    "efficientnet_b1": (7_856_239, 7_794_184),
    "efficientnet_b2": (9_177_569, 9_109_994),
    "efficientnet_b3": (12_320_535, 12_233_232),
    "mobilenet_v3_small": (2_554_968, 2_542_856),
    "mobilenet_v3_large": (5_507_432, 5_483_032),
    "convnext_tiny": (28_589_128, 28_589_128),
    "nasnet_mobile": (5_326_716, 5_289_978),
    "se_resnet50": (28_141_144, 28_088_024),
    "shufflenet_v2": (2_294_784, 2_278_604),
    "regnet_x_200mf": (2_705_640, 2_684_792),
    "vit_tiny": (5_362_378, 5_362_378),
}

# keras.applications' counts for alpha, the factor that thins a MobileNet.
THINNED = {
    "mobilenet": {0.25: 475_544, 0.5: 1_342_536, 0.75: 2_601_976},
    "mobilenet_v2": {
        0.35: 1_691_208,
        0.5: 1_987_224,
        0.75: 2_663_064,
        1.3: 5_431_048,
        1.4: 6_156_712,
    },
}

# Multiply-accumulates in millions, as the papers and torchvision give them.
MILLION_MACS = {
    "vgg16": 15_470,
    "resnet18": 1_814,
    "resnet34": 3_664,
    "densenet121": 2_834,
    "mobilenet": 569,
    "mobilenet_v2": 301,
}


def resolved(name: str, *overrides: str) -> Any:
    config = load_config(name, overrides)
    return resolve(config.model, config.model.classes)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_as_published(name):
    architecture = resolved(name)
    trainable = sum(layer.trainable for layer in architecture.layers)
    assert (architecture.parameters, trainable) == PARAMETERS[name]


@pytest.mark.parametrize("name", MILLION_MACS)
def test_macs_are_as_published(name):
    assert round(resolved(name).macs / 1e6) == MILLION_MACS[name]


@pytest.mark.parametrize(
    ("name", "alpha", "parameters"),
    [(name, *counts) for name, by_alpha in THINNED.items() for counts in by_alpha.items()],
)
def test_alpha_thins_a_mobilenet_as_in_keras(name, alpha, parameters):
    assert resolved(name, f"model.params.alpha={alpha}").parameters == parameters


def test_squeezenet_has_the_feature_maps_of_its_paper():
    sizes = [layer.output_shape[0] for layer in resolved("squeezenet").layers]
    assert list(dict.fromkeys(size for size in sizes if size > 1)) == [227, 111, 55, 27, 13, 1000]


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_header_states_its_size_and_its_command(name):
    text = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    header = "".join(line for line in text.splitlines(keepends=True)[:12] if line[0] == "#")
    assert f"{PARAMETERS[name][0]:,} parameters" in header
    assert re.search(rf"cnnzoo train --config {name}\b", header)
    assert re.search(r"arXiv:\d{4}\.\d{4}", header)


@pytest.mark.parametrize("name", zoo.names())
def test_a_network_has_at_most_90_lines(name):
    assert len((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8").splitlines()) <= 90


def test_resnet50_fits_a_page_and_its_family_a_few_lines():
    def lines(name: str) -> int:
        return len((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8").splitlines())

    assert lines("resnet50") <= 60
    assert max(map(lines, ("vgg11", "vgg19", "resnet34", "resnet101", "resnet152"))) <= 10
    assert max(map(lines, ("resnet56", "densenet169", "densenet201"))) <= 10


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_the_training_section_makes_an_optimizer_whose_rate_falls(name):
    from cnnzoo.architecture.resolve import evaluate_call
    from cnnzoo.models.objects import make
    from cnnzoo.training.engine.compile import training_variables

    config: Config = load_config(name)
    variables = training_variables(config, 10, 50_000, 128)
    optimizer = make(evaluate_call(config.training.optimizer, variables))
    rate = optimizer._learning_rate
    if name.startswith("vgg"):
        assert [callback.name for callback in config.training.callbacks] == ["ReduceLROnPlateau"]
    else:
        assert float(rate(variables["steps"] - 1)) < float(rate(variables["steps"] // 3))


@pytest.fixture(scope="module")
def equality() -> dict[str, Any]:
    """What scripts/zoo-equality defines."""
    return runpy.run_path(str(EQUALITY))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "densenet121", "mobilenet", "mobilenet_v2"])
def test_outputs_equal_those_of_keras_applications(name, equality):
    found = equality["compare"](name, size=64)
    assert found.ours == found.theirs
    assert found.difference <= 1e-5
    # Outputs that are all alike, or of which one is certain, would say little.
    assert 0.01 < found.largest < 0.9


@pytest.mark.slow
def test_outputs_depend_on_the_weights_of_every_layer(equality):
    """Otherwise equal outputs would not show that the layers are equal."""
    import numpy as np

    from cnnzoo.models.build import build_model

    random = np.random.default_rng(0)
    model = build_model(load_config("mobilenet_v2", ["model.input_shape=[64, 64, 3]"]).model)
    pictures = random.integers(0, 256, (equality["PICTURES"], 64, 64, 3)).astype("float32")
    equality["randomize"](model, pictures, random)
    expected = equality["outputs_of"](model, pictures)
    for layer in equality["weighted_layers"](model)[::6]:
        weights = layer.get_weights()
        layer.set_weights([weights[0] * 1.1, *weights[1:]])
        changed = np.abs(equality["outputs_of"](model, pictures) - expected).max()
        assert changed > 10 * equality["TOLERANCE"], layer.path
        layer.set_weights(weights)
