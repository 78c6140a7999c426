"""One configuration over another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.config.located import Map
from cnnzoo.config.merge import merge, names_a_class
from cnnzoo.config.reader import read_yaml


def merged(base: str, top: str) -> Map:
    return merge(read_yaml(base, "base.yaml"), read_yaml(top, "top.yaml"))


def test_mappings_merge_key_by_key_and_keep_their_places():
    result = merged("a: {b: 1, c: {d: 2}}\ne: 5", "a: {b: 3, c: {f: 4}}")
    assert result == {"a": {"b": 3, "c": {"d": 2, "f": 4}}, "e": 5}
    assert result["a"].value_places["b"].file == "top.yaml"
    assert result["a"]["c"].value_places["d"].file == "base.yaml"
    assert result["a"]["c"].value_places["f"].file == "top.yaml"
    assert result.value_places["e"].file == "base.yaml"
    assert result.place.file == "top.yaml"


def test_lists_and_scalars_are_replaced():
    assert merged("a: [1, 2]\nb: 1\nc: {d: 1}", "a: [3]\nb: {x: 1}\nc:") == {
        "a": [3],
        "b": {"x": 1},
        "c": None,
    }


def test_the_same_class_takes_more_arguments():
    assert merged(
        "optimizer: {Adam: {learning_rate: 1, beta_1: 0.5}}", "optimizer: {Adam: {beta_1: 0.9}}"
    ) == {"optimizer": {"Adam": {"learning_rate": 1, "beta_1": 0.9}}}


def test_another_class_replaces_one():
    assert merged("optimizer: {Adam: {beta_1: 0.5}}", "optimizer: {SGD: {momentum: 0.9}}") == {
        "optimizer": {"SGD": {"momentum": 0.9}}
    }


def test_a_schedule_by_name_replaces_one_of_keras_and_is_replaced_by_one():
    keras, own = "{CosineDecay: {decay_steps: 1}}", "{one_cycle: {warmup: 0.5}}"
    for below, above in ((keras, own), (own, keras)):
        result = merged(f"learning_rate: {below}", f"learning_rate: {above}")
        assert result == read_yaml(f"learning_rate: {above}")


def test_a_bare_name_replaces_a_class_and_is_replaced_by_one():
    assert merged("optimizer: {Adam: {beta_1: 0.5}}", "optimizer: SGD") == {"optimizer": "SGD"}
    assert merged("optimizer: SGD", "optimizer: {Adam: {}}") == {"optimizer": {"Adam": {}}}


def test_defaults_of_several_classes_are_no_class():
    assert merged(
        "defaults: {Conv2D: {padding: same}, Dense: {use_bias: false}}",
        "defaults: {Conv2D: {strides: 2}}",
    ) == {"defaults": {"Conv2D": {"padding": "same", "strides": 2}, "Dense": {"use_bias": False}}}


def test_defaults_of_one_class_take_another_beside_it():
    result = merged(
        "model: {defaults: {Conv2D: {padding: same}}}", "model: {defaults: {Dense: {units: 3}}}"
    )
    assert result["model"]["defaults"] == {"Conv2D": {"padding": "same"}, "Dense": {"units": 3}}


def test_neither_side_is_changed():
    base, top = read_yaml("a: {b: 1}"), read_yaml("a: {c: 2}")
    merge(base, top)
    assert base == {"a": {"b": 1}}
    assert top == {"a": {"c": 2}}


def test_what_names_a_class():
    assert names_a_class({"Adam": {}})
    assert not names_a_class({"adam": {}})
    assert not names_a_class({"Adam": {}, "SGD": {}})
    assert not names_a_class("Adam")
    assert not names_a_class({})
    assert not names_a_class({"": 1})


TREES = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.sampled_from("abcd"), TREES, max_size=4)


def located(value: object) -> object:
    if not isinstance(value, dict):
        return value
    mapping = Map()
    for key, item in value.items():
        mapping.put(key, located(item), None, None)
    return mapping


@given(MAPPINGS, MAPPINGS)
def test_top_wins_and_nothing_is_lost(base, top):
    def check(below: object, above: object, result: object) -> None:
        if isinstance(below, dict) and isinstance(above, dict):
            assert isinstance(result, dict)
            assert set(result) == set(below) | set(above)
            for key in result:
                if key not in above:
                    assert result[key] == below[key]
                else:
                    check(below.get(key), above[key], result[key])
        else:
            assert result == above

    check(base, top, merge(located(base), located(top)))
    assert merge(located(base), located({})) == base
    assert merge(located(base), located(base)) == base


@pytest.mark.parametrize(
    ("top", "kept"),
    [
        ("{name: mnist}", {"name": "mnist", "splits": {"test": 0.5}}),
        ("{name: digits}", {"name": "digits", "classes": ["one"], "splits": {"test": 0.5}}),
    ],
)
def test_another_name_of_data_drops_the_classes_of_the_first(top, kept):
    base = read_yaml("data: {name: digits, classes: [one], splits: {test: 0.5}}")
    assert merge(base, read_yaml(f"data: {top}"))["data"] == kept
