"""``%segment`` and ``%%edit`` in a shell."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle
from traitlets.config import Config

from tests.panels.helpers import (
    HEIGHT,
    MODEL,
    PATIENCE,
    PIXELS,
    WIDTH,
    Gate,
    Gated,
    make_toolbox,
    until_cancelled,
)
from textseg.editing.result import Edit
from textseg.errors import InvalidInputError
from textseg.panels import magics
from textseg.panels.job import Job
from textseg.panels.magics import change, edit_parser, follow, segment_parser
from textseg.progress import CancelToken, Progress, ProgressCallback
from textseg.scene import Scene
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation, Segmentations
from textseg.toolbox import Toolbox


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


@pytest.fixture
def shell(
    toolbox: Toolbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setattr(magics, "toolbox_of", lambda _: toolbox)
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.run_line_magic("load_ext", "textseg")
    shell.user_ns["photo"] = PIXELS
    yield shell
    shell.restore_sys_module_state()


def segment(shell: InteractiveShell, line: str) -> Any:
    return shell.run_line_magic("segment", line)


def edit(shell: InteractiveShell, line: str, cell: str) -> Any:
    return shell.run_cell_magic("edit", line, cell)


# -- finding


def test_one_query_gives_the_ordinary_result_under_a_name(shell: InteractiveShell) -> None:
    found = segment(shell, "photo tree -o seg")
    assert shell.user_ns["seg"] is found
    assert isinstance(found, Segmentation)
    expected = Scene.open(PIXELS, MODEL).segment("tree")
    np.testing.assert_array_equal(found.soft, expected.soft)


def test_several_queries_give_all_of_them(shell: InteractiveShell, tmp_path: Path) -> None:
    path = tmp_path / "photos" / "garden.png"
    found = segment(shell, f"'{path}' 'red tree, house'")
    assert isinstance(found, Segmentations)
    assert found.queries == ("red tree", "house")


def test_narrowed_or_cut_query_gives_a_mask(shell: InteractiveShell) -> None:
    whole = segment(shell, "photo tree")
    cut = segment(shell, "photo tree -t 0.9")
    assert isinstance(cut, Mask)
    np.testing.assert_array_equal(cut.binary(), whole.binary(0.9))
    rest = segment(shell, "photo tree --invert")
    np.testing.assert_array_equal(rest.binary(), ~whole.binary())
    with pytest.raises(UsageError, match="several queries"):
        segment(shell, "photo 'tree, house' -t 0.9")


def test_unknown_word_is_told_by_what_the_cell_shows(shell: InteractiveShell) -> None:
    said = "nothing can be said about 'zebra': this model does not know 'zebra'"
    assert repr(segment(shell, "photo zebra")) == f"Segmentation({said})"
    assert said in repr(segment(shell, "photo 'tree, zebra'"))
    assert "'zebra (unknown word)': 0 regions" in repr(segment(shell, "photo zebra --invert"))
    with pytest.raises(UsageError, match=said):
        edit(shell, "photo", "zebra -> tree")


def test_handle_of_the_workspace_is_a_picture_too(
    shell: InteractiveShell, toolbox: Toolbox
) -> None:
    handle = toolbox.shelf.import_image(PIXELS).handle
    before = toolbox.workspace.count()
    assert isinstance(segment(shell, f"{handle} tree"), Segmentation)
    assert isinstance(segment(shell, "latest tree"), Segmentation)
    assert toolbox.workspace.count() == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("photo", "usage: %segment"),
        ("photo tree --sed 3", "unrecognized arguments"),
        ("photo tree -t high", "invalid float"),
        ("photo 'tree", "No closing quotation"),
        ("photo ,", "nothing to look for"),
        ("photo tree -t 7", "allowed: 0 to 1"),
        ("nowhere.png tree", "nowhere.png"),
        ("photo tree -b photo", "is no toolbox"),
        ("photo tree -r upside", "which region"),
        ("-h", "where to cut"),
    ],
)
def test_what_is_wrong_is_one_line_and_no_traceback(
    shell: InteractiveShell, line: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        segment(shell, line)


def test_toolbox_of_a_variable_does_the_work(shell: InteractiveShell, tmp_path: Path) -> None:
    other = make_toolbox(tmp_path / "other")
    shell.user_ns["box"] = other
    segment(shell, "photo tree -b box")
    assert other.workspace.count("mask") == 1


# -- changing


def test_edit_is_the_one_that_python_makes(shell: InteractiveShell) -> None:
    made = edit(shell, "photo --seed 3 --strength 0.5 -o result", "tree -> house\n")
    assert shell.user_ns["result"] is made
    assert isinstance(made, Edit)
    expected = Scene.open(PIXELS, MODEL).edit("tree", "house", seed=3, strength=0.5)
    np.testing.assert_array_equal(np.asarray(made.image), np.asarray(expected.image))


def test_each_line_is_a_change_of_what_the_one_before_left(
    shell: InteractiveShell, toolbox: Toolbox
) -> None:
    made = edit(shell, "photo -r 'bottom right'", "-> house\n\n  -> tree")
    assert (made.query, made.target) == ("", "tree")
    line = toolbox.list_images().images
    assert [each.what for each in line] == ["added tree", "added house", ""]
    assert line[0].parent == line[1].handle
    removed = edit(shell, "photo", "tree ->")
    assert (removed.query, removed.target) == ("tree", "")


@pytest.mark.parametrize("kind", ["array", "mask", "segmentation", "handle"])
def test_mask_says_where(shell: InteractiveShell, toolbox: Toolbox, kind: str) -> None:
    painted = np.zeros((HEIGHT, WIDTH), bool)
    painted[4:10, 5:20] = True
    image = toolbox.shelf.import_image(PIXELS).handle
    found = segment(shell, f"{image} tree")
    shell.user_ns["where"] = {
        "array": painted,
        "mask": Mask.of(painted, found.rgb),
        "segmentation": found,
        "handle": toolbox.shelf.import_mask(painted, image).mask,
    }[kind]
    made = edit(shell, f"{image} --mask where", "-> house")
    expected = found.binary() if kind == "segmentation" else painted
    np.testing.assert_array_equal(made.mask > 0.5, expected)
    assert made.target == "house"


@pytest.mark.parametrize(
    ("line", "cell", "said"),
    [
        ("photo", " \n", "nothing to change"),
        ("photo", "tree house", "cannot read 'tree house'"),
        ("photo", "house -> tree", "'house' was not found"),
        ("photo -m photoshop", "tree -> house", "known: asyrp"),
        ("", "tree -> house", "usage: %%edit"),
    ],
)
def test_wrong_change_is_one_line_and_no_traceback(
    shell: InteractiveShell, line: str, cell: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        edit(shell, line, cell)


def test_arrow_divides_query_and_target() -> None:
    assert change(" red house -> blue house ") == ("red house", "blue house")
    assert change("red house ->") == ("red house", "")
    assert change("-> tree") == ("", "tree")
    for wrong in ("->", "a -> b -> c", "tree"):
        with pytest.raises(InvalidInputError, match="cannot read"):
            change(wrong)


def test_help_lists_all_that_can_be_set() -> None:
    assert {"--threshold", "--seed", "--output"} <= set(segment_parser().format_help().split())
    assert "--strength" in edit_parser().format_help()


def test_textseg_says_what_there_is(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("textseg", "")
    said = capsys.readouterr().out
    for words in ("%segment", "%%edit", "SegmentPanel", "%textseg edit"):
        assert words in said
    shell.run_line_magic("textseg", "%edit")
    assert "--strength" in capsys.readouterr().out
    with pytest.raises(UsageError, match="segment"):
        shell.run_line_magic("textseg", "segmnt")


# -- how far it is


def test_interrupted_cell_cancels_the_work(
    shell: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    shell.user_ns["box"] = make_toolbox(tmp_path / "gated", model=Gated(gate=gate))
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        assert gate.at_work.wait(PATIENCE)
        waited.wait(PATIENCE)
        signal.pthread_kill(main, signal.SIGINT)

    waited, cancel = threading.Event(), Job.cancel

    def cancelled(job: Job) -> None:
        cancel(job)
        gate.go_on.set()

    wait = Job.wait

    def waiting(job: Job, timeout: float | None = None) -> bool:
        waited.set()
        return wait(job, timeout)

    monkeypatch.setattr(Job, "wait", waiting)
    monkeypatch.setattr(Job, "cancel", cancelled)
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        segment(shell, "photo tree -b box")
    thread.join(PATIENCE)
    assert gate.passed == 1


def test_an_interrupt_between_two_looks_at_the_work_cancels_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job()

    def shown(words: str, line: DisplayHandle | None) -> DisplayHandle:
        raise KeyboardInterrupt

    monkeypatch.setattr(magics, "_shown", shown)
    job.start(until_cancelled)
    with pytest.raises(KeyboardInterrupt):
        follow(job, live=True)
    assert job.state == "cancelled"


def test_long_work_shows_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    job, shown, go_on = Job(), [], threading.Event()

    def work(progress: ProgressCallback, cancel: CancelToken) -> None:
        progress(Progress("walking", 1, 2))
        assert go_on.wait(PATIENCE)

    def display(self: DisplayHandle, words: dict[str, str], raw: bool) -> None:
        shown.append(("new", words["text/plain"]))
        go_on.set()

    def update(self: DisplayHandle, words: dict[str, str], raw: bool) -> None:
        shown.append(("same", words["text/plain"]))

    monkeypatch.setattr(DisplayHandle, "display", display)
    monkeypatch.setattr(DisplayHandle, "update", update)
    monkeypatch.setattr(magics, "LOOK", 0.02)
    job.start(work)
    follow(job, live=True)
    assert shown[0] == ("new", "walking: step 1 of 2")
    assert shown[-1] == ("same", "done")
    assert [kind for kind, _ in shown].count("new") == 1


def test_quick_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is shown")

    monkeypatch.setattr(DisplayHandle, "display", refuse)
    job = Job()
    job.start(lambda progress, cancel: None)
    follow(job, live=False)
