from __future__ import annotations

import json
from typing import Any

import pytest

import cnnzoo
from cnnzoo import limits
from cnnzoo.architecture.resolve import resolve
from cnnzoo.config import catalogue, zoo
from cnnzoo.models.allowed import TooLargeError, check_extent, refusals, uncompiled
from cnnzoo.models.build import build_architecture, measure
from cnnzoo.models.pending import pending_variables

TENSOR = {"class_name": "__keras_tensor__", "config": {"keras_history": ["a", 0, 0]}}


def layer(name: str, module: str | None = "keras.layers", **more: Any) -> dict[str, Any]:
    described = {"module": module, "class_name": name, "config": {"name": name.lower()}}
    return {**described, "registered_name": None, **more}


def model(*layers: Any, **more: Any) -> dict[str, Any]:
    config = {"name": "net", "layers": list(layers)}
    return {"module": "keras", "class_name": "Sequential", "config": config, **more}


def function(module: str, name: str) -> dict[str, Any]:
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def texts(described: dict[str, Any]) -> list[str]:
    return [str(refusal) for refusal in refusals(described)]


def test_every_class_of_the_catalogue_is_allowed():
    for namespace in ("layers", "initializers", "regularizers", "constraints"):
        for name in (*catalogue.names(namespace), *catalogue.aliases(namespace)):
            assert texts(model(layer(name, f"keras.{namespace}"))) == []


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("TFSMLayer", "keras.layers"),
        ("Lambda", "keras.layers"),
        ("JaxLayer", "keras.layers"),
        ("FlaxLayer", "keras.layers"),
        ("TorchModuleWrapper", "keras.layers"),
        ("TextVectorization", "keras.layers"),
        ("StringLookup", "keras.layers"),
        ("IntegerLookup", "keras.layers"),
        ("STFTInitializer", "keras.initializers"),
        ("Switch", "keras.src.ops.core"),
        ("Map", "keras.src.ops.core"),
        ("Einsum", "keras.src.ops.numpy"),
        ("ModelCheckpoint", "keras.callbacks"),
        ("Adam", "keras.optimizers"),
        ("FeatureSpace", "keras.utils"),
        ("Conv2D", "keras.callbacks"),
        ("Conv2D", "keras.src.layers.convolutional.conv2d"),
        ("Conv2D", None),
        ("Conv2D", 3),
        ("Conv2D", ["keras.layers"]),
        ("system", "os"),
        ("Popen", "subprocess"),
        ("Twice", "mine"),
    ],
)
def test_other_classes_are_refused_by_name_and_place(name, module):
    inner = model(layer("Flatten"), layer(name, module))
    inner["config"]["name"] = "block"
    assert [(r.name, r.place) for r in refusals(model(inner))] == [(name, f"block.{name.lower()}")]


def test_reasons_say_what_a_class_does():
    assert "runs code from a file" in texts(model(layer("TFSMLayer")))[0]
    assert "carries Python code" in texts(model(layer("Lambda")))[0]
    assert "can read a vocabulary file" in texts(model(layer("StringLookup")))[0]
    assert "custom class" in texts(model(layer("Twice", "mine")))[0]


