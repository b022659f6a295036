"""Which pictures there are, back and forth among them, and how two of them differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.agents.helpers import HEIGHT, PIXELS, WIDTH, make_toolbox
from textseg.errors import InvalidInputError, NothingToUndoError, UnknownHandleError
from textseg.toolbox import (
    CompareArguments,
    EditArguments,
    ListArguments,
    Toolbox,
    UndoArguments,
    browsing,
)


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


def changed(toolbox: Toolbox, image: str = "garden.png") -> str:
    """The handle of the picture with the tree replaced."""
    asked = EditArguments(image=image, query="tree", target="house", steps=2)
    return toolbox.edit_image(asked).picture or ""


def gone(toolbox: Toolbox, to: str) -> str:
    return toolbox.undo(UndoArguments(to=to)).image.handle


def test_files_below_the_roots_are_listed_beside_the_pictures(
    toolbox: Toolbox, tmp_path: Path
) -> None:
    for name in ("Sea one.png", "boat.png"):
        Image.fromarray(PIXELS).save(tmp_path / "photos" / name)
    listed = toolbox.list_images(ListArguments(limit=2))
    assert (listed.images, listed.total_files, len(listed.files)) == ([], 3, 2)
    near = toolbox.list_images(ListArguments(name="sea_one"))
    assert [file.name for file in near.files] == ["Sea one.png"]
    brought = toolbox.shelf.import_image(tmp_path / "photos" / "boat.png", name="sea 1.png")
    assert brought.name == "sea 1.png"
    toolbox.workspace.resolve("garden.png")
    near = toolbox.list_images(ListArguments(name="sea"))
    assert [image.handle for image in near.images] == [brought.handle]
    assert near.total == 1


def test_undo_goes_back_on_and_to_any_picture(toolbox: Toolbox) -> None:
    first = toolbox.workspace.resolve("garden.png").handle
    second = changed(toolbox, first)
    third = _painted(toolbox, second)
    assert gone(toolbox, "previous") == second
    assert gone(toolbox, "redo") == third
    assert gone(toolbox, "original") == first
    assert gone(toolbox, "redo") == third
    assert gone(toolbox, first) == first
    with pytest.raises(NothingToUndoError):
        gone(toolbox, "redo")
    with pytest.raises(UnknownHandleError):
        gone(toolbox, "img_0000000000")


def _painted(toolbox: Toolbox, image: str) -> str:
    """The handle of a picture with something added."""
    asked = EditArguments(image=image, operation="add", target="house", region="left", steps=2)
    return toolbox.edit_image(asked).picture or ""


def test_undo_names_the_branches_of_the_picture_it_goes_back_to(toolbox: Toolbox) -> None:
    first = toolbox.workspace.resolve("garden.png").handle
    one, two = changed(toolbox, first), _painted(toolbox, first)
    result = toolbox.undo()
    assert (result.image.handle, result.undone) == (first, two)
    assert [branch.handle for branch in result.branches] == [two, one]
    assert [branch.what for branch in result.branches] == ["added house", "tree -> house"]


def test_a_picture_is_compared_with_what_it_was_made_from(toolbox: Toolbox) -> None:
    first = toolbox.workspace.resolve("garden.png").handle
    second = changed(toolbox, first)
    third = _painted(toolbox, second)
    result = toolbox.compare_images(CompareArguments(image="latest"))
    assert (result.image, result.other, result.steps) == (third, second, ["added house"])
    whole = toolbox.compare_images(CompareArguments(image=third, other=first))
    assert whole.steps == ["tree -> house", "added house"]
    for name, told in (("original", whole), ("previous", result)):
        assert toolbox.compare_images(CompareArguments(image="latest", other=name)) == told
    with pytest.raises(InvalidInputError, match="was not made from another picture"):
        toolbox.compare_images(CompareArguments(image=first, other="original"))
    assert toolbox.compare_images(CompareArguments(image=first, other=third)).steps == []
    before, after = (toolbox.shelf.picture(handle).visible() for handle in (first, third))
    seen = np.abs(after - before).max(-1)
    assert whole.difference is not None
    assert whole.difference.pixels == np.count_nonzero(seen)
    left, top, right, bottom = whole.difference.box or []
    outside = seen.copy()
    outside[top:bottom, left:right] = 0
    assert not outside.any()
    shown = browsing.both(toolbox.workspace, whole)
    assert shown.size == (2 * WIDTH + 8, HEIGHT)


def test_the_same_picture_does_not_differ(toolbox: Toolbox) -> None:
    first = toolbox.workspace.resolve("garden.png").handle
    same = toolbox.compare_images(CompareArguments(image=first, other=first)).difference
    assert same is not None
    assert (same.pixels, same.share, same.mean, same.box) == (0, 0.0, 0.0, None)
    with pytest.raises(InvalidInputError, match="was not made from another picture"):
        toolbox.compare_images(CompareArguments(image=first))


def test_pictures_of_two_sizes_are_shown_and_not_measured(toolbox: Toolbox) -> None:
    first = toolbox.workspace.resolve("garden.png").handle
    other = toolbox.shelf.import_image(PIXELS[:12]).handle
    result = toolbox.compare_images(CompareArguments(image=first, other=other))
    assert (result.difference, result.other_width, result.other_height) == (None, WIDTH, 12)
    assert browsing.both(toolbox.workspace, result).height == 12
