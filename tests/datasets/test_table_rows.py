from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.datasets.table_rows import (
    DELIMITERS,
    MAX_LINE,
    TableError,
    find_layout,
    numbered_lines,
    split_row,
)

FIELDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n") | st.sampled_from("\",;\t '"),
    max_size=8,
)


@given(st.lists(FIELDS, min_size=2, max_size=5), st.sampled_from(DELIMITERS))
def test_a_row_that_python_writes_is_split_into_its_fields(fields, delimiter):
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(fields)
    assert split_row(line.getvalue(), delimiter) == fields


def test_a_field_may_be_larger_than_the_csv_module_takes():
    large = "255 " * 150_528
    assert split_row(f'1,"{large}",Training', ",") == ["1", large, "Training"]


@pytest.mark.parametrize("line", ['1,"70 80', '1,"70"80', '"'])
def test_a_quote_that_does_not_end_is_refused(line):
    with pytest.raises(ValueError, match="a quote that does not end"):
        split_row(line, ",")


def layout_of(tmp_path, text, label=None, image=None):
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return find_layout(path, label, image)


@pytest.mark.parametrize(
    ("header", "row", "label", "part", "images", "has_paths"),
    [
        ("emotion,pixels,Usage", "0,1 2 3 4,Training", 0, 2, slice(1, 2), False),
        ("emotion, Usage, pixels", "0, Training, 1 2 3 4", 0, 1, slice(2, 3), False),
        ("label,pixel0,pixel1,pixel2,pixel3", "7,1,2,3,4", 0, None, slice(1, 5), False),
        ("label,1x1,1x2,2x1,2x2", "7,1,2,3,4", 0, None, slice(1, 5), False),
        ("pixel1,pixel2,pixel3,pixel4,class", "1,2,3,4,7", 4, None, slice(0, 4), False),
        ("id,label,0,1,2,3", "a,7,1,2,3,4", 1, None, slice(2, 6), False),
        ("path,label", "a.png,cat", 1, None, slice(0, 1), True),
        ("path\tlabel\tsplit", "a.png\tcat\ttrain", 1, 2, slice(0, 1), True),
        ("Class;File;Partition", "cat;a,b.png;0", 0, 2, slice(1, 2), True),
        ("image,label", "1 2 3 4,0", 1, None, slice(0, 1), False),
        ("pixels,label", ",0", 1, None, slice(0, 1), False),
        ("image,label", '"1 2,0\n \n,0\n1\n1 2 3 4,0', 1, None, slice(0, 1), False),
        ("image,label", ",0", 1, None, slice(0, 1), True),
        ('"image","label"', '"a, b.png","cat"', 1, None, slice(0, 1), True),
    ],
)
def test_the_columns_of_known_tables_are_found(
    tmp_path, header, row, label, part, images, has_paths
):
    for newline in ("\n", "\r\n"):
        for mark in (b"", b"\xef\xbb\xbf"):
            table = mark + f"{header}{newline}{row}{newline}".encode()
            layout = layout_of(tmp_path, table)
            found = (layout.label, layout.part, layout.images, layout.has_paths)
            assert found == (label, part, images, has_paths)
            assert layout.first_line == 2


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|", "]"])
@pytest.mark.parametrize("form", ["sep={}", "SEP={}", '"sep={}"'])
def test_the_line_for_excel_names_the_delimiter(tmp_path, delimiter, form):
    rows = [["path", "label"], ["a, b;c.png", "cat"]] if delimiter in "|]" else [["path", "label"]]
    rows.append(["d.png", "dog"])
    lines = [form.format(delimiter), *(delimiter.join(row) for row in rows)]
    for mark in ("", "\ufeff"):
        layout = layout_of(tmp_path, mark + "\r\n".join(lines) + "\r\n")
        assert (layout.delimiter, layout.columns) == (delimiter, ("path", "label"))
        assert layout.first_line == 3
        assert split_row(lines[2], layout.delimiter) == rows[1]


def test_a_person_chooses_among_columns(tmp_path):
    table = "image_id,Smiling,Male,partition\n1.jpg,1,-1,0\n"
    layout = layout_of(tmp_path, table, "Male", "image_id")
    assert (layout.label, layout.images, layout.part) == (2, slice(0, 1), 3)
    assert layout_of(tmp_path, "path,label,Label\na,b,c\n", "Label").label == 2


@pytest.mark.parametrize(
    ("label", "at", "images"), [("first", 0, slice(1, 5)), ("last", 4, slice(0, 4))]
)
def test_without_a_header_a_person_says_where_the_label_is(tmp_path, label, at, images):
    layout = layout_of(tmp_path, "7,1,2,3,4\n1,0,0,0,0\n", label)
    assert (layout.label, layout.images, layout.first_line) == (at, images, 1)


@pytest.mark.parametrize(
    ("table", "chosen", "key", "message"),
    [
        ("7,1,2,3,4\n", {}, "csv", "has numbers instead of column names"),
        ("7,1,2,3,4\n", {"label": "digit"}, "label", "has numbers instead of column names"),
        ("", {}, "csv", "has fewer than two columns"),
        ("path\na.png\n", {}, "csv", "has fewer than two columns"),
        ("path,label\n", {}, "csv", "has no rows below its header"),
        ("path,label\n\n \n", {}, "csv", "has no rows below its header"),
        ("path,kind\na.png,cat\n", {}, "csv", "no column for the label; its columns: path, kind"),
        ("path,label,class\na,b,c\n", {}, "csv", "2 columns that may be the label: label, class"),
        ("path,label,label\na,b,c\n", {}, "csv", "2 columns that may be the label"),
        ("a,b,label\n1,2,3\n", {}, "csv", "no column for the image"),
        ("p0,p1,p2,label,p3\n1,2,3,4,5\n", {}, "csv", "no column for the image"),
        ("path,label\na,b\n", {"label": "lable"}, "label", "did you mean 'label'"),
        ("path,label\na,b\n", {"image": "paths"}, "image", "did you mean 'path'"),
        ('path,"label\na,b\n', {}, "csv", "has fewer than two columns"),
        (b"\xff\xfep\0a\0t\0h\0", {}, "csv", "is not text in UTF-8"),
    ],
)
def test_a_table_that_is_not_clear_is_refused(tmp_path, table, chosen, key, message):
    with pytest.raises(TableError, match=message) as refused:
        layout_of(tmp_path, table, **chosen)
    assert refused.value.key == key


def test_lines_have_the_numbers_that_an_editor_shows(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n\r\n  \n1,2\n3,4")
    assert list(numbered_lines(path)) == [(1, "a,b"), (4, "1,2"), (5, "3,4")]


def test_a_line_without_end_is_refused(tmp_path):
    path = tmp_path / "table.csv"
    with path.open("wb") as file:
        file.write(b"label,pixels\n")
        file.truncate(MAX_LINE * 3)
    with pytest.raises(TableError, match="more than 16,777,216 characters in line 2"):
        list(numbered_lines(path))
