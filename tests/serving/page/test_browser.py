from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from browser import CHROMIUM, Page, chromium
from PIL import Image
from served import Served, serving

from cnnzoo.config.data import Resize
from cnnzoo.config.loader import load_config
from cnnzoo.datasets.images.fit import Fit
from cnnzoo.evaluation.classifier import Classifier
from cnnzoo.evaluation.explain.explain import map_explainer
from cnnzoo.models.backend import load_keras
from cnnzoo.serving.access import Access
from cnnzoo.serving.served import LoadedModel, load
from cnnzoo.training.train import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium: apt install chromium"),
]

# A colour model, of more classes than bars, with names that would break out of a careless page.
HOSTILE_MODEL = "<b>strange</b> \u202e'name"
HOSTILE_CLASSES = tuple(
    f"<img src=x onerror=\"document.title='broken'\">\u202e{number}" for number in range(40)
)

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")

ONE = [(0.5, 0.2), (0.5, 0.4), (0.5, 0.6), (0.5, 0.8)]
ZERO = [
    (0.5 + 0.2 * math.sin(angle), 0.5 - 0.3 * math.cos(angle))
    for angle in np.linspace(0, 2 * math.pi, 24)
]
SMALL_ONE = [(0.1, 0.1), (0.1, 0.2), (0.1, 0.3)]

BEST = "[...document.querySelectorAll('.best b')].map(each => each.textContent)"
EXPLAINED = (
    "[...document.querySelectorAll('.cam img')]"
    ".every(each => !each.hidden && each.complete && each.naturalWidth > 0)"
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LoadedModel]:
    """LeNet after two epochs, and an untrained model with hostile names."""
    config = load_config("lenet", ["training.epochs=2"])
    accuracy = {"value": 0.973, "low": 0.961, "high": 0.982, "examples": 985, "split": "test"}
    run = train(config, tmp_path_factory.mktemp("runs"))
    return {
        "lenet": replace(load(run), accuracy=accuracy),
        HOSTILE_MODEL: strange_model(),
    }


def strange_model() -> LoadedModel:
    layers = load_keras().layers
    model = load_keras().Sequential(
        [
            layers.Input((32, 24, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 5, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(HOSTILE_CLASSES), activation="softmax"),
        ]
    )
    classifier = Classifier(model, HOSTILE_CLASSES, Fit.of((32, 24, 3), Resize()))
    explain = map_explainer(classifier, size=1)
    return LoadedModel(Path("x.keras"), "0" * 64, classifier, explain, texts=("faces", "gender"))


@pytest.fixture(scope="module")
def server(models: dict[str, LoadedModel]) -> Iterator[Served]:
    with serving(models) as served:
        yield served


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("browser") / "profile", *CAMERA) as page:
        yield page


