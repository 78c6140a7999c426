"""Arithmetic agrees with Python's, and nothing but arithmetic is computed."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cnnzoo.config.expressions import (
    MAX_LENGTH,
    MAX_NUMBER,
    Expression,
    evaluate,
    is_expression,
    parse_expression,
    unknown_variable,
    variables_of,
)
from cnnzoo.errors import ConfigError, Place

VARIABLES = {"channels": 64, "ratio": 0.25, "classes": 10}


def value_of(text: str, **variables: object) -> object:
    return evaluate(parse_expression(text), {**VARIABLES, **variables})


class OutOfBounds(Exception):  # noqa: N818 - it is what it says
    """The one reason for which arithmetic that Python computes is refused."""


def within_bounds(text: str) -> object:
    try:
        return value_of(text)
    except ConfigError as error:
        if "exponent" in str(error) or "out of range" in str(error):
            raise OutOfBounds from None
        raise


def arithmetic() -> st.SearchStrategy[str]:
    numbers = st.integers(0, 50).map(str) | st.floats(0.125, 9, width=16).map(repr)
    names = st.sampled_from(sorted(VARIABLES))

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operators = st.sampled_from(["+", "-", "*", "/", "//", "%"])
        functions = st.sampled_from(["min", "max"])
        return (
            st.builds("({} {} {})".format, inner, operators, inner)
            # Small exponents: Python, which is asked as well, has no bounds.
            | st.builds("({} ** {})".format, inner, st.sampled_from(["2", "3", "-1", "0.5"]))
            | st.builds("-{}".format, inner)
            | st.builds("{}({}, {})".format, functions, inner, inner)
            | st.builds("round({})".format, inner)
        )

    return st.recursive(numbers | names, larger, max_leaves=6)


@given(arithmetic())
def test_arithmetic_agrees_with_python(text):
    assume(len(text) < MAX_LENGTH - 3)
    try:
        expected = eval(text, {}, dict(VARIABLES))  # noqa: S307 - made above
        assume(not isinstance(expected, complex) and abs(expected) < MAX_NUMBER)
    except (ArithmeticError, ValueError):
        with pytest.raises(ConfigError, match="cannot be computed"):
            value_of(f"${{{text}}}")
        return
    # Bounds that Python has not: on exponents, and on what is computed on the way.
    with contextlib.suppress(OutOfBounds):
        found = within_bounds(f"${{{text}}}")
        assert found == expected
        assert type(found) is type(expected)


def test_a_lone_variable_may_hold_anything():
    assert value_of("$classes") == 10
    assert value_of("$padding", padding="same") == "same"
    assert value_of("$sizes", sizes=(3, 5)) == (3, 5)
    assert value_of("$class", **{"class": 3}) == 3  # a word that Python keeps for itself


@pytest.mark.parametrize("padding", ["same", True, None, (3,)])
def test_arithmetic_takes_numbers_only(padding):
    with pytest.raises(ConfigError, match="not a number"):
        value_of("${padding * 2}", padding=padding)


def test_spaces_and_lines_do_not_matter():
    assert value_of("${  channels//2 }") == 32
    assert value_of("${min(channels,\n 8)}") == 8


def test_what_is_an_expression():
    assert is_expression("$classes")
    assert is_expression("${")
    assert not is_expression("classes")
    assert not is_expression(5)


HOSTILE = [
    "${__import__('os').system('true')}",
    "${().__class__.__bases__[0].__subclasses__()}",
    "${channels.__class__}",
    "${channels.real}",
    "${[channels][0]}",
    "${{'a': 1}}",
    "${(lambda: 1)()}",
    "${[x for x in (1, 2)]}",
    "${'a' * 3}",
    "${b'a'}",
    "${1j}",
    "${True}",
    "${None}",
    "${...}",
    "${f'{channels}'}",
    "${~1}",
    "${1 < 'a'}",
    "${1 in (1, 2)}",
    "${1 is 1}",
    "${min('a', 'b')}",
    "${1 << 40}",
    "${1 | 2}",
    "${channels @ channels}",
    "${(x := 3)}",
    "${min(*(1, 2))}",
    "${min(1, default=2)}",
    "${min}(1, 2)",
    "${eval('1')}",
    "${abs(1)}",
    "${pow(2, 3)}",
    "${min(1, 2)(3)}",
    "${yield}",
    "${await x}",
    "${import os}",
    "${1; 2}",
    "${1 = 2}",
    "${}",
    "${ }",
    "${",
    "$",
    "$$",
    "$1",
    "$a b",
    "$größe",
    "${channels",
    "${'\\d'}",
]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${index == 0}", True),
        ("${0 < index <= 3}", False),
        ("${index != 0 or channels > 8}", True),
        ("${index == 0 and not skip}", True),
        ("${2 if index == 0 else 1}", 2),
        ("${'same' if skip else 'valid'}", "valid"),
        ("${kind == 'avg'}", True),
        ("${kind != 'avg' or wide == true}", False),
        ("${skip == false}", True),
        ("${1 if wide > 0.5 else 0}", 1),
        ("${false and unheard / 0}", False),
    ],
)
def test_conditions_agree_with_python(text, value):
    known = {"index": 0, "channels": 16, "skip": False, "kind": "avg", "wide": 0.75, "unheard": 1}
    found = evaluate(parse_expression(text), known)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${kind and 1}", "kind is 'avg', not true, false or a number"),
        ("${2 if kind else 1}", "kind is 'avg', not true, false or a number"),
        ("${kind < 3}", "kind is 'avg', not a number"),
        ("${(1 < 2) * 3}", "a part of it is True, not a number"),
        ("${('a' if skip else 'b') * 1000000}", "not a number"),
    ],
)
def test_a_condition_that_is_none_says_why(text, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        evaluate(parse_expression(text), {"kind": "avg", "skip": True})


def test_true_and_false_are_no_variables():
    assert variables_of(parse_expression("${a == true or b == false}")) == {"a", "b"}


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_but_arithmetic_is_parsed(text):
    with pytest.raises(ConfigError) as caught:
        parse_expression(text, Place("it.yaml", 3, 7))
    mistake = caught.value.mistakes[0]
    assert mistake.place == Place("it.yaml", 3, 7)
    assert mistake.hint


COSTLY = [
    "${9 ** 9 ** 9 ** 9}",
    "${2 ** 65}",
    "${10 ** 15 * 10 ** 15}",
    "${1e308 * 10}",
    "${1e999}",
    "${1 / 0}",
    "${1 // 0}",
    "${1 % 0}",
    "${0 ** -1}",
    "${(-8) ** 0.5}",
    "${round(1.5, -1000000000)}",
    "${round(5, -99999999999999)}",
    "${round(1.5, 2.5)}",
    "${min()}",
    "${min(1)}",
    "${round()}",
    "${round(1, 2, 3)}",
    "${max(1)}",
    "${99999999999999999999}",
]


@pytest.mark.parametrize("text", COSTLY)
def test_what_cannot_be_computed_is_refused(text):
    with pytest.raises(ConfigError, match="cannot be computed"):
        value_of(text)


def test_a_long_text_is_refused():
    longest = "${" + "1" + "+1" * ((MAX_LENGTH - 4) // 2) + "}"
    assert value_of(longest) == (MAX_LENGTH - 2) // 2
    with pytest.raises(ConfigError, match="longer than") as caught:
        parse_expression("${" + "1+" * 100_000 + "1}")
    assert len(str(caught.value)) < 200


def test_round_takes_digits():
    assert value_of("${round(ratio * 10.26, 1)}") == 2.6
    assert value_of("${round(channels * ratio)}") == 16
    assert isinstance(value_of("${round(2.5)}"), int)


def test_variables_of():
    assert variables_of(parse_expression("$classes")) == {"classes"}
    assert variables_of(parse_expression("${max(a, b // 2) + min}")) == {"a", "b", "min"}
    assert variables_of(parse_expression("${1 + 2}")) == set()


def test_an_unknown_variable_is_named_once_with_the_known():
    with pytest.raises(ConfigError) as caught:
        value_of("${chanels // 2}")
    assert str(caught.value) == (
        "error: there is no variable $chanels here; did you mean $channels?\n"
        "   hint: known here: $channels, $classes, $ratio"
    )


def test_a_variable_that_is_known_elsewhere_says_where():
    assert "inside one" in str(unknown_variable("index", [], None).hint)
    assert "layers may not" in str(unknown_variable("steps", ["classes"], None).hint)
    assert "model.params" in str(unknown_variable("x", [], None).hint)


def test_many_known_variables_are_not_all_listed():
    mistake = unknown_variable("zzz", [f"v{i:04}" for i in range(1000)], None)
    assert len(mistake.hint or "") < 120


def test_expressions_are_equal_wherever_they_are_written():
    assert Expression("$a", Place("x", 1, 1)) == Expression("$a", Place("y", 2, 2))
    assert str(Expression("$a")) == "$a"


@given(st.text(max_size=60))
def test_any_text_is_computed_or_refused(text):
    for whole in (f"${text}", f"${{{text}}}"):
        with contextlib.suppress(ConfigError):
            value_of(whole)
