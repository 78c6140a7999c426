from __future__ import annotations

import warnings

import pytest
from matplotlib.figure import Figure

from cnnzoo.errors import UserError
from cnnzoo.reporting.saving import save_figure
from cnnzoo.reporting.style import figure_style, new_figure


@figure_style()
def drawn(text: str = "猫") -> Figure:
    figure = new_figure(2, 2)
    figure.add_subplot().plot([1, 2], [3, 4])
    figure.suptitle(text)
    return figure


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".SVG", b"<?xml"), (".pdf", b"%PDF")]
)
def test_the_suffix_says_the_kind_and_the_bytes_repeat(tmp_path, suffix, start):
    first, second = (tmp_path / "made" / f"{name}{suffix}" for name in "ab")
    for path in (first, second):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # no font here has the letter
            save_figure(drawn(), path)
    assert first.read_bytes().startswith(start)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in first.parent.iterdir()) == [first.name, second.name]


def test_text_in_an_svg_is_text(tmp_path):
    path = tmp_path / "a.svg"
    save_figure(drawn("猫 <&>"), path)
    assert "猫 &lt;&amp;&gt;" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["a.gif", "a", "a.svgz"])
def test_another_suffix_is_refused_and_the_possible_ones_are_named(tmp_path, name):
    with pytest.raises(UserError, match=r"\.png, \.svg, \.pdf"):
        save_figure(drawn(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_figure_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_text("old")

    def fail(self: Figure, name: str, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(UserError, match="No space left"):
        save_figure(drawn(), path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