@pytest.fixture
def page(browser: Page, server: Served) -> Page:
    """The page of a new visitor, as wide as a desktop."""
    browser.show_at(1280)
    opened(browser, server)
    return browser


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph that a camera took upright: wide in the file, high on the screen."""
    path = tmp_path_factory.mktemp("photos") / "<i>photo.jpg"
    pixels = np.random.default_rng(0).integers(0, 256, (12, 18, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).resize((900, 600)).save(path, exif=exif)
    return path


def opened(page: Page, server: Served) -> None:
    page.open(server.url)
    page.wait("!document.querySelector('#content').hidden")


def places_on_pad(page: Page, points: Sequence[tuple[float, float]]) -> list[dict[str, float]]:
    """The places in the window of points that are parts of the canvas."""
    left, top, width, height = page.run(
        "(() => { const box = document.querySelector('#pad').getBoundingClientRect();"
        " return [box.left, box.top, box.width, box.height]; })()"
    )
    return [{"x": left + x * width, "y": top + y * height} for x, y in points]


def draw(page: Page, points: Sequence[tuple[float, float]], release: bool = True) -> None:
    """Draw one stroke with the mouse; points are parts of the canvas."""
    places = places_on_pad(page, points)
    mouse = {"button": "left", "clickCount": 1}
    page.ask("Input.dispatchMouseEvent", type="mousePressed", **places[0], **mouse)
    for place in places[1:]:
        page.ask("Input.dispatchMouseEvent", type="mouseMoved", **place, **mouse)
    if release:
        page.ask("Input.dispatchMouseEvent", type="mouseReleased", **places[-1], **mouse)


def choose_file(page: Page, path: Path) -> None:
    root = page.ask("DOM.getDocument")["root"]["nodeId"]
    node = page.ask("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    page.ask("DOM.setFileInputFiles", files=[str(path)], nodeId=node)


def click(page: Page, selector: str) -> None:
    page.run(f"document.querySelector({selector!r}).click()")


def compare_both(page: Page) -> None:
    click(page, "#chooser label:last-child input")


def centre_of_mass(page: Page) -> list[float]:
    """The place of the drawing in the picture that the network receives, as parts of it."""
    centre: list[float] = page.run(
        "(() => { const c = document.querySelector('#small'); const [w, h] = [c.width, c.height];"
        " const copy = new OffscreenCanvas(w, h).getContext('2d', { willReadFrequently: true });"
        " copy.drawImage(c, 0, 0); const d = copy.getImageData(0, 0, w, h).data;"
        " let [m, x, y] = [0, 0, 0];"
        " for (let i = 0; i < w * h; i++) { const v = d[4 * i]; m += v;"
        " x += v * (i % w + .5); y += v * (Math.floor(i / w) + .5); }"
        " return [x / m / w, y / m / h]; })()"
    )
    return centre


def test_a_digit_that_is_drawn_is_recognized(page):
    assert page.run("document.querySelector('#title').textContent") == "lenet"
    assert "white on black" in page.run("document.querySelector('#invitation').textContent")
    draw(page, ONE)
    page.wait(f"{BEST}[0] === '1'")
    assert page.run("document.querySelector('.bars .first .class').textContent") == "1"
    assert page.run("document.querySelectorAll('.bars li').length") == 10
    page.wait(EXPLAINED)
    assert page.run("document.querySelectorAll('.stage').length") == 4
    page.wait("document.querySelector('#verdict').textContent.startsWith('1, ')")

    click(page, "#clear")
    assert page.run(BEST) == []
    assert page.run("document.querySelector('.cam img').hidden") is True
    draw(page, ZERO)
    page.wait(f"{BEST}[0] === '0'")
    draw(page, ONE)
    click(page, "#undo")
    page.wait(f"{BEST}[0] === '0'")


def test_the_bars_follow_the_pen(page):
    """A digit is answered before the mouse button is released."""
    draw(page, ONE, release=False)
    page.wait(f"{BEST}[0] === '1'")


def test_a_finger_draws_and_the_page_stays(page):
    page.show_at(390)
    places = places_on_pad(page, ONE)
    page.ask("Input.dispatchTouchEvent", type="touchStart", touchPoints=[places[0]])
    for place in places[1:]:
        page.ask("Input.dispatchTouchEvent", type="touchMove", touchPoints=[place])
    page.ask("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    page.wait(f"{BEST}[0] === '1'")
    assert page.run("scrollY") == 0


def test_a_drawing_is_centred_as_the_digits_of_mnist(page):
    draw(page, SMALL_ONE)
    assert centre_of_mass(page) == pytest.approx([0.5, 0.5], abs=0.02)
    page.wait(f"{BEST}[0] === '1'")
    click(page, "#centred")
    assert centre_of_mass(page) == pytest.approx([0.1, 0.2], abs=0.02)


def test_two_models_answer_for_one_picture(page, server, photo):
    compare_both(page)
    choose_file(page, photo)
    page.wait(f"{BEST}.length === 2")
    page.wait(EXPLAINED)
    for name, found in zip(("lenet", HOSTILE_MODEL), page.run(BEST), strict=True):
        answer = server.post_image(f"/predict?top=1&model={quote(name)}", photo.read_bytes()).json
        (best,) = answer["predictions"][0]["probabilities"]
        assert found == best["class"].replace("\u202e", "\\u202e")
    assert page.run("[...document.querySelectorAll('#answers h3')].map(e => e.textContent)") == [
        "lenet",
        HOSTILE_MODEL.replace("\u202e", "\\u202e"),
    ]
    page.wait("document.querySelector('#verdict').textContent.startsWith('The models disagree')")
    # EXIF: the picture and its Grad-CAM are upright.
    sizes = page.run(
        "[...document.querySelectorAll('#shown, .cam img')]"
        ".map(each => each.naturalWidth / each.naturalHeight)"
    )
    assert sizes == pytest.approx([2 / 3] * 3, abs=0.01)


def test_the_class_to_explain_can_be_chosen(page):
    draw(page, ONE)
    page.wait(EXPLAINED)
    page.run(
        "(() => { const choice = document.querySelector('select'); choice.selectedIndex = 8;"
        " choice.dispatchEvent(new Event('change')); })()"
    )
    page.wait("document.querySelector('.caption b')?.textContent === '7'")


def test_a_file_is_dropped_on_the_page(page, photo):
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(photo)], "dragOperationsMask": 1}
        page.ask("Input.dispatchDragEvent", type=kind, x=900, y=300, data=data)
    page.wait(f"{BEST}.length === 1")
    assert page.run("document.querySelector('#pad').hidden") is True
    click(page, "#draw")
    assert page.run(BEST) == []
    assert page.run("document.querySelector('#pad').hidden") is False


def test_a_picture_is_pasted(page):
    page.run(
        "new Promise(done => document.querySelector('#pad').toBlob(blob => {"
        " const data = new DataTransfer(); data.items.add(new File([blob], 'pasted.png'));"
        " dispatchEvent(new ClipboardEvent('paste', { clipboardData: data })); done(); }))"
    )
    page.wait(f"{BEST}.length === 1")


def test_a_photograph_is_taken(page):
    click(page, "#photograph")
    page.wait("!document.querySelector('#video').hidden")
    click(page, "#shoot")
    page.wait(f"{BEST}.length === 1")
    assert page.run("document.querySelector('#video').hidden") is True
    assert page.run("document.querySelector('#video').srcObject") is None


def test_a_bad_file_is_named_and_the_next_one_is_answered(page, photo, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not an image")
    choose_file(page, bad)
    page.wait("document.querySelector('.answer .problem').textContent.includes('not an image')")
    assert page.run(BEST) == []
    choose_file(page, photo)
    page.wait(f"{BEST}.length === 1")
    assert page.run("document.querySelector('.answer .problem').textContent") == ""


def test_hostile_names_are_text(page, photo):
    compare_both(page)
    choose_file(page, photo)
    page.wait(f"{BEST}.length === 2")
    text = page.run("document.body.textContent")
    assert HOSTILE_CLASSES[0].replace("\u202e", "\\u202e") in text
    assert "\u202e" not in text
    assert page.run("document.querySelectorAll('[onerror], h1 b, h3 b').length") == 0
    assert page.run("document.title").endswith("cnnzoo serve")
    assert page.run("document.querySelectorAll('#answers article:last-child .bars li').length") == 8
    command = page.run("[...document.querySelectorAll('pre code')].at(-1).textContent")
    assert command.count("'") == 2  # the name cannot end the quotation


def test_the_description_has_accuracy_classes_and_limits(page):
    text = page.run("document.querySelector('#about').innerText")
    for part in ("97.3 %", "96.1 to 98.2 %", "985 test examples", "gray", "61,706"):
        assert part in text
    compare_both(page)
    warnings = page.run("[...document.querySelectorAll('.warning')].map(e => e.textContent)")
    assert [each.partition(":")[0] for each in warnings] == ["Faces", "Gender"]
    link = page.run("document.querySelector('#answers a').hash")
    assert page.run(f"document.querySelector('{link} .warning') !== null") is True


def test_the_keyboard_reaches_everything_in_order(page):
    page.run("document.querySelector('.skip').focus()")
    order = []
    for _ in range(6):
        page.press("Tab")
        order.append(page.run("document.activeElement.id || document.activeElement.type"))
    assert order == ["checkbox", "checkbox", "choose", "photograph", "centred", "model1-class"]
    page.run("document.querySelector('#chooser input').focus()")
    page.press(" ", " ")  # one model always stays
    assert page.run("document.querySelector('#chooser input').checked") is True
    page.press("Tab")
    page.press(" ", " ")
    assert page.run("document.querySelectorAll('#answers article').length") == 2


def test_a_model_that_was_replaced_is_described_again(page, server, monkeypatch):
    old = server.service.running["lenet"]
    new = {"identity": "1" * 64}
    monkeypatch.setitem(
        server.service.running,
        "lenet",
        replace(old, loaded=replace(old.loaded, **new), description={**old.description, **new}),
    )
    draw(page, ONE)
    page.wait("document.querySelector('#about code').textContent === '111111111111'")
    page.wait(f"{BEST}[0] === '1'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_axe_finds_nothing_serious(page, photo, width, scheme):
    page.show_at(width, scheme)
    compare_both(page)
    choose_file(page, photo)
    page.wait(f"{BEST}.length === 2")
    page.wait(EXPLAINED)
    page.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    assert len(set(page.run(widths))) == 1
    paper = page.run("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(252, 252, 250)", "dark": "rgb(23, 25, 28)"}[scheme]
    assert page.serious_violations() == []


def test_nothing_moves_for_those_who_prefer_that(page):
    duration = "getComputedStyle(document.querySelector('.bar span')).transitionDuration"
    assert page.run(duration) == "0.12s"
    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    page.ask("Emulation.setEmulatedMedia", media="", features=features)
    assert page.run(duration) == "0s"


def test_only_the_latest_of_waiting_requests_is_sent(page):
    seen = page.run(
        "import('/static/latest.js').then(async ({ latestOnly }) => { const seen = [];"
        " let open; const run = latestOnly(each => { seen.push(each);"
        " return new Promise(done => { open = done; }); });"
        " const first = run(1); run(2); run(3); open(); await new Promise(r => setTimeout(r));"
        " open(); await first; return seen; })"
    )
    assert seen == [1, 3]


def test_a_token_is_asked_for_and_kept_in_the_tab(browser, models):
    with serving({"lenet": models["lenet"]}, Access(token="secret")) as server:
        browser.open(server.url)
        for given in ("wrong", "secret"):
            browser.wait("document.querySelector('#token-dialog').open")
            browser.run("document.querySelector('#token').focus()")
            browser.ask("Input.insertText", text=given)
            browser.press("Enter", "\r")
            if given == "wrong":
                browser.wait("document.querySelector('#token-note').textContent.includes('accept')")
        browser.wait("!document.querySelector('#content').hidden")
        draw(browser, ONE)
        browser.wait(f"{BEST}[0] === '1'")
        assert browser.run("document.body.textContent").count("secret") == 0
        assert browser.run("localStorage.length") == 0
        browser.open(server.url)  # again, in the same tab
        browser.wait("!document.querySelector('#content').hidden")


def test_it_asked_nobody_else_and_broke_no_rule(browser):
    """The last test of the module: of all that went before."""
    urls = [sent["request"]["url"] for sent in browser.sent("Network.requestWillBeSent")]
    assert [
        url for url in urls if not url.startswith(("data:", "blob:", "http://127.0.0.1:"))
    ] == []
    entries = [sent["entry"] for sent in browser.sent("Log.entryAdded")]
    refused = [each for each in entries if each["source"] != "network"]
    assert refused == []
    assert {each["text"].partition("status of ")[2][:3] for each in entries} <= {
        "401",
        "415",
        "422",
    }
    assert browser.sent("Runtime.exceptionThrown", "Runtime.consoleAPICalled") == []
    assert browser.sent("Page.javascriptDialogOpening") == []
