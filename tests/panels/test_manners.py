"""What people expect of any form: Enter starts, words come first, what is closed is gone."""

from __future__ import annotations

import gc
import io
import sys
import types
import weakref
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import ipywidgets
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from PIL import Image

from tests.panels.helpers import (
    GROVE_PIXELS,
    HEIGHT,
    PIXELS,
    WIDTH,
    Gate,
    finished,
    line_of,
    make_toolbox,
    pixels,
)
from textseg.images import png_bytes
from textseg.panels import CreatePanel, EditPanel, SegmentPanel
from textseg.panels.job import Job
from textseg.panels.leaves import Uploader
from textseg.panels.living import parts_of
from textseg.panels.work_row import WorkRow
from textseg.progress import Progress
from textseg.toolbox import Toolbox


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def press_enter(field: ipywidgets.Text) -> None:
    field._handle_custom_msg({"event": "submit"}, [])


def named(panel: ipywidgets.Widget, words: str) -> Any:
    fields = [each for each in parts_of(panel) if isinstance(each, ipywidgets.Text)]
    return next(each for each in fields if each.description == words)


@pytest.mark.parametrize("field", ["Find", "Spare", "Region"])
def test_enter_in_a_field_for_words_starts_the_search(toolbox: Toolbox, field: str) -> None:
    panel = SegmentPanel(PIXELS, queries=["tree"], toolbox=toolbox)
    press_enter(named(panel, field))
    finished(panel)
    assert panel.controller.masks


@pytest.mark.parametrize("field", ["Change", "Into"])
def test_enter_in_a_field_for_words_starts_the_edit(toolbox: Toolbox, field: str) -> None:
    panel = EditPanel(PIXELS, query="tree", target="house", toolbox=toolbox)
    press_enter(named(panel, field))
    finished(panel)
    assert panel.result is not None


def test_enter_in_the_prompt_makes_the_picture(toolbox: Toolbox) -> None:
    panel = CreatePanel("a tree", toolbox=toolbox)
    panel.controller.height, panel.controller.width = HEIGHT, WIDTH
    press_enter(panel.prompt)
    finished(panel)
    assert panel.controller.image


def test_enter_starts_nothing_while_something_is_at_work(tmp_path: Path) -> None:
    gate = Gate()
    panel = SegmentPanel(PIXELS, queries=["tree"], toolbox=make_toolbox(tmp_path))
    panel.controller.job.start(lambda progress, cancel: gate.__enter__())
    press_enter(panel.queries)
    gate.go_on.set()
    finished(panel)
    assert panel.calls == []


def test_enter_in_the_place_to_save_to_writes_there(toolbox: Toolbox, tmp_path: Path) -> None:
    panel = EditPanel(PIXELS, toolbox=toolbox)
    where = named(panel, "Save to")
    where.value = str(tmp_path / "copy.png")
    press_enter(where)
    assert (tmp_path / "copy.png").exists()
    press_enter(where)
    assert "give another name" in line_of(panel)
    assert "force" not in line_of(panel), "a panel cannot"


def test_line_says_that_work_goes_on_after_the_last_step() -> None:
    job, gate = Job(), Gate()
    work = WorkRow(job)

    def act(progress: Any, cancel: Any) -> None:
        progress(Progress("refining", 3, 3, remaining=0.0))
        gate.__enter__()

    job.start(act)
    assert gate.at_work.wait(30)
    assert "refining: done, going on" in work.line.value
    assert "0 s left" not in work.line.value
    gate.go_on.set()
    job.wait()


# -- files in and out


def piece(uploader: Uploader, at: int, content: bytes, *, size: int, upload: str = "a") -> None:
    said = {"id": upload, "name": "mine.png", "at": at, "size": size}
    uploader._handle_custom_msg(said, [memoryview(content)])


def test_pieces_that_have_arrived_are_the_file_and_the_picture(toolbox: Toolbox) -> None:
    panel = SegmentPanel(toolbox=toolbox)
    content = png_bytes(PIXELS)
    half = len(content) // 2
    piece(panel.upload, 0, content[:half], size=len(content))
    assert panel.upload.arrived == {"id": "a", "bytes": half}
    assert panel.controller.image == ""
    piece(panel.upload, half, content[half:], size=len(content))
    np.testing.assert_array_equal(pixels(toolbox, panel.controller.image), PIXELS)


