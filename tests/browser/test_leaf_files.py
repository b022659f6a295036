"""Uploader and Downloader in a blank page: what goes to the kernel, and what comes from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.leafpage import LeafPage
from textseg.panels.leaves import Downloader, Uploader
from textseg.panels.leaves.leaf import Leaf

pytestmark = pytest.mark.browser

MOST = 5_000_000
PIECE = 2**21

GIVE = """
([kind, sizes, types]) => {
  const data = new DataTransfer();
  sizes.forEach((size, k) =>
    data.items.add(new File([new Uint8Array(size)], `${k}.png`, {type: types[k]})));
  const target = document.querySelector(".ts-leaf");
  const about = {bubbles: true, cancelable: true};
  const event = kind === "paste"
    ? new ClipboardEvent(kind, {...about, clipboardData: data})
    : new DragEvent(kind, {...about, dataTransfer: data});
  target.dispatchEvent(event);
  return event.defaultPrevented;
}
"""


def give(page: LeafPage, kind: str, *sizes: int, mime: str = "image/png") -> bool:
    taken: bool = page.page.evaluate(GIVE, [kind, list(sizes), [mime] * len(sizes)])
    return taken


def sent(page: LeafPage, number: int) -> list[tuple[int, int]]:
    """Where each piece that was sent begins and how long it is, once there are so many."""
    page.page.wait_for_function("(n) => sent.length >= n", arg=number)
    found = page.page.evaluate("sent.map(({content, sizes}) => [content.at, sizes[0]])")
    return [(at, size) for at, size in found]


def arrive(page: LeafPage, size: int) -> None:
    page.set(arrived={"id": page.page.evaluate("sent.at(-1).content.id"), "bytes": size})


def status(root: Locator) -> Locator:
    return root.get_by_role("status")


def test_next_piece_goes_when_the_last_has_arrived(blank: LeafPage) -> None:
    root = blank.mount(Uploader(MOST))
    size = 2 * PIECE + 10
    assert give(blank, "drop", size)
    assert sent(blank, 1) == [(0, PIECE)]
    arrive(blank, PIECE)
    assert sent(blank, 2)[1] == (PIECE, PIECE)
    arrive(blank, 2 * PIECE)
    assert sent(blank, 3)[2] == (2 * PIECE, 10)
    arrive(blank, size)
    expect(status(root)).to_have_text("0.png is there.")


def test_file_is_chosen_dropped_or_pasted(blank: LeafPage, tmp_path: Path) -> None:
    root = blank.mount(Uploader(MOST))
    file = tmp_path / "mine.png"
    file.write_bytes(b"12345")
    root.locator("input").set_input_files(file)
    assert sent(blank, 1) == [(0, 5)]
    assert blank.page.evaluate("sent[0].content.name") == "mine.png"
    assert give(blank, "dragover", 7)
    assert give(blank, "paste", 7, 8)
    assert sent(blank, 2)[1] == (0, 7)
    assert not give(blank, "paste")


def test_what_cannot_be_taken_is_said_and_not_sent(blank: LeafPage) -> None:
    root = blank.mount(Uploader(MOST))
    give(blank, "drop", MOST + 1)
    expect(status(root)).to_contain_text("0.png has 5.0 MB, and 5.0 MB are taken at most")
    give(blank, "drop", 5, mime="text/plain")
    expect(status(root)).to_have_text("0.png is no picture.")
    assert blank.page.evaluate("sent.length") == 0


def test_page_that_asked_gets_the_file_and_no_other(blank: LeafPage) -> None:
    root = blank.mount(Downloader("the picture", lambda: None))
    blank.set(name="other.png", content=b"other", answer="another page 1")
    with blank.page.expect_download() as waiting:
        root.get_by_role("button", name="Download the picture").click()
        blank.set(name="mine.png", content=b"mine", answer=blank.get("asked"))
    assert waiting.value.suggested_filename == "mine.png"
    assert waiting.value.path().read_bytes() == b"mine"
    assert blank.get("asked") == "", "the kernel may forget it"


@pytest.mark.parametrize("leaf", [Uploader(MOST), Downloader("the picture", lambda: None)])
def test_nothing_is_left_behind(blank: LeafPage, leaf: Leaf) -> None:
    blank.mount(leaf)
    blank.page.evaluate("cleanup()")
    assert blank.page.evaluate("handlers()") == 0
    assert blank.page.evaluate("left.listeners") == 0
    assert blank.page.evaluate("element.childElementCount") == 0
