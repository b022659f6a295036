"""Before and after in a page that works where no kernel runs."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tests.panels.helpers import GROVE, GROVE_PIXELS, HEIGHT, MODEL, PIXELS, WIDTH
from textseg.editing.comparing import LONGEST, Comparison
from textseg.editing.result import Edit
from textseg.scene import Scene


class Page(HTMLParser):
    """The elements of a page, with their attributes; and that each one is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def edit() -> Edit:
    return Scene.open(PIXELS, MODEL).edit("tree", "house", source="a tree")


@pytest.fixture(scope="module")
def page(edit: Edit) -> Page:
    return Page(edit.compare().html)


def content(address: str) -> Image.Image:
    kind, data = address.split(",", 1)
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_page_holds_both_pictures_and_loads_nothing(page: Page, edit: Edit) -> None:
    assert page.open == []
    pictures = [content(image["src"]) for image in page.all("img")]
    both = (edit.before.rgb, edit.picture.rgb)
    for k, picture in enumerate(pictures):
        assert (picture.format, picture.size) == ("JPEG", (WIDTH, HEIGHT))
        away = [np.abs(np.asarray(picture, float) / 255 - rgb).mean() for rgb in both]
        assert away[k] < 0.03 < away[1 - k]
    addresses = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"'>\s]+)", edit.compare().html)
    assert all(address.startswith("data:") for address in addresses)
    assert "script" not in {tag for tag, _ in page.elements}


def test_pictures_and_slider_are_named(page: Page) -> None:
    assert [image["alt"] for image in page.all("img")] == [
        "Before: tree → house", "After: tree → house",
    ]  # fmt: skip
    slider = page.all("input")[0]
    assert (slider["type"], slider["aria-label"]) == ("range", "Before/after position")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "100", "50")
    assert page.text.strip() == "tree → house"


def test_slider_cuts_off_the_upper_picture(page: Page) -> None:
    slider, figure = page.all("input")[0], page.all("figure")[0]
    assert "setProperty('--at', this.value + '%')" in slider["oninput"]
    assert "--at: 50%" in figure["style"]
    assert "clip-path: inset(0 0 0 var(--at))" in page.all("img")[1]["style"]
    assert figure["onkeydown"] == "event.stopPropagation()", "the notebook would take the arrows"


def test_small_pictures_are_shown_large_and_large_ones_sent_small() -> None:
    small = Scene.open(PIXELS, MODEL).edit("tree", "house", source="a tree").compare()
    assert "width: 384px" in small.html
    large = np.kron(GROVE_PIXELS[:9, :20], np.ones((10, 50, 1), np.uint8))
    mask = np.zeros(large.shape[:2], bool)
    mask[:50, :100] = True
    edit = Scene.open(large, GROVE).edit("", "house", mask=mask, source="", steps=2)
    page = Page(edit.compare().html)
    sent = content(page.all("img")[0]["src"])
    assert max(sent.size) == LONGEST
    assert sent.size == (768, 69)
    assert Image.open(io.BytesIO(edit.compare().still)).size[0] <= 1152


def test_words_are_words_and_no_markup() -> None:
    edit = Scene.open(PIXELS, MODEL).edit(
        "tree", '"><script>alert(1)</script>', source="a tree", steps=2
    )
    page = Page(edit.compare().html)
    assert "script" not in {tag for tag, _ in page.elements}
    assert page.all("img")[1]["alt"] == 'After: tree → "><script>alert(1)</script>'


@pytest.mark.parametrize(
    ("query", "target", "said"),
    [("tree", "", "tree removed"), ("", "house", "house added"), ("tree", "house", "tree → house")],
)
def test_caption_says_what_was_done(query: str, target: str, said: str) -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[:9, :9] = True
    edit = Scene.open(PIXELS, MODEL).edit(query, target, mask=mask, source="a tree", steps=2)
    assert edit.compare().caption == said


def test_notebook_gets_the_page_and_a_picture_beside_it(edit: Edit) -> None:
    comparison = edit.compare()
    assert isinstance(comparison, Comparison)
    data, about = comparison._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", "image/jpeg"}
    assert data["text/plain"] == "Comparison(tree → house)"
    still = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
    assert still.size == edit.comparison().size
    assert about["image/jpeg"]["alt"] == "Before, mask and after: tree → house"
    assert len(json.dumps(data)) < 100_000
