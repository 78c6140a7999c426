"""Strict YAML: what a scalar means, where a value stands, and how much work a text may make."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.config.located import Map, Seq
from cnnzoo.config.reader import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    read_scalar,
    read_yaml,
    read_yaml_file,
)
from cnnzoo.errors import ConfigError, Place

# https://yaml.org/spec/1.2.2/#103-core-schema, and fractions.
SCALARS = {
    "1e-3": 0.001,
    "1E3": 1000.0,
    "012": 12,
    "0o14": 12,
    "0x1F": 31,
    "-7": -7,
    "+7": 7,
    ".5": 0.5,
    "5.": 5.0,
    "1/255": 1 / 255,
    "-3/4": -0.75,
    "1/0": "1/0",
    "1_000": "1_000",
    "0b11": "0b11",
    "-0x1F": "-0x1F",
    "12:30:45": "12:30:45",
    "2020-01-01": "2020-01-01",
    "no": "no",
    "yes": "yes",
    "on": "on",
    "y": "y",
    "True": True,
    "false": False,
    "null": None,
    "~": None,
    "None": "None",
    ".inf": math.inf,
    "-.INF": -math.inf,
    "inf": "inf",
    "nan": "nan",
    "e3": "e3",
    ".": ".",
    "-": "-",
    "1e": "1e",
    "relu": "relu",
}


def problem(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "it.yaml")
    return caught.value


def at(error: ConfigError) -> tuple[int, int]:
    place = error.mistakes[0].place
    assert place is not None
    assert place.file == "it.yaml"
    return place.line, place.column


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars_after_yaml_1_2(text, value):
    read = read_scalar(text)
    assert read == value
    assert type(read) is type(value)
    assert read_yaml(f"key: {text}" if text != "-" else "key: '-'") == {"key": value}


def test_not_a_number():
    assert math.isnan(read_scalar(".nan"))


@pytest.mark.parametrize("text", ["1", "true", "null", "1e-3", "~", "1/255", ""])
def test_quoted_scalars_stay_strings(text):
    assert read_yaml(f"['{text}', \"{text}\"]") == [text, text]
    assert read_yaml(f"|-\n  {text}") == text


@given(st.integers(-(10**90), 10**90))
def test_integers(number):
    assert read_scalar(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats(number):
    assert float(read_scalar(repr(number))) == number


@given(st.integers(-9999, 9999), st.integers(1, 9999))
def test_fractions(above, below):
    assert read_scalar(f"{above}/{below}") == above / below


def test_an_empty_document_is_none():
    assert read_yaml("") is None
    assert read_yaml("# only a comment\n") is None
    assert read_yaml("---\n...\n") is None


def test_keys_are_words_as_they_are_written():
    assert read_yaml("{1: a, no: b, null: c, 1.50: d}") == {
        "1": "a",
        "no": "b",
        "null": "c",
        "1.50": "d",
    }


def test_values_know_where_they_stand():
    text = 'model:\n  layers: [Flatten, {Dense: 3},\n    "x"]\n  empty:\n'
    read = read_yaml(text, "it.yaml")
    assert isinstance(read, Map)
    assert read.place == Place("it.yaml", 1, 1)
    model = read["model"]
    assert read.key_places["model"] == Place("it.yaml", 1, 1)
    assert read.value_places["model"] == Place("it.yaml", 2, 3)
    layers = model["layers"]
    assert isinstance(layers, Seq)
    assert model.key_places["layers"] == Place("it.yaml", 2, 3)
    assert layers.place == model.value_places["layers"] == Place("it.yaml", 2, 11)
    assert [(p.line, p.column) for p in layers.item_places] == [(2, 12), (2, 21), (3, 5)]
    assert layers[1].key_places["Dense"] == Place("it.yaml", 2, 22)
    assert layers[1].value_places["Dense"] == Place("it.yaml", 2, 29)
    assert model["empty"] is None
    assert model.value_places["empty"].line == 4


def test_places_count_characters_not_bytes():
    read = read_yaml("größe: {ü: ä, x: 1}", "it.yaml")
    assert read["größe"].value_places["x"] == Place("it.yaml", 1, 18)


def test_a_byte_order_mark_is_skipped(tmp_path):
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_yaml_file(path) == {"name": "x"}
    assert read_yaml("\ufeffname: x") == {"name": "x"}


def test_windows_line_ends(tmp_path):
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"a: 1\r\nb:\r\n  - 2\r\n")
    read = read_yaml_file(path)
    assert read == {"a": 1, "b": [2]}
    assert read["b"].item_places[0].line == 3


def test_aliases_stand_for_their_anchors():
    read = read_yaml("a: &x {b: [1, &y two]}\nc: *x\nd: *y\n")
    assert read == {"a": {"b": [1, "two"]}, "c": {"b": [1, "two"]}, "d": "two"}


def test_an_anchor_cannot_hold_itself():
    assert "no complete value above has the anchor &a" in str(problem("a: &a [*a]"))
    assert "no complete value above has the anchor &b" in str(problem("a: *b\nb: &b 1"))


REFUSED = {
    "a: 1\nb: 2\na: 3": ("the key 'a' is written twice, first in line 1", (3, 1)),
    "{a: 1, 'a': 2}": ("the key 'a' is written twice, first in line 1", (1, 8)),
    "a:\n\t- b": ("a tab in the indentation", (2, 1)),
    "a:\n - \tb: 1\n   c: 2": ("a tab in the indentation", (2, 4)),
    "a: !!python/name:os.system x": ("the tag !!python/name:os.system is refused", (1, 4)),
    "a: !!int '3'": ("the tag !!int is refused", (1, 4)),
    "- !local [1]": ("the tag !local is refused", (1, 3)),
    "a: &x {b: 1}\nc: {<<: *x}": ("merge keys", (2, 5)),
    "a: 1\n---\nb: 2": ("a second document begins here", (2, 1)),
    "[a, b]: 1": ("a key must be a word", (1, 1)),
    "? {a: 1}\n: 2": ("a key must be a word", (1, 3)),
    "a: [1, 2\nb: 3": ("the bracket that opens here lacks ']'", (1, 4)),
    "a: {b: 1\nc: 3": ("the bracket that opens here lacks '}'", (1, 4)),
    "a: 'b\nc: 3\n": ("the quote that opens here is never closed", (1, 4)),
    "a: b: c": ("a second ': ' in this line", (1, 5)),
    "a: 1\n  b: 2": ("a key below line 1, which already has a value", (2, 3)),
    "a:1\nb: 2": ("the colon of a key needs a space after it", (1, 2)),
    "a:\n  b: 1\n c: 2": ("the indentation of this line does not match any line above", (3, 2)),
    "a: b\nc\n": ("the key in line 2 has no ': ' after it", (3, 1)),
    "a: @b": ("a value cannot begin with", (1, 4)),
    "a: [${b}]": ("${…} needs quotes", (1, 6)),
    'a: "\\UFFFFFFFF"': ("out of range", (1, 7)),
    "%YAML 1." + "9" * 5000 + "\n---\na: 1": ("out of range", (1, 9)),
    'a: "\\uD800"': ("a lone surrogate", (1, 4)),
    '"\\uDFFF": 1': ("a lone surrogate", (1, 1)),
    "a: b\x00c": ("character U+0000 is not text", (1, 5)),
    "a: 1\nb: \x1b[31m": ("character U+001B is not text", (2, 4)),
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(text):
    message, place = REFUSED[text]
    error = problem(text)
    assert message in error.mistakes[0].message
    assert at(error) == place


def test_deep_nesting_is_refused():
    read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for opening in ("[", "{a: ", "- "):
        assert f"nested deeper than {MAX_DEPTH}" in str(problem(opening * 20_000))


def test_a_billion_laughs_are_refused():
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert f"more than {MAX_VALUES:,} values" in str(problem("\n".join(lines)))


def test_a_long_list_is_refused():
    assert f"more than {MAX_VALUES:,} values" in str(problem("- a\n" * (MAX_VALUES + 1)))


def test_a_huge_file_is_refused_without_being_read(tmp_path):
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)  # 100 MB of zeros, none of them on disk
    with pytest.raises(ConfigError, match=f"larger than {MAX_BYTES // 1024} KiB"):
        read_yaml_file(path)


def test_binary_junk_is_refused_with_its_place(tmp_path):
    path = tmp_path / "junk.yaml"
    path.write_bytes(b"name: x\nmodel: \xff\xfe")
    with pytest.raises(ConfigError) as caught:
        read_yaml_file(path)
    assert str(caught.value).startswith(f"{path}:2:8: error: byte 0xff is not UTF-8 text")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="is not a file"):
        read_yaml_file(tmp_path)
    with pytest.raises(ConfigError, match="is not a file"):
        read_yaml_file(tmp_path / "missing.yaml")


@given(st.text() | st.text(alphabet="ab :-[]{}&*!|>'\"#%@,?\n\t0123$<"))
def test_any_text_is_read_or_refused_with_a_place(text):
    try:
        read_yaml(text, "it.yaml")
    except ConfigError as error:
        line, column = at(error)
        lines = text.splitlines() or [""]
        assert 1 <= line <= len(lines) + 1
        assert column >= 1


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=12,
)


@given(PLAIN)
def test_what_the_writer_writes_is_read_back(value):
    from cnnzoo.config.writer import to_flow, to_yaml

    assert read_yaml(to_yaml(value)) == value
    assert read_yaml(to_flow(value)) == value
    assert all(line.isprintable() for line in to_yaml(value).split("\n"))


def test_the_writer_escapes_what_a_terminal_or_an_editor_obeys():
    from cnnzoo.config.writer import to_flow, to_yaml

    for text in ("a\u202eb", "\x1b[31m", "\u2028 \u200b", "tab\there", "two\nlines", "# é ✓"):
        for write in (to_flow, to_yaml):
            assert read_yaml(write({text: [text]})) == {text: [text]}
            assert all(line.isprintable() for line in write({text: [text]}).split("\n"))
    assert to_flow("é ✓") == "é ✓"