EVIL = layer("TFSMLayer")
PLACES: dict[str, dict[str, Any]] = {
    "argument": layer("Conv2D", config={"name": "c", "kernel_initializer": EVIL}),
    "wrapped": layer("TimeDistributed", config={"name": "t", "layer": EVIL}),
    "list": layer("Pipeline", config={"name": "p", "layers": [EVIL]}),
    "dtype": layer("Dense", config={"dtype": {"policy_map": {"a": EVIL}}}),
    "build": layer("Dense", build_config={"input_shape": [None, EVIL]}),
    "node": layer("Add", inbound_nodes=[{"args": [[TENSOR, EVIL]], "kwargs": {}}]),
    "keyword": layer("Add", inbound_nodes=[{"args": [TENSOR], "kwargs": {"mask": EVIL}}]),
    "plain": layer("Dense", config={"more": {"compile": [{"deep": EVIL}]}}),
    "tensor": layer("Dense", config={"x": {"class_name": "__numpy__", "config": {"value": EVIL}}}),
    "activation": layer("Dense", config={"activation": function("keras.layers", "TFSMLayer")}),
    "built in": layer("Dense", config={"activation": function("builtins", "TFSMLayer")}),
    "spec": layer("Dense", config={"a": {"class_name": "__typespec__", "spec_name": "x"}}),
    "lambda": layer("Dense", config={"a": {"class_name": "__lambda__", "config": {"value": ""}}}),
    "no name": layer("Dense", config={"a": {"class_name": None, "config": {}}}),
    "list name": layer("Dense", config={"a": {"class_name": ["Conv2D"], "config": {}}}),
    "registered": layer("Dense") | {"registered_name": "mine>Dense"},
    "dtype of values": layer(
        "Dense", config={"a": {"class_name": "__numpy__", "config": {"dtype": "U1000000000"}}}
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_class_is_found_in_every_place(place):
    assert len(texts(model(PLACES[place]))) == 1
    assert len(texts(model(model(layer("Flatten"), PLACES[place])))) == 1


@pytest.mark.parametrize("nodes", [[{}], [{"args": [1.0], "kwargs": {}}], [3], "x", None])
def test_an_operation_without_a_tensor_is_refused(nodes):
    """Keras would compute it while it loads the model."""
    described = layer("Add", "keras.src.ops.numpy", inbound_nodes=nodes)
    assert "without the output of a layer" in texts(model(described))[0]


def test_what_keras_writes_around_layers_is_allowed():
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    values = {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}}
    slices = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": -1}}
    conv = layer("Conv2D", config={"dtype": policy, "activation": function("builtins", "relu")})
    nodes = [{"args": [TENSOR, [slices, {"class_name": "__ellipsis__", "config": {}}]]}]
    operation = layer("GetItem", "keras.src.ops.numpy", inbound_nodes=nodes)
    normal = layer("Normalization", config={"mean": values, "variance": values})
    assert texts(model(layer("InputLayer", inbound_nodes=[]), conv, operation, normal)) == []


def test_what_compiles_a_model_is_taken_out():
    inner = model(layer("Flatten"), compile_config={"loss": EVIL})
    described = model(inner, compile_config={"optimizer": EVIL})
    assert len(texts(described)) == 2
    assert uncompiled(described) == model(model(layer("Flatten")))
    hidden = model(layer("Dense", config={"a": {"compile_config": EVIL}}))
    assert "TFSMLayer" not in json.dumps(uncompiled(hidden))


def test_a_deep_description_is_too_large():
    nested: Any = {"layers": []}
    for _ in range(limits.JSON_DEPTH):
        nested = {"layers": [nested]}
    with pytest.raises(TooLargeError, match="nested deeper than 200"):
        check_extent(model(nested))


def test_models_that_call_each_other_twice_are_counted_as_often_as_they_run():
    described = layer("Flatten")
    for _ in range(20):
        node = {"args": [TENSOR], "kwargs": {}}
        described = {**model(described), "inbound_nodes": [node, node]}
    assert len(json.dumps(described)) < 10_000
    with pytest.raises(TooLargeError, match="more than 100,000 objects"):
        check_extent(described)


def test_layers_that_copy_what_they_wrap_are_counted_twice():
    described = layer("LSTM")
    for _ in range(20):
        described = layer("Bidirectional", config={"name": "b", "layer": described})
    with pytest.raises(TooLargeError, match="more than 100,000 objects"):
        check_extent(model(described))
    check_extent(model(layer("Bidirectional", config={"layer": layer("LSTM")})))


# Models that cnnzoo and Keras write.


def description_of(model: Any) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(model.to_json())
    check_extent(described)
    return described


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_of_the_zoo_is_allowed(name):
    with pending_variables():
        config = cnnzoo.load_config(name).model
        architecture = resolve(config, config.classes or 10, measure)
        model = build_architecture(architecture, pretrained=False)
        assert texts(description_of(model)) == []


@pytest.mark.parametrize(
    "name",
    ["ConvNeXtTiny", "InceptionResNetV2", "MobileNetV3Small", "NASNetMobile", "EfficientNetV2B0"],
)
def test_networks_of_keras_are_allowed(name):
    import keras

    with pending_variables():
        model = getattr(keras.applications, name)(weights=None)
        assert texts(description_of(model)) == []
