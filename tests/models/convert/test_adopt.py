from __future__ import annotations

import contextlib
import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, loaded_modules
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outlines import outline

from cnnzoo.architecture.layers import Architecture, Layer
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config import zoo
from cnnzoo.config.loader import load_config, make_config
from cnnzoo.config.reader import read_yaml
from cnnzoo.config.schema import Config
from cnnzoo.errors import UserError
from cnnzoo.models.build import build_model
from cnnzoo.models.convert.adopt import adopt

# A network of keras.applications is adopted as the layers that it has, not as one.
NETWORKS = {"networks_as_layers", "resnet50_transfer"}
FIXTURES = sorted(
    path for path in (ROOT / "tests" / "fixtures").glob("*.yaml") if path.stem not in NETWORKS
)
# Adopted as an equal model in other words: SplitChannels as Branches of Cropping2D.
OTHER_WORDS = {"shufflenet_v2", "nasnet_mobile"}
LARGE = {"resnet152", "densenet201", "resnet110", "vgg19"}  # the largest of their families
# Not built here: others of their families are made of the same layers.
SIBLINGS = {"resnet101", "densenet169", "vgg11"}


def write(described: Any, path: Path, version: str = "3.15.0") -> Path:
    """A `.keras` file without weights."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(described))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
    return path


def adopted(model: Any, folder: Path) -> Config:
    path = write(json.loads(model.to_json()), folder / "model.keras")
    return make_config(read_yaml(adopt(path)))


def layers_of(architecture: Architecture) -> Any:
    def described(layer: Layer) -> Any:
        branches = [[described(inner) for inner in branch] for branch in layer.branches]
        costs = layer.trainable, layer.non_trainable, layer.macs
        return layer.name, layer.input_shape, layer.output_shape, costs, branches

    return [described(layer) for layer in architecture.layers]


def check_round_trip(config: Config, folder: Path) -> None:
    import keras

    keras.backend.clear_session()
    classes = config.model.classes or 10
    model = build_model(config.model, classes=classes, name=config.name)
    again = adopted(model, folder)
    assert again.name == config.name
    original = resolve(config.model, classes)
    resolved = resolve(again.model, again.model.classes)
    if config.name not in OTHER_WORDS:
        assert layers_of(resolved) == layers_of(original)
    assert resolved.parameters == model.count_params()
    if model.count_params() < 5_000_000:
        rebuilt = build_model(again.model)
        assert outline(rebuilt) == outline(model)


@pytest.mark.parametrize(
    "name", [name for name in zoo.names() if name not in LARGE | SIBLINGS | NETWORKS]
)
def test_what_the_zoo_builds_is_adopted_as_it_was(name: str, tmp_path: Path) -> None:
    check_round_trip(load_config(name), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LARGE & set(zoo.names())))
def test_the_large_ones_are_adopted_as_they_were(name: str, tmp_path: Path) -> None:
    check_round_trip(load_config(name), tmp_path)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_every_form_is_adopted_as_it_was(path: Path, tmp_path: Path) -> None:
    check_round_trip(load_config(path), tmp_path)


def test_a_file_that_keras_wrote_is_read(tmp_path: Path) -> None:
    config = load_config("lenet")
    build_model(config.model, classes=10, name="lenet").save(tmp_path / "lenet.keras")
    assert adopt(tmp_path / "lenet.keras") == (
        "# The architecture of lenet.keras; its weights stay there.\n"
        "name: lenet\n"
        "model:\n"
        "  input_shape: [28, 28, 1]\n"
        "  classes: 10\n"
        "  layers:\n"
        "  - {Rescaling: 1/255}\n"
        "  - Conv2D: {filters: 6, kernel_size: 5, padding: same, activation: relu}\n"
        "  - MaxPooling2D\n"
        "  - Conv2D: {filters: 16, kernel_size: 5, activation: relu}\n"
        "  - MaxPooling2D\n"
        "  - Flatten\n"
        "  - Dense: {units: 120, activation: relu}\n"
        "  - Dense: {units: 84, activation: relu}\n"
        "  - Dense: {units: $classes, activation: softmax}\n"
    )


def test_objects_and_values_are_written_in_the_notation(tmp_path: Path) -> None:
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.ZeroPadding2D(((1, 2), (0, 0))),
            layers.ZeroPadding2D(((0, 1), (0, 1))),
            layers.Cropping2D(((1, 0), (1, 0))),
            layers.ZeroPadding2D(((1, 1), (2, 2))),
            layers.Conv2D(
                4,
                (3, 1),
                strides=(2, 2),
                name="stem",
                kernel_initializer=keras.initializers.RandomUniform(-1, 1),
                kernel_regularizer=keras.regularizers.L2(1e-4),
                kernel_constraint="max_norm",
                activation=layers.LeakyReLU(negative_slope=0.2),
            ),
            layers.BatchNormalization(axis=3),
            layers.MaxPooling2D(2, strides=2),
            layers.MaxPooling2D(2, strides=1),
            layers.Activation("gelu"),
            layers.Flatten(),
            layers.Dropout(0.5, seed=3),
            layers.Dense(1, activation="sigmoid", trainable=False),
        ]
    )
    text = adopt(write(json.loads(model.to_json()), tmp_path / "m.keras"))
    layers_written = read_yaml(text)["model"]["layers"]
    assert layers_written == [
        {"ZeroPadding2D": {"padding": [[1, 2], [0, 0]]}},
        {"ZeroPadding2D": {"padding": [[0, 1], [0, 1]]}},
        {"Cropping2D": {"cropping": [[1, 0], [1, 0]]}},
        {"ZeroPadding2D": {"padding": [1, 2]}},
        {
            "Conv2D": {
                "filters": 4,
                "kernel_size": [3, 1],
                "strides": 2,
                "activation": {"LeakyReLU": 0.2},
                "kernel_initializer": {"RandomUniform": {"minval": -1, "maxval": 1}},
                "kernel_regularizer": {"L2": 0.0001},
                "kernel_constraint": "MaxNorm",
                "name": "stem",
            }
        },
        "BatchNormalization",
        "MaxPooling2D",
        {"MaxPooling2D": {"strides": 1}},
        {"Activation": "gelu"},
        "Flatten",
        {"Dropout": {"rate": 0.5, "seed": 3}},
        {"Dense": {"units": 1, "activation": "sigmoid", "trainable": False}},
    ]
    assert "begin with Rescaling: 1/255" in text


def functional(make: Callable[[Any, Any], Any], shape: tuple[int, ...] = (8, 8, 4)) -> Any:
    import keras

    inputs = keras.Input(shape)
    return keras.Model(inputs, make(inputs, keras.layers))


def test_copies_that_follow_each_other_become_a_repeat(tmp_path: Path) -> None:
    def stack(x: Any, layers: Any) -> Any:
        for _ in range(3):
            y = layers.Conv2D(4, 3, padding="same")(x)
            x = layers.ReLU()(layers.Add()([x, y]))
        return layers.Flatten()(x)

    model = adopted(functional(stack), tmp_path).plain()["model"]
    body = {"layers": [{"Conv2D": {"filters": 4, "kernel_size": 3, "padding": "same"}}]}
    assert model["layers"] == [{"repeat": 3, "layers": [{"Residual": body}, "ReLU"]}, "Flatten"]


def test_branches_nest_and_the_longer_one_is_not_the_shortcut(tmp_path: Path) -> None:
    def network(x: Any, layers: Any) -> Any:
        shortcut = layers.Conv2D(6, 1)(x)
        y = layers.ReLU()(layers.Conv2D(6, 1)(x))
        gate = layers.Dense(6, activation="sigmoid")(
            layers.GlobalAveragePooling2D(keepdims=True)(y)
        )
        y = layers.Multiply()([y, gate])
        x = layers.Add()([shortcut, y])
        return layers.Concatenate()([x, layers.MaxPooling2D(1)(x), layers.ReLU()(x)])

    model = adopted(functional(network), tmp_path).plain()["model"]
    residual, concatenation = model["layers"]
    conv = {"Conv2D": {"filters": 6, "kernel_size": 1}}
    assert residual["Residual"]["shortcut"] == [conv]
    gate = residual["Residual"]["layers"][-1]["Branches"]
    assert gate["merge"] == "multiply"
    assert gate["branches"][0] == []
    assert concatenation["Branches"]["branches"][0] == []


def test_a_model_within_a_model_is_its_layers(tmp_path: Path) -> None:
    import keras

    inner = functional(lambda x, layers: layers.ReLU()(layers.Conv2D(3, 1)(x)))
    model = keras.Sequential([keras.Input((8, 8, 4)), inner, keras.layers.Flatten()])
    names = [next(iter(item)) if isinstance(item, dict) else item
             for item in adopted(model, tmp_path).plain()["model"]["layers"]]  # fmt: skip
    assert names == ["Conv2D", "ReLU", "Flatten"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["ResNet50", "DenseNet121", "MobileNetV2", "EfficientNetB0", "InceptionV3", "Xception"]
)
def test_models_of_keras_applications_are_adopted(name: str, tmp_path: Path) -> None:
    import keras

    keras.backend.clear_session()
    model = getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3))
    config = adopted(model, tmp_path)
    assert resolve(config.model, 1000).parameters == model.count_params()


def channels_first(last: bool = False) -> Any:
    """A network on images of 3 channels, which come first or last."""
    import keras
    from keras import layers

    order = {"data_format": "channels_last" if last else "channels_first"}
    channels = -1 if last else 1
    inputs = keras.Input((10, 12, 3) if last else (3, 10, 12))
    x = layers.Conv2D(6, 3, activation="relu", **order)(inputs)
    x = layers.BatchNormalization(axis=channels)(x)
    y = layers.Conv2D(6, (1, 3), padding="same", **order)(x)
    x = layers.Concatenate(axis=channels)([x, y])
    x = layers.MaxPooling2D((2, 1), **order)(x)
    x = layers.BatchNormalization()(layers.Flatten(**order)(x))
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x), name="net")


def test_a_channels_first_model_becomes_the_channels_last_one(tmp_path: Path) -> None:
    first = adopt(write(json.loads(channels_first().to_json()), tmp_path / "m.keras"))
    last = adopt(write(json.loads(channels_first(last=True).to_json()), tmp_path / "m.keras"))
    assert read_yaml(first) == read_yaml(last)
    assert "It was channels-first" in first
    assert "It was channels-first" not in last
    model = make_config(read_yaml(first)).model
    assert model.input_shape == (10, 12, 3)
    assert resolve(model, 5).parameters == channels_first().count_params()


def test_channels_first_and_last_in_one_model_are_refused(tmp_path: Path) -> None:
    def mixed(x: Any, layers: Any) -> Any:
        x = layers.Conv2D(4, 1, data_format="channels_first")(x)
        return layers.MaxPooling2D(2, name="pool")(x)

    def reordered(x: Any, layers: Any) -> Any:
        return layers.Permute((2, 3, 1))(layers.Conv2D(4, 1, data_format="channels_first")(x))

    def along_width(x: Any, layers: Any) -> Any:
        x = layers.Conv2D(4, 1, data_format="channels_first")(x)
        return layers.BatchNormalization(name="norm")(x)

    for make, message in [
        (mixed, "the layer 'pool' .* is channels-last"),
        (reordered, "depends on the order"),
        (along_width, "the layer 'norm' .* works along axis -1"),
    ]:
        with pytest.raises(UserError, match=message):
            adopted(functional(make), tmp_path)


def test_a_name_in_the_file_or_of_the_file_stays_a_name(tmp_path: Path) -> None:
    described = copy.deepcopy(SEQUENTIAL)
    odd = "x\ninit_from: evil\u202e.keras\n#"
    described["config"]["layers"][1]["config"]["name"] = odd
    text = adopt(write(described, tmp_path / f"{odd} .keras"))
    assert all(line.isprintable() for line in text.splitlines())
    assert set(read_yaml(text)) == {"name", "model"}


# ── refusals ───────────────────────────────────────────────────────────────────────────────────


def shared(x: Any, layers: Any) -> Any:
    layer = layers.Conv2D(4, 1, name="twice")
    return layer(layer(x))


def crossing(x: Any, layers: Any) -> Any:
    a = layers.Conv2D(4, 1, name="left")(x)
    b = layers.Conv2D(4, 1, name="right")(x)
    c = layers.Add()([a, b])
    return layers.Concatenate()([layers.Add()([c, a]), b])


def subtracting(x: Any, layers: Any) -> Any:
    return layers.Subtract(name="minus")([x, layers.ReLU()(x)])


def beside(x: Any, layers: Any) -> Any:
    return layers.Concatenate(axis=1, name="rows")([x, layers.ReLU()(x)])


def operating(x: Any, layers: Any) -> Any:
    return layers.ReLU()(x * 2.0)


def embedding(x: Any, layers: Any) -> Any:
    return layers.Lambda(lambda value: value, name="anything", output_shape=(8, 8, 4))(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (shared, "the layer 'twice' is used 2 times, and shares its weights"),
        (crossing, r"the output of the layer '(left|right)' goes to places that no Residual"),
        (subtracting, r"the layer 'minus' \(Subtract\) takes 2 tensors"),
        (beside, "the layer 'rows' concatenates along 1"),
        (operating, r"the layer 'multiply\w*' \(Multiply\): it is an operation on tensors"),
        (embedding, r"the layer 'anything' \(Lambda\): it carries Python code"),
    ],
)
def test_what_the_language_has_no_words_for_is_refused_by_name(
    make: Callable[[Any, Any], Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        adopted(functional(make), tmp_path)
    assert caught.value.exit_code == 2


def test_several_inputs_or_outputs_are_refused(tmp_path: Path) -> None:
    import keras

    one, two = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    with pytest.raises(UserError, match="2 inputs"):
        adopted(keras.Model([one, two], keras.layers.Add()([one, two])), tmp_path)
    relu = keras.layers.ReLU()(one)
    with pytest.raises(UserError, match="2 outputs"):
        adopted(keras.Model(one, [relu, keras.layers.Flatten()(relu)]), tmp_path)


@pytest.mark.parametrize(
    ("shape", "message"), [((8,), "not images"), ((None, None, 3), "no fixed size")]
)
def test_an_input_that_is_no_image_of_one_size_is_refused(
    shape: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        adopted(functional(lambda x, layers: layers.ReLU()(x), shape), tmp_path)


SEQUENTIAL = {
    "module": "keras",
    "class_name": "Sequential",
    "config": {
        "name": "net",
        "layers": [
            {
                "module": "keras.layers",
                "class_name": "InputLayer",
                "config": {"batch_shape": [None, 8, 8, 1], "name": "input"},
            },
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {"name": "dense", "units": 3, "activation": "relu"},
            },
        ],
    },
}


@pytest.mark.parametrize(
    "changed",
    [
        {"module": "os", "class_name": "system"},
        {"module": "builtins", "class_name": "eval"},
        {"module": "mine.layers", "class_name": "Dense"},
        {"module": None, "class_name": "Dense", "registered_name": "mine>Dense"},
        {"class_name": "TFSMLayer"},
    ],
)
def test_a_layer_of_somebody_else_is_refused_and_nothing_is_imported(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    described = copy.deepcopy(SEQUENTIAL)
    described["config"]["layers"][1] |= changed
    with pytest.raises(UserError, match="the layer 'dense'"):
        adopt(write(described, tmp_path / "m.keras"))


def test_a_model_of_keras_2_is_named(tmp_path: Path) -> None:
    described = copy.deepcopy(SEQUENTIAL)
    described["config"]["layers"][1]["config"]["groups"] = 1
    with pytest.raises(UserError, match="cannot be adopted") as refused:
        adopt(write(described, tmp_path / "m.keras", "2.15.0"))
    assert "Keras 2.15.0 wrote it" in str(refused.value)


def test_a_subclassed_model_is_refused(tmp_path: Path) -> None:
    described = {"module": "mine", "class_name": "MyModel", "config": {"name": "my"}}
    with pytest.raises(UserError, match="it is a MyModel, with layers in Python code"):
        adopt(write(described, tmp_path / "m.keras"))


def paths(value: Any) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for key, item in items:
        found.append((key,))
        if isinstance(item, dict | list):
            found += [(key, *rest) for rest in paths(item)]
    return found


@pytest.fixture(scope="module")
def described() -> Any:
    config = load_config(ROOT / "tests" / "fixtures" / "gated_resnet.yaml")
    return json.loads(build_model(config.model, classes=3).to_json())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_file_holds_is_adopted_or_refused(
    data: st.DataObject, described: Any, tmp_path: Path
) -> None:
    mutated = copy.deepcopy(described)
    where = data.draw(st.sampled_from(paths(mutated)))
    container = mutated
    for step in where[:-1]:
        container = container[step]
    container[where[-1]] = data.draw(
        st.sampled_from([None, True, 0, -1, 1e400, "x", "", [], [[]], {}, {"class_name": "Dense"}])
    )
    with contextlib.suppress(UserError):
        make_config(read_yaml(adopt(write(mutated, tmp_path / "m.keras"))))


def test_adopting_loads_no_framework(tmp_path: Path) -> None:
    path = write(SEQUENTIAL, tmp_path / "m.keras")
    imports = "from pathlib import Path; from cnnzoo.models.convert.adopt import adopt"
    statement = f"{imports}; adopt(Path({str(path)!r}))"
    assert loaded_modules(statement, ["keras", "tensorflow", "h5py"]) == []


def test_self_attention_and_divided_channels_are_adopted(tmp_path):
    import cnnzoo

    layers = [
        {"Reshape": [[-1, "$channels"]]},
        {"Residual": {"layers": [{"MultiHeadAttention": [2, 4]}, "Attention"]}},
        {"Reshape": [[4, 4, "$features"]]},
        {"ShuffleChannels": 2},
        {"SplitChannels": {"branches": [[], ["ReLU"]]}},
        "Flatten",
        {"Dense": {"units": 3, "activation": "softmax"}},
    ]
    model = cnnzoo.build_model(cnnzoo.ModelConfig(input_shape=(4, 4, 4), layers=layers))
    model.save(tmp_path / "model.keras")
    (tmp_path / "again.yaml").write_text(adopt(tmp_path / "model.keras"))
    again = cnnzoo.build_model(cnnzoo.load_config(tmp_path / "again.yaml").model, classes=3)
    again.set_weights(model.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 4)).astype("float32")
    assert np.array_equal(again.predict(images, verbose=0), model.predict(images, verbose=0))
