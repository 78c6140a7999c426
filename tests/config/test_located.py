"""Containers that remember where their values were written."""

from __future__ import annotations

from cnnzoo.config.located import Map, Seq, key_place, located_items, value_place
from cnnzoo.errors import Place

KEY, VALUE = Place("a", 1, 1), Place("a", 1, 4)


def test_they_are_ordinary_containers_that_copy_with_their_places():
    mapping, items = Map(KEY), Seq(KEY)
    mapping.put("a", 1, KEY, VALUE)
    items.add(1, VALUE)
    assert mapping == {"a": 1}
    assert items == [1]
    for copy in (mapping.copy(), mapping):
        assert copy.place == KEY
        assert key_place(copy, "a") == KEY
        assert value_place(copy, "a") == VALUE
    again = items.copy()
    again.add(2, None)
    assert items == [1]
    assert list(located_items(again)) == [(1, VALUE), (2, None)]
    assert again.place == KEY


def test_ordinary_containers_have_no_places():
    assert key_place({"a": 1}, "a") is None
    assert value_place({"a": 1}, "a") is None
    assert value_place([1], 0) is None
    assert list(located_items((1, 2))) == [(1, None), (2, None)]
    assert value_place(Map(), "missing") is None
    assert value_place(Seq(), 3) is None
