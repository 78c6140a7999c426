from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.models.convert.python_text import call, collection, flat, laid_out, literal


@given(value=st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text())
def test_a_literal_is_the_same_value_in_python(value: object) -> None:
    assert eval(flat(literal(value))) == value  # noqa: S307 - it is what literal writes


def test_a_float_is_written_as_the_ratio_that_it_is() -> None:
    assert literal(1 / 255) == "1 / 255"
    assert literal(0.125) == "0.125"
    assert literal(1e-7) == "1e-07"


def test_what_fits_stays_on_its_line() -> None:
    assert laid_out(call("f", [("", "a"), ("key", "b")], "x"), 1, "x = ") == [
        "    x = f(a, key=b)(x)"
    ]


def test_a_call_first_tries_all_its_arguments_on_a_line() -> None:
    long = "a" * 30
    two = call("function", [("", long), ("key", long)])
    assert laid_out(two, 0, "result_of_it_all = ") == [
        "result_of_it_all = function(",
        f"    {long}, key={long}",
        ")",
    ]
    four = call("function", [("", long)] * 4)
    assert laid_out(four) == ["function(", *[f"    {long},"] * 4, ")"]


def test_a_collection_is_written_one_item_a_line() -> None:
    long = "a" * 44
    assert laid_out(collection("[]", [long, long])) == ["[", f"    {long},", f"    {long},", "]"]


def test_the_last_brackets_open_where_the_rest_then_fits() -> None:
    applied = call("f", [("", "a" * 60)], "b" * 30)
    assert laid_out(applied, 0, "x = ") == [f"x = f({'a' * 60})(", f"    {'b' * 30}", ")"]