def test_pieces_of_an_older_upload_and_such_as_come_twice_are_left_out(toolbox: Toolbox) -> None:
    taker = SegmentPanel(toolbox=toolbox).upload
    piece(taker, 0, b"old", size=6, upload="old")
    content = png_bytes(PIXELS)
    piece(taker, 0, content[:5], size=len(content))
    piece(taker, 0, content[:5], size=len(content))
    piece(taker, 3, b"old", size=6, upload="old")
    piece(taker, 9, b"later", size=len(content))
    piece(taker, 5, content[5:], size=len(content))
    assert taker.file is not None
    assert taker.file.content == content


def test_more_than_may_be_taken_is_not_kept(toolbox: Toolbox) -> None:
    taker = Uploader(4)
    piece(taker, 0, b"12345", size=9)
    assert taker.arrived == {}
    piece(taker, 5, b"6789", size=9)
    assert taker.file is None


def test_masks_are_downloaded_when_they_are_asked_for_and_not_kept(toolbox: Toolbox) -> None:
    panel = SegmentPanel(PIXELS, queries=["tree"], toolbox=toolbox)
    panel.download.asked = "page 1"
    assert "there is no mask yet" in line_of(panel)
    assert (panel.download.answer, panel.download.content) == ("page 1", b"")
    panel.run.click()
    finished(panel)
    panel.download.asked = "page 2"
    assert panel.download.name == "masks.zip"
    assert "tree_mask.png" in ZipFile(io.BytesIO(panel.download.content)).namelist()
    panel.download.asked = ""
    assert panel.download.content == b""


def test_picture_is_downloaded_as_it_is(toolbox: Toolbox) -> None:
    panel = EditPanel(PIXELS, toolbox=toolbox)
    panel.download.asked = "page 1"
    with Image.open(io.BytesIO(panel.download.content)) as image:
        np.testing.assert_array_equal(np.asarray(image), PIXELS)


# -- life


@pytest.mark.parametrize("kind", [SegmentPanel, EditPanel, CreatePanel])
def test_closed_panel_leaves_no_widget_behind(toolbox: Toolbox, kind: Any) -> None:
    before = dict(_instances)
    panel = kind(toolbox=toolbox)
    assert len(_instances) > len(before) + 40
    panel.close()
    assert _instances == before
    gone = weakref.ref(panel)
    del panel
    gc.collect()
    assert gone() is None


def test_closed_panel_still_has_its_result_and_leaves_its_picture(toolbox: Toolbox) -> None:
    panel = SegmentPanel(PIXELS, queries=["tree"], toolbox=toolbox)
    panel.run.click()
    finished(panel)
    panel.close()
    assert panel.mask is not None
    data, _ = panel._repr_mimebundle_()
    assert set(data) == {"text/plain", "image/jpeg"}


class Cells:
    """Runs cells as a notebook does: each run is a request of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = 0
        self.request: dict[str, Any] = {}
        kernel = types.SimpleNamespace(get_parent=lambda: self.request, io_loop=None)
        shell = types.SimpleNamespace(kernel=kernel)
        monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)

    def run(self, cell: str, *panels: Any) -> None:
        self.runs += 1
        self.request = {"metadata": {"cellId": cell}, "header": {"msg_id": str(self.runs)}}
        for panel in panels:
            panel._repr_mimebundle_()


def test_cell_that_is_run_again_frees_the_panel_of_before(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = Cells(monkeypatch)
    first, second, third = (EditPanel(GROVE_PIXELS, toolbox=toolbox) for _ in range(3))
    cells.run("a", first, second)
    assert first.comm is not None, "one cell may show two"
    cells.run("b", second)
    cells.run("a", third)
    assert (first.comm, second.comm is None) == (None, False), "another cell shows the second"
    cells.run("a", third)
    assert third.comm is not None
    cells.run("b", third)
    assert second.comm is None
