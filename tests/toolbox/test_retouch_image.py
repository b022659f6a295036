"""``retouch_image`` and ``arrange_image`` on files and in a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from textseg.errors import (
    InvalidInputError,
    NotFoundError,
    OutputExistsError,
    QueryError,
    TextsegError,
)
from textseg.images import png_bytes, to_uint8
from textseg.provenance import EDITED, ENHANCED, GENERATED, Label, label_in, read_label
from textseg.saving import picture_bytes
from textseg.segmentation.mask import Mask
from textseg.testing import GaussianModel
from textseg.toolbox import (
    ArrangeArguments,
    CorrectArguments,
    RetouchArguments,
    SegmentArguments,
    Setup,
    Toolbox,
    UndoArguments,
    arrange_image,
    check_arguments,
    made_name,
    refuse_made_output,
    retouch_image,
    save_made,
)
from textseg.toolbox.turns import Turns
from textseg.workspace import Workspace

HEIGHT, WIDTH = 24, 40
MODEL = GaussianModel()
PIXELS = to_uint8(MODEL.picture(["tree", "house"], HEIGHT, WIDTH, seed=4))
TREE = np.zeros((HEIGHT, WIDTH), bool)
TREE[3:15, 5:20] = True  # the tree of the exact model
BROKEN = Setup(model="picturebook", device="no such device")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    path = tmp_path / "photos" / "garden.png"
    Image.fromarray(PIXELS).save(path)
    return path


@pytest.fixture
def toolbox(photo: Path, tmp_path: Path) -> Toolbox:
    workspace = Workspace.open(tmp_path / "workspace", roots=[photo.parent])
    return Toolbox(workspace, model=MODEL, turns=Turns())


def retouch(image: object = "garden.png", **values: Any) -> RetouchArguments:
    given = {"action": "grey", "query": "tree", **values, "image": str(image)}
    return check_arguments(RetouchArguments, given)


def arrange(image: object = "garden.png", **values: Any) -> ArrangeArguments:
    given = {"action": "move", "query": "tree", **values, "image": str(image)}
    return check_arguments(ArrangeArguments, given)


def pixels(toolbox: Toolbox, handle: str | None) -> np.ndarray:
    assert handle is not None
    return toolbox.shelf.picture(handle).pixels()


def painted(path: Path, inside: np.ndarray = TREE) -> Path:
    Image.fromarray(np.where(inside, 255, 0).astype(np.uint8)).save(path)
    return path


# -- retouching


def test_a_thing_is_found_and_changed_and_nothing_else(photo: Path) -> None:
    answer = retouch_image(retouch(photo), model=MODEL)
    changed = (answer.picture.pixels() != PIXELS).any(-1)
    assert changed[TREE].mean() > 0.9
    assert changed[~TREE].mean() < 0.05  # the mask is as good as the model
    facts = answer.result
    assert (facts.changed_outside, facts.model, facts.amount) == (0, "gaussian", 1.0)
    assert facts.presence is not None
    assert facts.presence > 0.5
    assert facts.evaluations > 0
    assert np.ptp(facts.mean_rgb_after) <= 1


def test_around_a_thing_is_all_but_the_thing(photo: Path) -> None:
    thing = retouch_image(retouch(photo), model=MODEL)
    around = retouch_image(retouch(photo, invert=True), model=MODEL)
    assert thing.weight is not None
    assert around.weight is not None
    np.testing.assert_allclose(thing.weight + around.weight, 1, atol=1e-5)


def test_where_nothing_is_to_be_found_no_model_is_loaded(photo: Path, tmp_path: Path) -> None:
    mask = painted(tmp_path / "mask.png")
    answer = retouch_image(retouch(photo, query="", mask=str(mask)), setup=BROKEN)
    np.testing.assert_array_equal((answer.picture.pixels() != PIXELS).any(-1) & ~TREE, False)
    assert answer.result.model is None
    assert retouch_image(retouch(photo, query=""), setup=BROKEN).weight is None
    with pytest.raises(TextsegError):
        retouch_image(retouch(photo), setup=BROKEN)


def test_what_is_not_there_is_not_found_and_nothing_is_kept(toolbox: Toolbox) -> None:
    Image.fromarray(to_uint8(MODEL.picture(["tree"], HEIGHT, WIDTH, seed=4))).save(
        toolbox.workspace.roots[0] / "tree.png"
    )
    for values in ({"query": "house"}, {"action": "match_colour", "other": "house"}):
        with pytest.raises(NotFoundError, match="'house' was not found"):
            toolbox.retouch_image(retouch("tree.png", **values))
    assert toolbox.workspace.count(None) == 1  # the picture itself


def test_exactly_the_asked_colour_is_told_and_there(toolbox: Toolbox) -> None:
    asked = retouch(action="fill", colour="#1e90ff", query="", mask=mask_handle(toolbox))
    result = toolbox.retouch_image(asked)
    assert result.mean_rgb_after == [0x1E, 0x90, 0xFF]
    assert (pixels(toolbox, result.picture)[TREE] == (0x1E, 0x90, 0xFF)).all()


def mask_handle(toolbox: Toolbox) -> str:
    toolbox.workspace.resolve("garden.png")
    rgb = PIXELS.astype(np.float32) / 255
    return toolbox.shelf.import_mask(Mask.of(TREE, rgb, "a tree")).mask


def test_a_workspace_keeps_picture_mask_and_lineage(toolbox: Toolbox) -> None:
    result = toolbox.retouch_image(retouch())
    made = toolbox.workspace.record(result.picture or "")
    mask = toolbox.workspace.record(result.region_mask or "")
    assert (made.operation, made.parent, made.root) == ("retouch", result.image, result.root)
    assert mask.parent == result.image
    assert made.arguments["image"] == result.image
    latest = toolbox.list_images().images[0]
    assert (latest.handle, latest.latest, latest.what) == (result.picture, True, "grey tree")
    assert toolbox.undo(UndoArguments()).image.handle == result.image


def test_files_and_workspace_say_and_make_the_same(toolbox: Toolbox, photo: Path) -> None:
    here = toolbox.retouch_image(retouch())
    there = retouch_image(retouch(photo), model=MODEL)
    own = {"image", "root", "picture", "region_mask", "seconds"}
    assert here.model_dump(exclude=own) == there.result.model_dump(exclude=own)
    np.testing.assert_array_equal(pixels(toolbox, here.picture), there.picture.pixels())


def test_after_a_crop_the_picture_goes_on_with_masks_of_its_own(toolbox: Toolbox) -> None:
    old = mask_handle(toolbox)
    crop = toolbox.retouch_image(retouch(action="crop", query="", mask=old, margin=0))
    assert (crop.width, crop.height, crop.changed_outside) == (15, 12, None)
    np.testing.assert_array_equal(pixels(toolbox, crop.picture), PIXELS[3:15, 5:20])
    assert toolbox.shelf.mask(crop.region_mask or "").size == (HEIGHT, WIDTH)
    with pytest.raises(InvalidInputError, match="give a mask of this picture"):
        toolbox.retouch_image(retouch("latest", query="", mask=old))
    grey = toolbox.retouch_image(retouch("latest", query=""))
    assert grey.image == crop.picture
    toolbox.undo()
    assert toolbox.undo().image.handle == crop.image
    corrected = toolbox.shelf.correct_mask(
        CorrectArguments(mask=old, corrections=[{"action": "erase", "points": [[4, 6]]}])
    )
    assert toolbox.retouch_image(retouch("latest", query="", mask=corrected.mask)).picture


def test_a_cut_out_is_kept_with_its_transparency(toolbox: Toolbox) -> None:
    cut = toolbox.retouch_image(retouch(action="cut_out", query="", mask=mask_handle(toolbox)))
    np.testing.assert_array_equal(pixels(toolbox, cut.picture)[..., 3] > 0, TREE)
    blurred = toolbox.retouch_image(retouch("latest", action="blur", query=""))
    np.testing.assert_array_equal(pixels(toolbox, blurred.picture)[..., 3] > 0, TREE)


# -- how it came about


@pytest.mark.parametrize(
    ("before", "after"), [(None, ENHANCED), (EDITED, EDITED), (GENERATED, GENERATED)]
)
def test_a_label_stays_and_else_no_model_is_claimed(
    toolbox: Toolbox, photo: Path, before: Label | None, after: Label
) -> None:
    photo.write_bytes(picture_bytes(PIXELS, "PNG", label=before))
    result = toolbox.retouch_image(retouch(query=""))
    assert result.source_type == after.source_type
    record = toolbox.workspace.record(result.picture or "")
    assert label_in(toolbox.workspace.bytes_of(record)) == after


def test_turned_pictures_are_changed_as_people_see_them(photo: Path, tmp_path: Path) -> None:
    turned = Image.fromarray(np.rot90(PIXELS))  # is to be shown a quarter turn to the right
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(photo, exif=exif)
    answer = retouch_image(retouch(photo, query="", mask=str(painted(tmp_path / "mask.png"))))
    assert answer.picture.size == (HEIGHT, WIDTH)
    np.testing.assert_array_equal(answer.picture.pixels()[~TREE], PIXELS[~TREE])


def test_a_deep_grey_picture_says_what_becomes_of_it(photo: Path) -> None:
    photo.write_bytes(png_bytes(PIXELS[..., 0].astype(np.uint16) * 257))
    notes = retouch_image(retouch(photo, query="")).result.notes
    assert any("becomes RGB of 8 bits" in note for note in notes)


def test_saving_labels_and_never_replaces_what_was_read(photo: Path, tmp_path: Path) -> None:
    asked = retouch(photo, query="")
    answer = retouch_image(asked)
    assert made_name(asked) == "garden_grey.png"
    result = save_made(answer, tmp_path / "out.png")
    assert read_label(tmp_path / "out.png") == ENHANCED
    assert result.file == str(tmp_path / "out.png")
    with pytest.raises(OutputExistsError):
        save_made(answer, tmp_path / "out.png")
    for write in (lambda: save_made(answer, photo, force=True),
                  lambda: refuse_made_output(asked, photo, force=True)):  # fmt: skip
        with pytest.raises(InvalidInputError, match="is a file that is read"):
            write()
    with pytest.raises(InvalidInputError, match="JPEG has no transparency"):
        refuse_made_output(retouch(photo, action="cut_out"), tmp_path / "out.jpg")


# -- arranging


def test_a_moved_thing_is_its_own_pixels_and_the_hole_is_an_edit(
    toolbox: Toolbox,
) -> None:
    asked = arrange(to="bottom right", mask=mask_handle(toolbox))
    result = toolbox.arrange_image(asked)
    assert result.box_before == [5, 3, 20, 15]
    left, top, right, bottom = result.box_after
    made = pixels(toolbox, result.picture)
    np.testing.assert_array_equal(made[top:bottom, left:right], PIXELS[3:15, 5:20])
    assert result.changed_outside == 0
    assert result.method is not None
    assert result.source_type == EDITED.source_type
    hole = TREE.copy()
    hole[top:bottom, left:right] = False
    assert (made[hole] != PIXELS[hole]).any(-1).mean() > 0.9


def test_a_copy_needs_no_model_where_a_mask_says_what(photo: Path, tmp_path: Path) -> None:
    mask = str(painted(tmp_path / "mask.png"))
    answer = arrange_image(arrange(photo, action="copy", mask=mask), setup=BROKEN)
    expected = PIXELS.copy()
    expected[3:15, 21:36] = PIXELS[3:15, 5:20]  # beside it, on the same ground
    np.testing.assert_array_equal(answer.picture.pixels(), expected)
    assert answer.label == ENHANCED
    with pytest.raises(TextsegError, match="device"):
        arrange_image(arrange(photo, to="right", mask=mask), setup=BROKEN)


def test_a_thing_that_covers_where_it_was_leaves_no_hole(photo: Path, tmp_path: Path) -> None:
    mask = str(painted(tmp_path / "mask.png"))
    answer = arrange_image(arrange(photo, action="scale", mask=mask), setup=BROKEN)
    assert answer.result.amount == 1.5
    assert (answer.result.method, answer.label) == (None, ENHANCED)


def test_without_a_thing_the_whole_picture_is_mirrored(photo: Path) -> None:
    answer = arrange_image(arrange(photo, action="flip", query=""), setup=BROKEN)
    np.testing.assert_array_equal(answer.picture.pixels(), PIXELS[:, ::-1])
    assert answer.weight is None


def test_a_thing_is_put_beside_another(toolbox: Toolbox) -> None:
    result = toolbox.arrange_image(
        arrange(action="copy", query="house", to="right of", other="tree")
    )
    assert result.box_after[0] == 21
    assert result.model == "gaussian"
    assert toolbox.list_images().images[0].what == "copy house right of"


def test_a_mask_of_something_without_a_name_can_be_moved(toolbox: Toolbox) -> None:
    result = toolbox.arrange_image(arrange(query="", to="right", mask=mask_handle(toolbox)))
    assert result.changed_outside == 0
    assert result.box_after[2] == 38


def test_what_a_mask_was_found_for_says_what_leaves_the_hole(toolbox: Toolbox) -> None:
    found = toolbox.segment_image(SegmentArguments(image="garden.png", queries=["house"]))
    named = arrange(query="house", to="right", mask=found.queries[0].mask)
    by_words = toolbox.arrange_image(named)
    by_mask = toolbox.arrange_image(named.model_copy(update={"query": ""}))
    np.testing.assert_array_equal(
        pixels(toolbox, by_mask.picture), pixels(toolbox, by_words.picture)
    )
    painted = arrange(query="", to="right", mask=mask_handle(toolbox))
    assert (
        toolbox.shelf.query_of(str(painted.mask)),
        toolbox.shelf.query_of(str(named.mask)),
    ) == ("", "house")


def test_what_reaches_the_edge_or_has_several_regions_is_remarked(
    photo: Path, tmp_path: Path
) -> None:
    edge = np.zeros_like(TREE)
    edge[3:15, :10] = True
    mask = str(painted(tmp_path / "mask.png", edge))
    notes = arrange_image(arrange(photo, action="copy", mask=mask)).result.notes
    assert notes == ["the thing reaches the edge of the picture, so where it is cut off shows"]


# -- what is refused


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"query": "", "action": "fill", "colour": "red"}, 'nothing says what to "fill"'),
        ({"query": "", "invert": True}, "nothing says what is to be narrowed"),
        ({"mask": "mask.png", "region": "left"}, "there is a mask"),
        ({"action": "fill"}, "needs a colour"),
        ({"colour": "mauvish", "action": "fill"}, "is no colour"),
        ({"action": "paint"}, "action: must be"),
        ({"amount": 2}, "amount: must be at most 1"),
    ],
)
def test_retouching_refuses_what_it_cannot_read(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        retouch(**values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "nothing says where to"),
        ({"to": "away"}, "names no place"),
        ({"to": "on"}, "takes another thing"),
        ({"to": "left", "other": "house"}, "from the other thing"),
        ({"action": "scale", "to": "left"}, "takes no place"),
        ({"action": "copy", "query": ""}, 'nothing says what to "copy"'),
        ({"action": "flip", "amount": 1}, "takes no amount"),
        ({"to": "left", "amount": 3}, "from 0 to 1, got 3"),
        ({"to": "on", "other": "house", "amount": 0.5}, "goes with a side"),
        ({"to": "left", "invert": True}, "not all but that"),
    ],
)
def test_arranging_refuses_what_makes_no_sense(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        arrange(**values)


def test_what_would_leave_the_picture_is_refused_and_nothing_is_kept(toolbox: Toolbox) -> None:
    mask = mask_handle(toolbox)
    with pytest.raises(InvalidInputError, match="it would leave the picture"):
        toolbox.arrange_image(arrange(to="left", amount=0.5, mask=mask))
    assert toolbox.workspace.count() == 1


def test_nothing_to_copy_is_a_query_error() -> None:
    with pytest.raises(QueryError):
        arrange(action="move", query="")
