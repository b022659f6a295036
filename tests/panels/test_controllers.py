"""What panels do, without their widgets: find, correct, change, go back, and make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent_tools.langchain import get_tools
from tests.agents.helpers import call
from tests.panels.helpers import (
    GROVE,
    GROVE_PIXELS,
    HEIGHT,
    PATIENCE,
    PIXELS,
    WIDTH,
    Gate,
    Gated,
    fill,
    finished,
    make_toolbox,
    pixels,
)
from tests.registering import share_captioner
from tests.toolbox.helpers import Parrot
from textseg.editing.result import Edit
from textseg.errors import (
    BusyError,
    InvalidInputError,
    NotFoundError,
    NothingToUndoError,
    OutputExistsError,
    QueryError,
    UnknownHandleError,
)
from textseg.panels.create_controller import CreateController
from textseg.panels.edit_controller import EditController
from textseg.panels.segment_controller import SegmentController
from textseg.panels.shown import describe_mask
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation
from textseg.toolbox import EditArguments, SegmentArguments, Setup, Toolbox

STROKE = {"action": "paint", "points": [[20, 36]], "radius": 3}


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return make_toolbox(tmp_path)


@pytest.fixture
def image(toolbox: Toolbox) -> str:
    return toolbox.workspace.resolve("garden.png").handle


@pytest.fixture
def grove(tmp_path: Path) -> Toolbox:
    """A picture with two trees, one on each side."""
    box = make_toolbox(tmp_path / "grove", model=GROVE)
    box.shelf.import_image(GROVE_PIXELS)
    return box


def found(toolbox: Toolbox, image: str, *queries: str, **settings: Any) -> SegmentController:
    controller = SegmentController(toolbox, image)
    controller.queries = list(queries) or ["tree"]
    for name, value in settings.items():
        setattr(controller, name, value)
    controller.run()
    finished(controller)
    return controller


def editing(toolbox: Toolbox, image: str, **settings: Any) -> EditController:
    controller = EditController(toolbox, image)
    fill(controller, **{"query": "tree", "target": "house", **settings})
    return controller


def edited(controller: EditController) -> Edit:
    controller.run()
    finished(controller)
    assert controller.result is not None
    return controller.result


def looked(controller: EditController) -> SegmentController:
    controller.look()
    finished(controller)
    return controller.finding


def mask_of(controller: SegmentController, index: int | None = None) -> Mask:
    mask = controller.mask(index)
    assert mask is not None
    return mask


# -- finding


def test_found_masks_are_those_of_the_toolbox(toolbox: Toolbox, image: str) -> None:
    controller = found(toolbox, image, " tree ", "", "house")
    facts = toolbox.segment_image(SegmentArguments(image=image, queries=["tree", "house"])).queries
    assert [each.label for each in controller.shown()] == ["tree", "house"]
    assert [each.present for each in controller.shown()] == [True, False]
    assert [each.presence for each in controller.shown()] == [each.presence for each in facts]
    result, expected = controller.opened(), toolbox.shelf.open_result(facts[0].mask or "")
    assert isinstance(result, Segmentation)
    assert isinstance(expected, Segmentation)
    np.testing.assert_array_equal(result.soft, expected.soft)


def test_narrowed_query_gives_a_mask(grove: Toolbox) -> None:
    controller = found(grove, "latest", region="left", exclude="house")
    assert isinstance(controller.opened(), Mask)
    columns = np.nonzero(mask_of(controller).binary())[1]
    assert columns.max() < WIDTH // 2
    inverted = found(grove, "latest", "house", invert=True)
    assert inverted.shown()[0].present, "everything except what is not there is everything"


@pytest.mark.parametrize("invert", [False, True])
def test_an_unknown_word_is_told_and_not_found(grove: Toolbox, invert: bool) -> None:
    shown = found(grove, "latest", "boat", invert=invert).shown()
    assert (shown[0].present, shown[0].presence) == (None, None)
    assert not shown[0].mask.binary(0).any()
    said = "nothing can be said about 'boat': this model does not know 'boat'"
    assert describe_mask(shown, 0.5) == describe_mask(shown, 0.1) == said


def test_what_is_there_but_not_meant_is_told_as_such(grove: Toolbox) -> None:
    shown = found(grove, "latest", region="ninth").shown()
    assert shown[0].present
    assert describe_mask(shown, 0.5).startswith("'tree' is there (probability 0.9")
    assert describe_mask(shown, 0.5).endswith("but it has 2 regions and no 'ninth' one")


def test_what_cannot_be_asked_is_refused_before_anything_starts(
    toolbox: Toolbox, image: str
) -> None:
    controller = SegmentController(toolbox)
    controller.queries = ["tree"]
    with pytest.raises(InvalidInputError, match="no picture yet"):
        controller.run()
    controller.image = image
    controller.queries = [" "]
    with pytest.raises(InvalidInputError, match="nothing to look for"):
        controller.run()
    controller.queries, controller.region = ["tree"], "upside down"
    with pytest.raises(InvalidInputError, match="which region"):
        controller.run()
    assert (controller.job.state, controller.calls) == ("idle", [])


def test_moving_the_cut_asks_nobody_and_is_exact(toolbox: Toolbox, image: str) -> None:
    controller = found(toolbox, image, "tree", "house")
    result = controller.opened()
    assert isinstance(result, Segmentation)
    for cut in (0.9, 0.02, 0.5):
        controller.cut = cut
        np.testing.assert_array_equal(mask_of(controller).binary(), result.binary(cut))
    assert len(controller.calls) == 1
    absent = controller.opened(1)
    assert isinstance(absent, Segmentation)
    controller.cut = 0.0
    np.testing.assert_array_equal(mask_of(controller, 1).binary(), absent.binary(0.0))


def test_threshold_of_a_search_is_where_its_masks_are_cut(toolbox: Toolbox, image: str) -> None:
    controller, plain = found(toolbox, image, threshold=0.9), found(toolbox, image)
    result = plain.opened()
    assert isinstance(result, Segmentation)
    np.testing.assert_array_equal(mask_of(controller).binary(), result.binary(0.9))
    np.testing.assert_array_equal(controller.shown()[0].mask.binary(), result.binary(0.9))


def test_other_picture_forgets_what_was_found_in_the_first(grove: Toolbox) -> None:
    first = grove.workspace.resolve("latest").handle
    controller = found(grove, first)
    second = grove.shelf.import_image(GROVE_PIXELS[:, ::-1]).handle
    controller.turn_to(second)
    assert (controller.masks, controller.result, controller.made) == ([], None, "")
    assert controller.opened() is None
    assert controller.mask() is None
    with pytest.raises(UnknownHandleError):
        controller.turn_to("img_0000000000")
    assert controller.image == second


# -- by hand


def test_corrections_change_the_mask_and_are_undone_one_by_one(grove: Toolbox) -> None:
    controller = found(grove, "latest")
    before = mask_of(controller).binary()
    controller.correct([{"action": "drop", "points": [[8, 7]]}])
    dropped = mask_of(controller).binary()
    controller.correct([STROKE, {"action": "erase", "points": [[4, 30]], "radius": 2}])
    painted = mask_of(controller).binary()
    assert not dropped[:, : WIDTH // 2].any()
    assert painted[20, 36]
    assert not painted[4, 30]
    assert controller.corrected
    assert [each["name"] for each in controller.calls] == [
        "segment_image", "shelf.correct_mask", "shelf.correct_mask",
    ]  # fmt: skip
    controller.undo()
    np.testing.assert_array_equal(mask_of(controller).binary(), dropped)
    controller.undo()
    np.testing.assert_array_equal(mask_of(controller).binary(), before)
    assert not controller.corrected
    with pytest.raises(InvalidInputError, match="no correction"):
        controller.undo()


def test_second_box_to_keep_adds_to_the_first(grove: Toolbox) -> None:
    """In one go, as they are drawn over a mask in which both are still lit up."""
    controller = found(grove, "latest")
    before = mask_of(controller).binary()
    left, right = [0, 0, WIDTH // 2, HEIGHT], [WIDTH // 2, 0, WIDTH, HEIGHT]
    controller.correct([{"action": "keep", "box": left}, {"action": "keep", "box": right}])
    np.testing.assert_array_equal(mask_of(controller).binary(), before)
    asked = controller.calls[-1]["arguments"]["corrections"]
    assert [each["box"] for each in asked] == [left, right]
    controller.undo()
    controller.correct([{"action": "keep", "box": left}, {"action": "drop", "points": [[8, 7]]}])
    assert not mask_of(controller).binary().any()


def test_correction_of_one_query_leaves_the_others_alone(grove: Toolbox) -> None:
    controller = found(grove, "latest", "tree", "house")
    controller.selected = 1
    tree = mask_of(controller, 0).binary()
    controller.correct([{"action": "paint", "points": [[2, 20]]}])
    np.testing.assert_array_equal(mask_of(controller, 0).binary(), tree)
    assert mask_of(controller, 1).binary()[2, 20]
    assert [each.label for each in controller.shown()] == ["tree", "house"]


def test_corrections_go_on_from_what_is_shown(grove: Toolbox) -> None:
    """What was cut elsewhere stays cut there, and undoing brings the freedom to move it back."""
    controller = found(grove, "latest", "tree", "house")
    result = controller.opened(0)
    assert isinstance(result, Segmentation)
    controller.cut = 0.9
    house = mask_of(controller, 1).binary()
    controller.correct([{"action": "paint", "points": [[0, 0]], "radius": 0.5}])
    expected = result.binary(0.9)
    expected[0, 0] = True
    assert controller.cut == 0.5
    np.testing.assert_array_equal(mask_of(controller, 0).binary(), expected)
    np.testing.assert_array_equal(mask_of(controller, 1).binary(), house)
    controller.undo()
    assert controller.cut == 0.9
    np.testing.assert_array_equal(mask_of(controller, 0).binary(), result.binary(0.9))


def test_correction_that_hits_nothing_changes_nothing(grove: Toolbox) -> None:
    controller = found(grove, "latest")
    before = list(controller.masks)
    with pytest.raises(InvalidInputError, match="no region"):
        controller.correct([{"action": "keep", "points": [[0, 20]]}])
    with pytest.raises(InvalidInputError, match="takes points"):
        controller.correct([{"action": "paint", "box": [0, 0, 5, 5]}])
    assert controller.masks == before
    with pytest.raises(InvalidInputError, match="no correction"):
        controller.undo()
    with pytest.raises(InvalidInputError, match="no mask yet"):
        SegmentController(grove).correct([STROKE])


def test_nothing_is_corrected_or_turned_to_while_work_goes_on(tmp_path: Path) -> None:
    gate = Gate()
    toolbox = make_toolbox(tmp_path, model=Gated(gate=gate))
    image = toolbox.workspace.resolve("garden.png").handle
    controller = EditController(toolbox, image)
    controller.query, controller.target = "tree", "house"
    controller.run()
    assert gate.at_work.wait(PATIENCE)
    for action in (
        lambda: controller.finding.correct([STROKE]),
        controller.finding.undo,
        controller.undo,
        controller.look,
        controller.run,
        controller.again,
        lambda: controller.choose(image),
        lambda: controller.turn_to(image),
        lambda: controller.open("mask_0000000000"),
    ):
        with pytest.raises((BusyError, InvalidInputError)):
            action()
    assert [each["name"] for each in controller.calls] == ["edit_image"]
    gate.go_on.set()
    finished(controller)


# -- results of others


def test_mask_that_an_assistant_found_opens_with_its_picture(toolbox: Toolbox) -> None:
    tool = next(tool for tool in get_tools(toolbox) if tool.name == "segment_image")
    result = call(tool, image="garden.png", query="tree", seed=3, threshold=0.4).artifact
    controller = SegmentController(toolbox)
    controller.open(result.queries[0].mask)
    assert (controller.image, controller.queries) == (result.image, ["tree"])
    assert (controller.seed, controller.threshold) == (3, 0.4)
    assert controller.shown()[0].presence == result.queries[0].presence
    controller.run()
    finished(controller)
    np.testing.assert_array_equal(
        mask_of(controller).soft, toolbox.shelf.mask(result.queries[0].mask).soft
    )


def test_painted_mask_opens_under_its_name(toolbox: Toolbox, image: str) -> None:
    painted = np.zeros((HEIGHT, WIDTH), bool)
    painted[4:10, 5:20] = True
    facts = toolbox.shelf.import_mask(painted, image, name="roof")
    controller = SegmentController(toolbox)
    controller.open(facts.mask)
    assert [each.label for each in controller.shown()] == ["roof"]
    assert controller.corrected
    np.testing.assert_array_equal(mask_of(controller).binary(), painted)
    with pytest.raises(UnknownHandleError):
        controller.open("mask_0000000000")


# -- files


def test_everything_shown_is_saved_as_it_is_shown(
    toolbox: Toolbox, image: str, tmp_path: Path
) -> None:
    controller = found(toolbox, image, "tree", "house")
    controller.cut = 0.9
    written = controller.save(tmp_path / "out")
    assert sorted(path.name for path in written) == [
        f"{stem}{suffix}"
        for stem in ("house", "tree")
        for suffix in (".json", "_mask.png", "_overlay.png", "_soft.png")
    ]
    saved = np.asarray(Image.open(tmp_path / "out" / "tree_mask.png")) > 127
    np.testing.assert_array_equal(saved, mask_of(controller).binary())
    with pytest.raises(OutputExistsError):
        controller.save(tmp_path / "out")
    with pytest.raises(InvalidInputError, match="no mask yet"):
        SegmentController(toolbox, image).save(tmp_path / "out2")


# -- edits


def test_edits_go_on_are_undone_and_branch(toolbox: Toolbox, image: str) -> None:
    controller = editing(toolbox, image)
    edited(controller)
    first = controller.image
    assert (controller.settings, toolbox.workspace.latest().handle) == ({}, first)  # type: ignore[union-attr]  # there is one
    controller.query, controller.operation, controller.region = "", "add", "left"
    edited(controller)
    second = controller.image
    controller.undo()
    assert controller.image == first
    controller.choose(image)
    controller.query, controller.operation, controller.region = "tree", "remove", ""
    controller.target = ""
    edited(controller)
    line = controller.history()
    assert [(each.handle, each.parent) for each in line] == [
        (image, None), (first, image), (second, first), (controller.image, image),
    ]  # fmt: skip
    assert [each.what for each in line] == ["", "tree -> house", "added house", "removed tree"]
    controller.choose(second)
    assert controller.result is not None
    assert controller.result.target == "house"
    assert [each["name"] for each in controller.calls] == [
        "edit_image", "edit_image", "undo", "shelf.choose", "edit_image", "shelf.choose",
    ]  # fmt: skip


def test_mask_that_was_looked_at_costs_the_edit_nothing(toolbox: Toolbox, image: str) -> None:
    fresh = edited(editing(toolbox, image, exclude="house"))
    other = toolbox.shelf.import_image(PIXELS.copy()).handle
    controller = editing(toolbox, other, exclude="house")
    controller.look()
    finished(controller)
    edit = edited(controller)
    assert (fresh.evaluations.mask > 0, edit.evaluations.mask) == (True, 0)
    assert edit.evaluations.decode == fresh.evaluations.decode
    np.testing.assert_array_equal(np.asarray(edit.image), np.asarray(fresh.image))


def test_undo_never_undoes_what_somebody_else_did(toolbox: Toolbox, image: str) -> None:
    other = toolbox.shelf.import_image(PIXELS[::-1].copy()).handle
    mine, theirs = editing(toolbox, image), editing(toolbox, other, query="", operation="add")
    theirs.region = "left"
    edited(mine)
    edited(theirs)
    mine.undo()
    assert mine.image == image
    assert mine.calls[-1] == {"name": "shelf.choose", "arguments": {"handle": image}}
    with pytest.raises(NothingToUndoError):
        mine.undo()
    with pytest.raises(NothingToUndoError):
        EditController(toolbox).undo()


def test_edit_is_what_the_toolbox_makes(toolbox: Toolbox, image: str, tmp_path: Path) -> None:
    settings = {"method": "sdedit", "options": {"solver": "dpm_solver_2m"}, "steps": 6, "seed": 4}
    edit = edited(editing(toolbox, image, **settings))
    other = make_toolbox(tmp_path / "other")
    asked = {"image": "garden.png", "query": "tree", "target": "house", "method": "sdedit"}
    there = other.edit_image(
        EditArguments(**asked, steps=6, options={"solver": "dpm_solver_2m"}, seed=4)
    )
    np.testing.assert_array_equal(pixels(other, there.picture or ""), np.asarray(edit.image))
    assert (edit.name, edit.method.steps) == ("sdedit", 6)  # type: ignore[attr-defined]  # of SDEdit


def test_repeated_edit_costs_neither_mask_nor_inversion(toolbox: Toolbox, image: str) -> None:
    controller = editing(toolbox, image, method="diffedit", steps=6)
    first = edited(controller)
    controller.undo()
    fill(controller, seed=1)
    second = edited(controller)
    assert first.evaluations.mask > 0 < first.evaluations.inversion
    assert (second.evaluations.mask, second.evaluations.inversion) == (0, 0)


def test_another_try_is_the_same_edit_of_the_same_picture(toolbox: Toolbox, image: str) -> None:
    controller = editing(toolbox, image, seed=7)
    with pytest.raises(InvalidInputError, match="no edit yet"):
        controller.again()
    edited(controller)
    controller.query = "something else"
    controller.again()
    finished(controller)
    assert controller.calls[1]["arguments"] == {**controller.calls[0]["arguments"], "seed": 8}
    assert controller.settings["seed"] == 8
    assert controller.history()[-1].parent == image


def test_another_try_makes_other_attempts(toolbox: Toolbox, image: str) -> None:
    controller = editing(toolbox, image, seed=7, attempts=3)
    first = {each.seed for each in edited(controller).attempts}
    controller.settings = {}
    controller.adopt()
    assert controller.settings["attempts"] == 3
    controller.again()
    finished(controller)
    assert controller.result is not None
    assert len(first | {each.seed for each in controller.result.attempts}) == 6


def test_look_changes_nothing_and_shows_what_the_edit_will_take(
    toolbox: Toolbox, image: str
) -> None:
    controller = editing(toolbox, image)
    finding = looked(controller)
    assert controller.looked
    assert not controller.by_hand
    assert (controller.image, len(toolbox.workspace.list())) == (image, 1)
    edit = edited(controller)
    assert edit.segmentation is not None
    seen = finding.opened()
    assert isinstance(seen, Segmentation)
    np.testing.assert_array_equal(seen.soft, edit.segmentation.soft)
    assert "mask" not in controller.calls[-1]["arguments"]


def test_look_after_somebody_elses_mask_is_the_look_of_an_edit(
    toolbox: Toolbox, image: str
) -> None:
    theirs = found(toolbox, image, seed=3, draws=2, threshold=0.9, presence="rivals")
    controller = editing(toolbox, image)
    controller.open(theirs.made)
    assert controller.by_hand
    looked(controller)
    assert not controller.by_hand
    assert controller.calls[-1]["arguments"] == {"image": image, "queries": ["tree"]}


def test_corrected_mask_is_where_the_edit_is_made(toolbox: Toolbox, image: str) -> None:
    controller = editing(toolbox, image)
    finding = looked(controller)
    finding.correct([STROKE])
    assert controller.by_hand
    edit = edited(controller)
    assert edit.mask[20, 36] == 1
    assert controller.calls[-1]["arguments"]["mask"] == finding.made
    controller.undo()
    assert controller.by_hand, "what was corrected is not lost by undoing"
    fill(controller, seed=1)
    assert edited(controller).mask[20, 36] == 1
    controller.undo()
    controller.query = "house"
    assert not controller.by_hand, "the mask was for other words"
    assert controller.arguments().mask is None


def test_moved_threshold_is_that_of_the_edit(toolbox: Toolbox, image: str) -> None:
    controller = editing(toolbox, image)
    looked(controller).cut = 0.9
    assert controller.arguments().threshold == 0.9
    controller.query = "house"
    assert controller.arguments().threshold is None
    controller.query = "tree"
    controller.finding.correct([STROKE])
    assert controller.arguments().threshold is None


@pytest.mark.parametrize("operation", ["replace", "remove"])
def test_everything_but_a_corrected_mask_has_no_name(
    toolbox: Toolbox, image: str, operation: str
) -> None:
    target = "house" if operation == "replace" else ""
    controller = editing(toolbox, image, invert=True, operation=operation, target=target)
    by_words = edited(controller)
    controller.undo()
    looked(controller).correct([{"action": "paint", "points": [[0, 0]], "radius": 0.5}])
    by_hand = edited(controller)
    assert (by_hand.prompt, by_hand.source_prompt) == (by_words.prompt, by_words.source_prompt)
    assert by_hand.mask[0, 0] == 1


def test_mask_of_somebody_else_is_where_the_edit_is_made(toolbox: Toolbox, image: str) -> None:
    painted = np.zeros((HEIGHT, WIDTH), bool)
    painted[4:10, 5:20] = True
    mask = toolbox.shelf.import_mask(painted, image).mask
    controller = editing(toolbox, "", query="", operation="add")
    controller.open(mask)
    edit = edited(controller)
    np.testing.assert_array_equal(edit.mask > 0, painted)
    tool = next(tool for tool in get_tools(toolbox) if tool.name == "edit_image")
    theirs = call(tool, image=image, mask=mask, operation="add", target="house").artifact
    np.testing.assert_array_equal(pixels(toolbox, theirs.picture), np.asarray(edit.image))


def test_settings_of_an_edit_are_taken_over(toolbox: Toolbox, image: str) -> None:
    options = {"solver": "dpm_solver_2m"}
    made = editing(
        toolbox, image, method="sdedit", options=options, seed=4, strength=0.6, prompt="house"
    )
    edited(made)
    other = EditController(toolbox, made.image)
    other.adopt()
    assert (other.query, other.target) == ("tree", "house")
    assert (other.method, other.options) == ("sdedit", options)
    assert other.settings == {"seed": 4, "strength": 0.6, "prompt": "house"}
    made.choose(image)
    other.choose(image)
    assert other.arguments() == made.arguments()


def test_missing_query_leaves_everything_as_it_was(toolbox: Toolbox, image: str) -> None:
    controller = editing(toolbox, image, query="house", target="tree")
    controller.run()
    assert controller.job.wait(PATIENCE)
    assert controller.job.state == "failed"
    assert isinstance(controller.job.failure, NotFoundError)
    assert "'house' was not found" in controller.job.error
    assert controller.image == image
    with pytest.raises(QueryError, match="what 'house' is to become"):
        editing(toolbox, image, query="house", target="").run()


def test_cancelled_edit_leaves_everything_as_it_was(tmp_path: Path) -> None:
    gate = Gate()
    toolbox = make_toolbox(tmp_path, model=Gated(gate=gate))
    controller = editing(toolbox, toolbox.workspace.resolve("garden.png").handle)
    image = controller.image
    controller.run()
    assert gate.at_work.wait(PATIENCE)
    controller.job.cancel()
    gate.go_on.set()
    assert controller.job.wait(PATIENCE)
    assert controller.job.state == "cancelled"
    assert gate.passed == 1, "it stops at its next step"
    assert (controller.image, len(toolbox.workspace.list())) == (image, 1)
    edited(controller)


def test_picture_is_saved_to_a_file(toolbox: Toolbox, image: str, tmp_path: Path) -> None:
    controller = editing(toolbox, image)
    edit = edited(controller)
    path = controller.save(tmp_path / "edited.png")
    np.testing.assert_array_equal(np.asarray(Image.open(path)), np.asarray(edit.image))
    with pytest.raises(OutputExistsError):
        controller.save(path)


# -- from words


def made(toolbox: Toolbox, **settings: Any) -> CreateController:
    controller = CreateController(toolbox)
    values = {"prompt": "a tree", "height": HEIGHT, "width": WIDTH, "steps": 6, "guidance": 1.0}
    fill(controller, **{**values, **settings})
    controller.run()
    finished(controller)
    return controller


def test_picture_is_made_described_and_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_captioner(monkeypatch, "parrot", Parrot("a tree"), "cpu")
    toolbox = make_toolbox(tmp_path, setup=Setup(captioner="parrot"))
    controller = made(toolbox)
    assert controller.caption == "a tree"
    generated = controller.image
    controller.editing.query, controller.editing.target = "tree", "house"
    edit = edited(controller.editing)
    assert edit.source_prompt == "a tree"
    assert edit.evaluations.inversion == 0, "the way the picture was made is known"
    assert (controller.image, controller.editing.image != generated) == (generated, True)
    assert [each["name"] for each in controller.calls] == ["generate_and_edit", "edit_image"]
    assert [each.made_by for each in controller.editing.history()] == ["generate", "edit"]


def test_one_side_stands_for_both_and_a_missing_captioner_for_silence(toolbox: Toolbox) -> None:
    controller = made(toolbox, height=0, width=16)
    assert pixels(toolbox, controller.image).shape == (16, 16, 3)
    assert controller.caption == ""


def test_what_an_assistant_made_and_changed_opens(toolbox: Toolbox) -> None:
    tool = next(tool for tool in get_tools(toolbox) if tool.name == "generate_and_edit")
    asked = {"prompt": "a tree", "query": "tree", "target": "house", "width": 40, "height": 24}
    result = call(tool, **asked, seed=9).artifact
    controller = CreateController(toolbox)
    controller.open(result.picture)
    assert (controller.prompt, controller.height) == ("a tree", HEIGHT)
    assert controller.settings == {"seed": 9}
    assert (controller.image, controller.editing.image) == (result.generated, result.picture)
    assert controller.editing.result is not None
    assert controller.editing.result.target == "house"
    controller.editing.undo()
    assert controller.editing.image == result.generated
    photo = toolbox.workspace.resolve("garden.png").handle
    with pytest.raises(InvalidInputError, match="not made from a prompt"):
        controller.open(photo)
