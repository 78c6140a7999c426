from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import CHROMIUM, Page, chromium

from cnnzoo.reporting.page.write import report_page
from cnnzoo.runs.run import Run

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium: apt install chromium")

_VISIBLE = "[...document.querySelectorAll('.cell')].filter(c => c.offsetParent).map(c => c.id)"


@pytest.fixture(scope="module")
def page(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("browser")
    path = folder / "report.html"
    path.write_text(report_page([trained]), encoding="utf-8")
    with chromium(folder / "profile") as page:
        page.open(path)
        yield page


def test_a_cell_shows_its_pictures(page):
    cells = page.run("[...document.querySelectorAll('.matrix a')].map(a => a.hash.slice(1))")
    assert len(cells) > 1
    for cell in cells:
        page.run(f"document.querySelector('.matrix a[href=\"#{cell}\"]').click()")
        assert page.run(_VISIBLE) == [cell]
        loaded = f"[...document.querySelectorAll('#{cell} img')].every(i => i.naturalWidth > 0)"
        assert page.run(loaded) is True


def test_the_keyboard_moves_through_the_matrix(page):
    page.run("document.querySelector('.matrix a').focus()")
    first = page.run("document.activeElement.hash")
    page.press("ArrowDown")
    moved = page.run("document.activeElement.hash")
    assert moved.startswith("#run1-")
    assert moved != first
    page.press("Enter", "\r")
    assert page.run(_VISIBLE) == [moved[1:]]


def test_a_volume_that_has_the_focus_says_what_it_is(page):
    page.run("document.querySelectorAll('.volume')[2].focus()")
    text = page.run("document.querySelector('.panel').innerText")
    assert "receptive field" in text
    assert "parameters" in text


def test_it_fits_a_phone(page):
    page.show_at(390)
    assert page.run("document.documentElement.scrollWidth") == 390


def test_without_scripts_a_link_leads_to_the_pictures(page):
    """As the page's own style has it, with what the script adds taken away."""
    page.run("document.documentElement.classList.remove('js')")
    cell = page.run("[...document.querySelectorAll('.matrix a')].at(-1).hash")
    page.run(f"location.hash = '{cell}'")
    assert page.run(_VISIBLE) == [cell[1:]]
    page.run("location.hash = ''; document.documentElement.classList.add('js')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious(page, width, scheme):
    page.show_at(width, scheme)
    page.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.serious_violations() == []


def test_it_asked_nobody_and_complained_of_nothing(page):
    """The last test of the module: of all that went before."""
    urls = [sent["request"]["url"] for sent in page.sent("Network.requestWillBeSent")]
    assert [url for url in urls if not url.startswith(("data:", "file:"))] == []
    assert len([url for url in urls if url.startswith("file:")]) == 1
    assert page.sent("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled") == []
    assert page.sent("Page.javascriptDialogOpening") == []
