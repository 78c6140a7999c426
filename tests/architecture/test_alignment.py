from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.architecture.alignment import align
from cnnzoo.architecture.layers import Layer, walk

LAYERS = st.recursive(
    st.builds(
        Layer,
        st.sampled_from(["Conv2D", "Dense", "Flatten"]),
        st.dictionaries(st.sampled_from(["filters", "units"]), st.integers(1, 3), max_size=1),
        st.just((8, 8, 1)),
        st.tuples(st.integers(1, 3)),
        st.integers(0, 2),
    ),
    lambda inner: st.builds(
        Layer,
        st.just("Residual"),
        st.just({}),
        st.just((8, 8, 1)),
        st.tuples(st.integers(1, 3)),
        branches=st.lists(st.lists(inner, max_size=3).map(tuple), max_size=2).map(tuple),
    ),
    max_leaves=6,
)
STACKS = st.lists(LAYERS, max_size=8).map(tuple)


def conv(filters):
    return Layer("Conv2D", {"filters": filters}, (8, 8, 1), (8, 8, filters), 9 * filters)


POOL = Layer("MaxPooling2D", {"pool_size": 2}, (8, 8, 1), (4, 4, 1))


def kinds(before, after):
    return [pair.kind for pair in align(before, after)]


@given(STACKS)
def test_a_stack_differs_in_nothing_from_itself(stack):
    assert set(kinds(stack, stack)) <= {"equal"}


@given(STACKS, STACKS)
def test_what_was_removed_and_added_makes_one_stack_of_the_other(before, after):
    pairs = align(before, after)
    for side, stack in (("before", before), ("after", after)):
        placed = [getattr(pair, side) for pair in pairs if getattr(pair, side)]
        assert [each.layer for each in placed] == list(walk(stack))
        assert [each.number for each in placed] == list(range(1, len(placed) + 1))
    for pair in pairs:
        if pair.before and pair.after:
            assert pair.before.layer.name == pair.after.layer.name
            assert pair.before.branches == pair.after.branches
        if pair.kind == "equal":
            assert pair.before.layer.output_shape == pair.after.layer.output_shape


def test_an_inserted_layer_leaves_the_others_aligned():
    before = (conv(6), POOL, conv(16), POOL)
    after = (conv(6), POOL, conv(8), POOL, conv(16), POOL)
    assert sorted(kinds(before, after)) == ["added", "added", *["equal"] * 4]


def test_a_wider_network_has_each_layer_in_its_place():
    before = (conv(16), POOL, conv(32), POOL)
    after = (conv(32), POOL, conv(64), POOL)
    assert kinds(before, after) == ["changed", "equal", "changed", "equal"]


def test_another_output_is_a_change_and_a_composite_is_none_for_what_is_inside_it():
    small = Layer("Residual", {}, (8, 8, 1), (8, 8, 1), 9, branches=((conv(1),), ()))
    large = Layer("Residual", {}, (8, 8, 1), (8, 8, 1), 18, branches=((conv(2),), ()))
    assert kinds((small,), (large,)) == ["equal", "changed"]
    moved = Layer("MaxPooling2D", {"pool_size": 2}, (9, 9, 1), (5, 5, 1))
    assert kinds((POOL,), (moved,)) == ["changed"]
