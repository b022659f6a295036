"""The operations on a workspace: handles instead of files, the same facts and the same pixels."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import textseg
from tests.registering import register_model, share_captioner
from tests.toolbox.helpers import Half, Parrot
from textseg.editing.result import Edit
from textseg.errors import (
    BusyError,
    Cancelled,
    ImageError,
    InvalidInputError,
    NotFoundError,
    NothingToUndoError,
    OutputExistsError,
    QueryError,
    TextsegError,
    TimeLimitError,
    UnknownHandleError,
)
from textseg.images import open_picture, to_uint8
from textseg.progress import CancelToken, Follow, Progress, ProgressCallback
from textseg.provenance import EDITED, GENERATED, read_label
from textseg.scene import Scene
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation
from textseg.testing import GaussianModel, GaussianThing
from textseg.toolbox import (
    AskArguments,
    CorrectArguments,
    CreateArguments,
    DescribeArguments,
    EditArguments,
    Limits,
    ListArguments,
    SegmentArguments,
    Setup,
    Toolbox,
    check_arguments,
    edit_image,
    generate_and_edit,
    open_toolbox,
    save_edit,
    segment_image,
)
from textseg.toolbox.turns import Turns
from textseg.workspace import Undone, Workspace

HEIGHT, WIDTH = 24, 40
TWO_TREES = {
    "tree": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.125, 0.05, 0.625, 0.3)),
    "pine": GaussianThing(colour=(0.2, 0.7, 0.3), box=(0.125, 0.6, 0.875, 0.95)),
    "house": GaussianThing(colour=(0.8, 0.3, 0.2), box=(0.5, 0.4, 0.9, 0.55)),
}
MODEL = GaussianModel()
PIXELS = to_uint8(MODEL.picture(["tree"], HEIGHT, WIDTH, seed=4))
VOLATILE = {"seconds", "image", "picture", "region_mask", "root", "mask", "generated", "notes"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(PIXELS).save(folder / "garden.png")
    return folder


@pytest.fixture
def toolbox(photos: Path, tmp_path: Path) -> Toolbox:
    return box(photos, tmp_path)


def box(photos: Path, tmp_path: Path, **settings: object) -> Toolbox:
    workspace = Workspace.open(tmp_path / "workspace", roots=[photos])
    return Toolbox(workspace, **{"model": MODEL, "turns": Turns(), **settings})  # type: ignore[arg-type]  # settings of each test


def find(query: str = "tree", image: str = "garden.png", **settings: object) -> SegmentArguments:
    values = {"image": image, "queries": [query], "draws": 4, **settings}
    return check_arguments(SegmentArguments, values)


def change(image: str = "garden.png", **settings: object) -> EditArguments:
    values = {"query": "tree", "target": "house", "source": "a tree", "steps": 4, **settings}
    return check_arguments(EditArguments, {"image": image, **values})


def make(**settings: object) -> CreateArguments:
    values = {"prompt": "a tree", "size": [HEIGHT, WIDTH], "steps": 6, "guidance": 1, **settings}
    return check_arguments(CreateArguments, values)


def pixels(toolbox: Toolbox, handle: str | None) -> np.ndarray:
    assert handle is not None
    return toolbox.shelf.picture(handle).pixels()


def facts(result: object) -> dict[str, object]:
    """What does not depend on where a call is made, or when."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k not in VOLATILE}
        return [plain(each) for each in value] if isinstance(value, list) else value

    found = plain(result.model_dump(mode="json"))  # type: ignore[attr-defined]
    assert isinstance(found, dict)
    return found


# -- the same as on files


def test_segmenting_says_the_same_as_on_files(toolbox: Toolbox, photos: Path) -> None:
    here = toolbox.segment_image(find())
    there = segment_image(find(image=str(photos / "garden.png")), model=MODEL)
    assert facts(here) == facts(there.result)
    mask = here.queries[0].mask
    assert mask is not None
    found = toolbox.shelf.open_result(mask)
    assert isinstance(found, Segmentation)
    np.testing.assert_array_equal(found.soft, there.segmentations[0].soft)


def test_editing_says_and_paints_the_same_as_on_files(toolbox: Toolbox, photos: Path) -> None:
    here = toolbox.edit_image(change())
    there = edit_image(change(str(photos / "garden.png")), model=MODEL)
    assert facts(here) == facts(there.result)
    np.testing.assert_array_equal(pixels(toolbox, here.picture), there.edit.picture.pixels())


def test_making_says_and_paints_the_same_as_on_files(toolbox: Toolbox) -> None:
    asked = make(changes=[{"query": "tree", "target": "flowers"}])
    here, there = toolbox.generate_and_edit(asked), generate_and_edit(asked, model=MODEL)
    assert facts(here) == facts(there.result)
    np.testing.assert_array_equal(pixels(toolbox, here.picture), there.picture.pixels())
    np.testing.assert_array_equal(pixels(toolbox, here.generated), there.generated.pixels())


@pytest.mark.parametrize("method", [None, "diffedit"])
def test_a_made_picture_is_changed_in_the_steps_that_made_it(
    toolbox: Toolbox, method: str | None
) -> None:
    made = toolbox.generate_and_edit(make())
    found = toolbox.edit_image(change(made.picture, method=method, steps=None))
    assert found.options["steps"] == 6
    assert found.evaluations.inversion == 0


def test_picture_is_kept_when_a_change_of_it_cannot_be_made(toolbox: Toolbox) -> None:
    changes = [{"query": "tree", "target": "flowers"}, {"query": "house", "target": "tree"}]
    with pytest.raises(NotFoundError, match="change 2: 'house'") as caught:
        toolbox.generate_and_edit(make(changes=changes))
    edited, generated = toolbox.list_images().images
    assert edited.latest
    assert (edited.parent, edited.what) == (generated.handle, "tree -> flowers")
    assert edited.handle in caught.value.hint
    assert caught.value.presence < 0.5


# -- handles and their line


def test_edits_go_on_from_the_latest_and_are_undone_one_by_one(toolbox: Toolbox) -> None:
    first = toolbox.edit_image(change())
    second = toolbox.edit_image(change("latest", query="", operation="add", region="left"))
    assert second.image == first.picture
    assert (first.root, second.root) == (first.image, first.image)
    assert toolbox.undo().image.handle == first.picture
    again = toolbox.undo()
    assert (again.image.handle, again.undone) == (first.image, first.picture)
    assert again.image.latest
    with pytest.raises(NothingToUndoError):
        toolbox.undo()


def test_list_says_what_each_change_did(toolbox: Toolbox) -> None:
    image = toolbox.workspace.resolve("garden.png").handle
    mask = toolbox.shelf.import_mask(np.ones((HEIGHT, WIDTH), bool), image).mask
    for settings in (
        {"target": "", "operation": "remove"},
        {"query": "", "operation": "add", "region": "left"},
        {"invert": True},
        {"query": "", "target": "", "operation": "remove", "prompt": "grass", "mask": mask},
    ):
        toolbox.edit_image(change(image, **settings))
    assert [each.what for each in toolbox.list_images().images] == [
        "removed what a mask showed",
        "everything except tree -> house",
        "added house",
        "removed tree",
        "",
    ]


def test_undo_names_the_picture_that_it_took_back(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may make a picture at any time, also between two looks at the latest one."""
    image = toolbox.workspace.resolve("garden.png").handle
    undo = Workspace.undo

    def undo_after_somebody_else(workspace: Workspace, *, all_of_it: bool) -> Undone:
        toolbox.edit_image(change(image))
        return undo(workspace, all_of_it=all_of_it)

    toolbox.edit_image(change(image))
    monkeypatch.setattr(Workspace, "undo", undo_after_somebody_else)
    undone = toolbox.undo().undone
    assert undone == toolbox.list_images().images[0].handle


def test_any_handle_can_be_gone_on_from(toolbox: Toolbox) -> None:
    first = toolbox.edit_image(change())
    other = toolbox.edit_image(change(first.image, target="", operation="remove"))
    assert other.image == first.image
    listed = toolbox.list_images(ListArguments(limit=2))
    assert [image.handle for image in listed.images] == [other.picture, first.picture]
    assert [image.latest for image in listed.images] == [True, False]
    assert [image.what for image in listed.images] == ["removed tree", "tree -> house"]
    assert listed.total == 3


def test_results_open_in_another_process_as_they_were(
    toolbox: Toolbox, photos: Path, tmp_path: Path
) -> None:
    result = toolbox.edit_image(change())
    there = edit_image(change(str(photos / "garden.png")), model=MODEL).edit
    assert result.picture is not None
    found = box(photos, tmp_path).shelf.open_result(result.picture)
    assert isinstance(found, Edit)
    for name in (
        "query",
        "target",
        "prompt",
        "source_prompt",
        "negative",
        "name",
        "method",
        "seed",
    ):
        assert getattr(found, name) == getattr(there, name)
    assert (found.evaluations, found.notes) == (there.evaluations, there.notes)
    np.testing.assert_array_equal(found.mask, there.mask)
    np.testing.assert_array_equal(found.picture.pixels(), there.picture.pixels())
    np.testing.assert_array_equal(found.before.pixels(), PIXELS)
    np.testing.assert_allclose(found.raw, there.raw, atol=0.5 / 255 + 1e-6)
    assert found.segmentation is not None
    assert there.segmentation is not None
    np.testing.assert_array_equal(found.segmentation.soft, there.segmentation.soft)
    assert found.segmentation.settings == there.segmentation.settings
    assert found.segmentation.raw.levels == there.segmentation.raw.levels
    assert found.segmentation.threshold == there.segmentation.threshold


def test_edit_of_a_made_picture_is_the_same_after_a_restart(
    toolbox: Toolbox, photos: Path, tmp_path: Path
) -> None:
    made = toolbox.generate_and_edit(make())
    asked = change("latest", method="diffedit", steps=6)
    here = toolbox.edit_image(asked)
    later = box(photos, tmp_path).edit_image(change(made.picture or "", method="diffedit", steps=6))
    assert here.evaluations.inversion == later.evaluations.inversion == 0
    np.testing.assert_array_equal(pixels(toolbox, here.picture), pixels(toolbox, later.picture))


def test_a_named_method_takes_what_the_card_has_for_it_and_results_name_the_card(
    toolbox: Toolbox,
) -> None:
    made = toolbox.edit_image(change(method="diffedit", steps=6, options={"solver": "euler"}))
    usual = GaussianModel().card.edits.methods["diffedit"]
    assert usual.items() <= {**made.options, "steps": 20, "solver": "reused_midpoint"}.items()
    assert (made.options["steps"], made.options["solver"]) == (6, "euler")
    assert made.card == toolbox.segment_image(find()).card == "gaussian"
    assert toolbox.generate_and_edit(make()).card == "gaussian"


def test_second_edit_is_the_same_after_a_restart(
    toolbox: Toolbox, photos: Path, tmp_path: Path
) -> None:
    first = toolbox.edit_image(change())
    asked = change(first.picture or "", method="diffedit", query="", operation="add", region="left")
    here, later = toolbox.edit_image(asked), box(photos, tmp_path).edit_image(asked)
    np.testing.assert_array_equal(
        toolbox.scene(first.picture or "").rgb, toolbox.shelf.picture(first.picture or "").rgb
    )
    np.testing.assert_array_equal(pixels(toolbox, here.picture), pixels(toolbox, later.picture))
    assert here.check == later.check


def test_picture_that_another_model_made_is_inverted_like_any_other(
    toolbox: Toolbox, photos: Path, tmp_path: Path
) -> None:
    toolbox.generate_and_edit(make())
    other = box(photos, tmp_path, model=GaussianModel(name="other"))
    result = other.edit_image(change("latest", method="diffedit", steps=6))
    assert result.evaluations.inversion > 0


def test_imported_pictures_and_masks_are_no_results(toolbox: Toolbox) -> None:
    image = toolbox.segment_image(find()).image
    with pytest.raises(InvalidInputError, match="no edit made it"):
        toolbox.shelf.open_result(image)


# -- parts of what is found


@pytest.fixture
def grove(tmp_path: Path) -> Toolbox:
    """A picture with two trees of one colour, and a model for which both are called "tree"."""

    class Grove(GaussianModel):
        def embed_text(self, prompts):  # type: ignore[no-untyped-def]  # as in the base class
            found = super().embed_text([p.replace("tree", "tree pine") for p in prompts])
            return replace(found, prompts=tuple(prompts))

    model = Grove(things=TWO_TREES)
    folder = tmp_path / "grove"
    folder.mkdir()
    picture = to_uint8(model.picture(["tree", "pine", "house"], HEIGHT, WIDTH, seed=1))
    Image.fromarray(picture).save(folder / "garden.png")
    workspace = Workspace.open(tmp_path / "of-grove", roots=[folder])
    return Toolbox(workspace, model=model, turns=Turns())


def test_regions_are_told_with_place_share_and_colour(grove: Toolbox) -> None:
    regions = grove.segment_image(find()).queries[0].regions
    assert [region.position for region in regions] == ["right, largest", "left, smallest"]
    assert [region.index for region in regions] == [1, 2]
    for region in regions:
        assert region.share == pytest.approx(region.area / (HEIGHT * WIDTH))
        assert np.abs(np.array(region.mean_rgb) - 255 * np.array((0.2, 0.7, 0.3))).max() < 12
    assert regions[0].area > regions[1].area


@pytest.mark.parametrize(
    ("selecting", "columns"),
    [
        ({"region": "left"}, (0, 14)),
        ({"region": "largest"}, (22, 40)),
        ({"region": "second from the right"}, (0, 14)),
        ({"region": "1"}, (22, 40)),
    ],
)
def test_region_picks_among_what_was_found(
    grove: Toolbox, selecting: dict[str, object], columns: tuple[int, int]
) -> None:
    result = grove.segment_image(find(**selecting))
    facts = result.queries[0]
    assert len(facts.regions) == 1
    left, _, right, _ = facts.regions[0].box
    assert columns[0] <= left < right <= columns[1]
    assert result.region == selecting["region"]
    assert facts.mask is not None
    assert isinstance(grove.shelf.open_result(facts.mask), Mask)


def test_what_is_excluded_is_left_out_and_everything_else_can_be_meant(grove: Toolbox) -> None:
    both, trees = (grove.segment_image(find(**k)) for k in ({}, {"exclude": "tree"}))
    assert both.queries[0].matched
    assert not trees.queries[0].matched
    rest = grove.segment_image(find(invert=True)).queries[0]
    assert rest.area == pytest.approx(1 - both.queries[0].area)


def test_edit_of_one_region_leaves_the_other_alone(grove: Toolbox) -> None:
    result = grove.edit_image(change(region="left", target="house"))
    assert result.picture is not None
    edit = grove.shelf.open_result(result.picture)
    assert isinstance(edit, Edit)
    assert edit.mask[:, WIDTH // 2 :].max() == 0 < edit.mask[:, : WIDTH // 2].max()
    assert (result.region, result.presence) == ("left", pytest.approx(1, abs=0.2))
    assert result.evaluations.mask > 0


def test_everything_except_can_be_changed_and_removed(grove: Toolbox) -> None:
    for target, operation in (("house", "replace"), ("", "remove")):
        asked = change("garden.png", invert=True, target=target, operation=operation)
        result = grove.edit_image(asked)
        edit = grove.shelf.open_result(result.picture or "")
        assert isinstance(edit, Edit)
        trees = grove.segment_image(find(draws=10)).queries[0].area
        assert result.share == pytest.approx(1 - trees, abs=0.15)
        assert result.query == "tree"


def test_nothing_left_of_a_query_changes_nothing(grove: Toolbox) -> None:
    before = grove.list_images().total
    for narrowed, why in (
        ({"exclude": "tree"}, "nothing is left of it after sparing 'tree'"),
        ({"region": "third"}, "it has 2 regions and no 'third' one"),
        ({"region": "third", "invert": True}, "it has 2 regions and no 'third' one"),
        ({"region": "left", "exclude": "tree"}, "nothing is left of it after sparing 'tree'"),
        ({"exclude": "zebra"}, "nothing can be said about 'zebra'"),
        ({"query": "zebra", "invert": True}, "nothing can be said about 'zebra'"),
    ):
        with pytest.raises(NotFoundError) as caught:
            grove.edit_image(change(**narrowed))
        assert why in caught.value.message
        if "invert" in narrowed and "region" in narrowed:
            continue  # whoever looks for everything but that gets everything
        facts = grove.segment_image(find(draws=None, **narrowed)).queries[0]
        assert not facts.matched
        assert (facts.reason, facts.hint) == (caught.value.message, caught.value.hint)
    assert grove.list_images().total == before + 1  # the picture that was named came in


def test_things_are_added_where_words_say(toolbox: Toolbox) -> None:
    asked = change(query="", operation="add", region="bottom right")
    result = toolbox.edit_image(asked)
    edit = toolbox.shelf.open_result(result.picture or "")
    assert isinstance(edit, Edit)
    rows, cols = np.nonzero(edit.mask)
    assert (rows.mean() / HEIGHT, cols.mean() / WIDTH) == pytest.approx((0.78, 0.78), abs=0.05)
    assert edit.mask.max() == 1
    with pytest.raises(InvalidInputError, match="names no place"):
        toolbox.edit_image(change(query="", operation="add", region="largest"))


# -- masks by hand


@pytest.mark.parametrize(("words", "centre"), [("bottom left", (18, 8)), ("middle", (12, 20))])
def test_place_is_a_mask_for_python_too(
    toolbox: Toolbox, words: str, centre: tuple[int, int]
) -> None:
    mask = textseg.place(words, (HEIGHT, WIDTH))
    assert (mask.shape, mask.dtype) == ((HEIGHT, WIDTH), np.float32)
    assert mask[centre] == 1
    rows, cols = np.nonzero(mask)
    assert (rows.mean(), cols.mean()) == pytest.approx(centre, abs=1.5)
    added = toolbox.edit_image(change(query="", operation="add", region=words, prompt="a house"))
    scene = toolbox.scene(added.image)
    edit = scene.edit("", "house", mask=mask, source="a tree", prompt="a house", steps=4)
    np.testing.assert_array_equal(edit.picture.pixels(), pixels(toolbox, added.picture))


@pytest.mark.parametrize(("words", "size"), [("largest", (4, 6)), ("", (4, 6)), ("left", (0, 6))])
def test_what_is_no_place_is_refused(words: str, size: tuple[int, int]) -> None:
    with pytest.raises(InvalidInputError, match=r"no place|pixels on both sides"):
        textseg.place(words, size)


def test_found_mask_can_be_edited_with_and_is_shaped_like_any_found_mask(toolbox: Toolbox) -> None:
    by_query = toolbox.edit_image(change())
    toolbox.shelf.choose(by_query.image)
    mask = toolbox.segment_image(find(image="latest", draws=None)).queries[0].mask
    by_mask = toolbox.edit_image(change(by_query.image, mask=mask))
    np.testing.assert_array_equal(
        pixels(toolbox, by_mask.picture), pixels(toolbox, by_query.picture)
    )


def test_corrected_mask_is_taken_as_it_is(toolbox: Toolbox) -> None:
    found = toolbox.segment_image(find()).queries[0].mask
    strokes = {"mask": found, "corrections": [{"action": "paint", "points": [[20, 36]]}]}
    facts = toolbox.shelf.correct_mask(CorrectArguments.model_validate(strokes))
    assert len(facts.regions) == 2
    result = toolbox.edit_image(change(query="", target="house", mask=facts.mask))
    edit = toolbox.shelf.open_result(result.picture or "")
    assert isinstance(edit, Edit)
    assert edit.mask[20, 36] == 1
    np.testing.assert_allclose(edit.mask, toolbox.shelf.mask(facts.mask).soft, atol=1e-6)


def test_regions_are_kept_and_dropped_by_pointing(grove: Toolbox) -> None:
    found = grove.segment_image(find()).queries[0].mask
    for action, side in (("keep", "left"), ("drop", "right")):
        correction = {"action": action, "points": [[8, 7]]}
        asked = CorrectArguments.model_validate({"mask": found, "corrections": [correction]})
        regions = grove.shelf.correct_mask(asked).regions
        assert [region.position.split(",")[0] for region in regions] == [side]
    wrong = {"mask": found, "corrections": [{"action": "drop", "points": [[0, 20]]}]}
    with pytest.raises(InvalidInputError, match="no region"):
        grove.shelf.correct_mask(CorrectArguments.model_validate(wrong))


@pytest.fixture
def three(toolbox: Toolbox) -> str:
    """A mask of three regions: a at the left, b in the middle, c at the right."""
    inside = np.zeros((HEIGHT, WIDTH), bool)
    for left in (2, 16, 30):
        inside[6:14, left : left + 6] = True
    image = toolbox.workspace.resolve("garden.png").handle
    return toolbox.shelf.import_mask(inside, image, name="trees").mask


BOXES = {"a": [0, 4, 10, 16], "b": [14, 4, 24, 16], "c": [28, 4, 38, 16]}
POINTS = {"a": [[8, 4]], "b": [[8, 18]], "c": [[8, 32]]}


def said(action: str, name: str) -> dict[str, object]:
    """A box around the region with a capital letter, a point on the one with a small one."""
    where = {"box": BOXES[name.lower()]} if name.isupper() else {"points": POINTS[name]}
    return {"action": action, **where}


@pytest.mark.parametrize(
    ("corrections", "left"),
    [
        ("+A", "a"),
        ("+A +C", "ac"),
        ("+a +C +b", "abc"),
        ("-A -c", "b"),
        ("+A +B -b", "a"),
        ("-b +A +B", "a"),
        ("+A -A", ""),
    ],
)
def test_what_is_kept_is_kept_together_and_what_is_dropped_goes(
    toolbox: Toolbox, three: str, corrections: str, left: str
) -> None:
    steps = [said("keep" if word[0] == "+" else "drop", word[1]) for word in corrections.split()]
    asked = CorrectArguments.model_validate({"mask": three, "corrections": steps})
    facts = toolbox.shelf.correct_mask(asked)
    found = toolbox.shelf.mask(facts.mask)
    expected = np.zeros((HEIGHT, WIDTH), bool)
    for name in left:
        start = BOXES[name][0] + 2
        expected[6:14, start : start + 6] = True
    np.testing.assert_array_equal(found.binary(), expected)
    assert facts.name == "trees (corrected)"


def test_strokes_are_made_in_what_is_kept_and_can_join_regions(
    toolbox: Toolbox, three: str
) -> None:
    bridge = {"action": "paint", "points": [[10, 6], [10, 18]], "radius": 1}
    dot = {"action": "paint", "points": [[20, 4]], "radius": 1}
    steps = [
        said("keep", "c"),
        bridge,
        dot,
        said("keep", "a"),
        {"action": "erase", "points": [[8, 33]]},
    ]
    asked = CorrectArguments.model_validate({"mask": three, "corrections": steps})
    binary = toolbox.shelf.mask(toolbox.shelf.correct_mask(asked).mask).binary()
    assert all(binary[at] for at in ((8, 4), (10, 11), (8, 18))), "a, the bridge, b behind it"
    assert binary[20, 4], "painted after something was kept"
    assert not binary[8, 33], "erased"


def test_painted_file_becomes_a_mask(toolbox: Toolbox, tmp_path: Path) -> None:
    painted = np.zeros((HEIGHT, WIDTH), np.uint8)
    painted[4:10, 5:20] = 255
    Image.fromarray(painted).save(tmp_path / "painted.png")
    toolbox.segment_image(find())
    facts = toolbox.shelf.import_mask(tmp_path / "painted.png", name="roof")
    assert (facts.name, facts.area) == ("roof", pytest.approx(90 / (HEIGHT * WIDTH)))
    assert facts.regions[0].box == [5, 4, 20, 10]
    with pytest.raises(InvalidInputError, match=r"10 x 10|size"):
        toolbox.shelf.import_mask(np.full((10, 10), 255, np.uint8))
    for empty, said in ((0, "nothing may change"), (1, "largest value is 1 of 255")):
        with pytest.raises(InvalidInputError, match=said):
            toolbox.shelf.import_mask(np.full((HEIGHT, WIDTH), empty, np.uint8))


def test_largest_picture_is_what_the_setup_says(photos: Path, tmp_path: Path) -> None:
    setup = Setup(max_pixels=HEIGHT * WIDTH - 1)
    toolbox = open_toolbox(tmp_path / "other", roots=[photos], setup=setup)
    for source in (photos / "garden.png", PIXELS):
        with pytest.raises(ImageError, match=r"more than the limit of 959; .*Setup\(max_pixels="):
            toolbox.shelf.import_image(source)
    with pytest.raises(ImageError, match="more than the limit of 959"):
        toolbox.workspace.resolve("garden.png")


@pytest.mark.parametrize("crop", [True, False])
def test_picture_above_the_usual_limit_can_be_edited_once_it_was_let_in(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch, crop: bool
) -> None:
    handle = toolbox.shelf.import_image(PIXELS).handle
    mask = toolbox.shelf.import_mask(np.pad(np.ones((8, 10), bool), ((4, 12), (6, 24)))).mask
    for function in (open_picture, Scene.open.__func__):
        usual = {**function.__kwdefaults__, "max_pixels": 1}
        monkeypatch.setattr(function, "__kwdefaults__", usual)
    first = toolbox.edit_image(change(handle, mask=mask, crop=crop)).picture
    assert toolbox.edit_image(change(str(first), mask=mask, crop=crop)).picture


def test_mask_of_another_picture_is_refused(toolbox: Toolbox, photos: Path) -> None:
    Image.fromarray(PIXELS[:, :30]).save(photos / "narrow.png")
    mask = toolbox.segment_image(find()).queries[0].mask
    with pytest.raises(InvalidInputError, match=r"40 x 24.*30 x 24"):
        toolbox.edit_image(change("narrow.png", mask=mask))


# -- out


def test_exported_pictures_say_how_they_came_about(toolbox: Toolbox, tmp_path: Path) -> None:
    edited, made = toolbox.edit_image(change()), toolbox.generate_and_edit(make())
    assert edited.picture is not None
    assert made.picture is not None
    path = toolbox.shelf.export(edited.picture, tmp_path / "edited.png")
    assert read_label(path) == EDITED
    np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels(toolbox, edited.picture))
    assert read_label(toolbox.shelf.export(made.picture, tmp_path / "made.webp")) == GENERATED
    assert read_label(toolbox.shelf.export(edited.image, tmp_path / "original.png")) is None
    with pytest.raises(OutputExistsError):
        toolbox.shelf.export(made.picture, path)


def test_edit_of_a_made_picture_is_still_made_by_a_model(toolbox: Toolbox, tmp_path: Path) -> None:
    toolbox.generate_and_edit(make())
    edited = toolbox.edit_image(change("latest"))
    path = toolbox.shelf.export(edited.picture or "", tmp_path / "edited.png")
    assert read_label(path) == GENERATED


def test_edit_of_a_signed_picture_says_that_the_signature_stays_behind(
    toolbox: Toolbox, photos: Path
) -> None:
    claims = PngInfo()
    claims.add(b"caBX", b"\0\0\0\x1ejumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\3c2pa\0")
    Image.fromarray(PIXELS).save(photos / "signed.png", pnginfo=claims)
    first = toolbox.edit_image(change("signed.png"))
    assert [note for note in first.notes if "Content Credentials" in note]
    assert not toolbox.edit_image(change("latest", query="", operation="add", region="left")).notes
    asked = change(str(photos / "signed.png"))
    saved = save_edit(edit_image(asked, model=MODEL), photos / "out.png")
    assert saved.notes == first.notes


def test_exported_mask_is_black_and_white(toolbox: Toolbox, tmp_path: Path) -> None:
    mask = toolbox.segment_image(find()).queries[0].mask or ""
    path = toolbox.shelf.export(mask, tmp_path / "mask.png")
    expected = toolbox.shelf.mask(mask).binary()
    np.testing.assert_array_equal(np.asarray(Image.open(path)) > 127, expected)
    with pytest.raises(InvalidInputError, match="PNG"):
        toolbox.shelf.export(mask, tmp_path / "mask.jpg")


# -- what goes wrong changes nothing


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"query": "house"}, NotFoundError),
        ({"method": "photoshop"}, InvalidInputError),
        ({"steps": 101}, InvalidInputError),
        ({"mask": "mask_0000000000"}, UnknownHandleError),
    ],
)
def test_failed_edit_leaves_the_latest_alone(
    toolbox: Toolbox, asked: dict[str, object], error: type[TextsegError]
) -> None:
    image = toolbox.segment_image(find()).image
    with pytest.raises(error):
        toolbox.edit_image(change("latest", **asked))
    assert [each.handle for each in toolbox.list_images().images] == [image]


def test_unknown_picture_is_told_with_what_there_is(toolbox: Toolbox) -> None:
    image = toolbox.segment_image(find()).image
    with pytest.raises(UnknownHandleError, match=image):
        toolbox.segment_image(find(image="img_0000000000"))
    with pytest.raises(TextsegError) as caught:
        toolbox.segment_image(find(image="nowhere.png"))
    assert str(toolbox.workspace.folder.parent) not in str(caught.value)


def test_mask_and_narrowing_exclude_each_other() -> None:
    with pytest.raises(QueryError, match="narrow"):
        change(mask="mask_0000000000", region="left")
    with pytest.raises(InvalidInputError, match="which region"):
        find(region="upside down")


def test_limits_hold_for_every_operation(toolbox: Toolbox) -> None:
    toolbox.limits = Limits(draws=3, queries=1, steps=5, changes=0, side=32)
    with pytest.raises(InvalidInputError, match="at most 3 draws"):
        toolbox.segment_image(find(draws=4))
    with pytest.raises(InvalidInputError, match="at most 1 queries"):
        toolbox.segment_image(find(queries=["tree", "house"], draws=1))
    with pytest.raises(InvalidInputError, match="at most 5 steps"):
        toolbox.edit_image(change(steps=6))
    with pytest.raises(InvalidInputError, match="at most 32 pixels a side"):
        toolbox.generate_and_edit(make(steps=5))
    with pytest.raises(InvalidInputError, match="at most 0 changes"):
        toolbox.generate_and_edit(
            make(steps=5, size=[24, 24], changes=[{"query": "tree", "target": "house"}])
        )


def test_time_is_limited(toolbox: Toolbox) -> None:
    toolbox.limits = Limits(seconds=1e-9)
    with pytest.raises(TimeLimitError, match="seconds"):
        toolbox.edit_image(change())
    assert toolbox.list_images().total == 1


def over_at(monkeypatch: pytest.MonkeyPatch, stage: str, *, after: str = "") -> ProgressCallback:
    """A callback that turns the clock on when a stage begins, once ``after`` was seen."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("textseg.progress.time", SimpleNamespace(monotonic=lambda: clock.now))
    seen = {""}

    def watch(progress: Progress) -> None:
        seen.add(progress.stage)
        if progress.stage == stage and after in seen:
            clock.now = 10_000.0

    return watch


def slow(monkeypatch: pytest.MonkeyPatch, *, batch: float) -> ProgressCallback:
    """A callback that turns the clock on with each batch of a comparison."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("textseg.progress.time", SimpleNamespace(monotonic=lambda: clock.now))

    def watch(progress: Progress) -> None:
        if progress.stage.startswith("comparing") and progress.step > 0:
            clock.now += batch

    return watch


def test_queries_that_there_was_time_for_are_kept_and_the_others_named(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolbox = box(photos, tmp_path, setup=Setup(batch_size=4))
    queries = ["tree", "house", "boat"]
    late = slow(monkeypatch, batch=200)  # four batches are 800 seconds, 600 the limit
    result = toolbox.segment_image(find(queries=queries), progress=late)
    assert [each.query for each in result.queries] == ["tree", "house"]
    assert result.missing == ["boat"]
    assert toolbox.shelf.open_result(str(result.queries[0].mask)).present  # type: ignore[union-attr]  # it is of a mask
    again = toolbox.segment_image(find(queries=queries), progress=slow(monkeypatch, batch=0))
    assert ([each.query for each in again.queries], again.missing) == (queries, [])
    assert again.queries[0].evaluations == 0, "it is known"
    assert again.queries[0].presence == result.queries[0].presence


def test_answers_that_there_was_time_for_are_kept_and_the_others_named(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolbox = box(photos, tmp_path, setup=Setup(batch_size=4))
    asked = {"image": "garden.png", "about": "larger", "queries": ["tree", "boat"], "draws": 4}
    question = check_arguments(AskArguments, {**asked, "other": "house"})
    result = toolbox.ask_image(question, progress=slow(monkeypatch, batch=200))
    assert [(each.query, each.other) for each in result.answers] == [("tree", "house")]
    assert result.missing == ["boat"]
    whole = toolbox.ask_image(question, progress=slow(monkeypatch, batch=0))
    assert ([each.query for each in whole.answers], whole.missing) == (["tree", "boat"], [])
    assert whole.answers[0] == result.answers[0]


@pytest.mark.parametrize(("batch", "seen"), [(200, ["tree", "house"]), (601, [])])
def test_a_caption_is_told_though_no_time_is_left_for_all_that_it_names(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: float, seen: list[str]
) -> None:
    toolbox = box(photos, tmp_path, setup=Setup(batch_size=4))
    monkeypatch.setattr(Scene, "caption", lambda _: "a tree, a house and a boat")
    described = toolbox.describe_image(
        DescribeArguments(image="garden.png", draws=4), progress=slow(monkeypatch, batch=batch)
    )
    assert described.caption == "a tree, a house and a boat"
    assert [each.query for each in described.things] == seen
    assert [*seen, *described.missing] == ["tree", "house", "boat"]


def test_queries_that_all_come_in_time_are_asked_together(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolbox = box(photos, tmp_path, setup=Setup(batch_size=4))
    result = toolbox.segment_image(
        find(queries=["tree", "house", "boat"]), progress=slow(monkeypatch, batch=149)
    )
    assert (len(result.queries), result.missing, result.evaluations) == (3, [], 16)


def test_nothing_found_in_time_is_an_error(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toolbox = box(photos, tmp_path, setup=Setup(batch_size=4))
    late = slow(monkeypatch, batch=601)
    for queries in (["tree"], ["tree", "house"]):
        with pytest.raises(TimeLimitError, match="600 seconds"):
            toolbox.segment_image(find(queries=queries), progress=late)


def test_attempts_that_were_finished_in_time_are_kept(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = over_at(monkeypatch, "editing (3 of 4)")
    result = toolbox.edit_image(change(attempts=4), progress=late)
    cut = "stopped at the time limit after 2 of 4 attempts"
    unseen = "no time was left to look at the picture again"
    assert (result.attempts, result.stopped) == (2, f"{cut}; {unseen}")
    assert result.notes[-2:] == [cut, unseen]
    assert result.check.look is None
    whole = toolbox.edit_image(change(image=result.image, attempts=2))
    assert (whole.seed, whole.stopped) == (result.seed, "")
    np.testing.assert_array_equal(pixels(toolbox, result.picture), pixels(toolbox, whole.picture))
    kept = toolbox.shelf.open_result(str(result.picture))
    assert isinstance(kept, Edit)
    assert kept.stopped == result.stopped


def test_an_edit_is_kept_where_no_time_is_left_to_look_at_it(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = over_at(monkeypatch, "comparing", after="decoding")
    result = toolbox.edit_image(change(attempts=1), progress=late)
    assert result.stopped == "no time was left to look at the picture again"
    assert result.check.look is None
    assert toolbox.list_images().images[0].handle == result.picture


def test_what_was_made_before_the_time_was_over_is_kept(
    toolbox: Toolbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = [{"query": "tree", "target": "house"}, {"query": "house", "target": "tree"}]
    late = over_at(monkeypatch, "comparing", after="decoding")
    with pytest.raises(TimeLimitError, match="change 2: stopped after 600 seconds") as caught:
        toolbox.generate_and_edit(make(changes=changes, attempts=1, check=False), progress=late)
    newest, first = toolbox.list_images().images
    assert f"kept as {newest.handle}" in caught.value.hint
    assert "fewer steps" in caught.value.hint
    assert (newest.made_by, first.made_by) == ("edit", "generate")


def test_work_is_cancelled_at_its_next_step(toolbox: Toolbox) -> None:
    cancel, seen = CancelToken(), []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if progress.stage == "editing" or len(seen) > 6:
            cancel.cancel()

    with pytest.raises(Cancelled):
        toolbox.edit_image(change(), progress=stop, cancel=cancel)
    assert toolbox.list_images().total == 1
    assert toolbox.edit_image(change()).picture is not None


def test_everything_at_work_can_be_cancelled_from_outside(toolbox: Toolbox) -> None:
    assert not toolbox.cancel()
    told: list[bool] = []

    def stop(progress: Progress) -> None:
        told.append(toolbox.cancel())

    with pytest.raises(Cancelled):
        toolbox.edit_image(change(), progress=stop)
    assert all(told)


def test_progress_comes_with_an_estimate(toolbox: Toolbox) -> None:
    seen: list[Progress] = []
    toolbox.edit_image(change(steps=8), progress=seen.append)
    first = next(k for k, each in enumerate(seen) if each.of > 2 and each.step)
    assert all(each.remaining is not None for each in seen[first:])
    assert seen[-1].remaining == 0
    shares = [each.share or 0.0 for each in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1


# -- one at a time


def test_calls_wait_for_their_turn_and_too_many_are_told(photos: Path, tmp_path: Path) -> None:
    turns = Turns(waiting=1)
    toolbox = box(photos, tmp_path, turns=turns)
    at_work, go_on, done = threading.Event(), threading.Event(), []

    def hold(_: Progress) -> None:
        at_work.set()
        assert go_on.wait(20)

    def first() -> None:
        done.append(toolbox.segment_image(find(), progress=hold).queries[0].query)

    def second() -> None:
        done.append(toolbox.segment_image(find("house")).queries[0].query)

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert at_work.wait(20)
    threads.append(threading.Thread(target=second))
    threads[1].start()
    wait_until(lambda: len(turns._queue) == 2)
    with pytest.raises(BusyError, match="waiting"):
        toolbox.segment_image(find("house"))
    assert toolbox.list_images().total == 1  # listing needs no model
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert done == ["tree", "house"]


def test_waiting_call_can_be_cancelled(photos: Path, tmp_path: Path) -> None:
    turns, cancel = Turns(), CancelToken()
    toolbox = box(photos, tmp_path, turns=turns)
    with turns.turn():
        cancel.cancel()
        with pytest.raises(Cancelled):
            toolbox.segment_image(find(), cancel=cancel)
    assert toolbox.segment_image(find()).queries[0].matched


def test_a_turn_of_an_assistant_fits_into_the_queue() -> None:
    """Twenty calls at once, e.g. one for each thing that is looked for."""
    turns, served = Turns(), []

    def call(number: int) -> None:
        with turns.turn():
            served.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    with turns.turn():
        for thread in threads:
            thread.start()
        wait_until(lambda: len(turns._queue) == 21)
    for thread in threads:
        thread.join(20)
    assert sorted(served) == list(range(20))


def test_waiting_is_told_with_the_place_in_the_queue(photos: Path, tmp_path: Path) -> None:
    turns, told = Turns(), []
    toolbox = box(photos, tmp_path, turns=turns)
    second = threading.Event()

    def wait_behind() -> None:
        with turns.turn():
            assert second.wait(20)

    behind = threading.Thread(target=wait_behind)
    waiting = threading.Thread(target=lambda: toolbox.segment_image(find(), progress=told.append))
    with turns.turn():
        behind.start()
        wait_until(lambda: len(turns._queue) == 2)
        waiting.start()
        wait_until(lambda: told)
        assert [(each.step, each.of) for each in told] == [(0, 2)]
    wait_until(lambda: len(told) == 2)
    second.set()
    for thread in (behind, waiting):
        thread.join(20)
    queue = [each for each in told if each.stage == "waiting for earlier calls"]
    assert [(each.step, each.of) for each in queue] == [(0, 2), (1, 2), (2, 2)]
    assert told[: len(queue)] == queue
    assert told[-1].step == told[-1].of


def test_whose_turn_it_is_at_once_is_told_nothing_of_waiting(toolbox: Toolbox) -> None:
    told: list[Progress] = []
    toolbox.segment_image(find(), progress=told.append)
    assert "waiting for earlier calls" not in {each.stage for each in told}


def test_waiting_call_that_is_cancelled_leaves_its_place() -> None:
    turns, cancel, told = Turns(), CancelToken(), []

    def call() -> None:
        with contextlib.suppress(Cancelled), turns.turn(Follow(told.append, cancel)):
            pytest.fail("it was not its turn")

    thread = threading.Thread(target=call)
    with turns.turn():
        thread.start()
        wait_until(lambda: told)
        cancel.cancel()
        thread.join(20)
        assert len(turns._queue) == 1


def wait_until(true: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]  # a condition
        assert time.monotonic() < end
        time.sleep(0.01)


# -- models


def test_half_precision_that_fails_is_left_for_good(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(*, device: str, dtype: str, local_files_only: bool) -> GaussianModel:
        asked.append(dtype)
        return GaussianModel() if dtype == "float32" else Half()

    register_model(monkeypatch, "shaky", load)
    toolbox = box(photos, tmp_path, model=None, setup=Setup(model="shaky"))
    assert any("float32" in note for note in toolbox.segment_image(find()).notes)
    assert toolbox.segment_image(find("house")).notes == []
    assert asked == ["auto", "float32"]


def test_captioner_of_the_setup_describes_pictures_where_the_model_is(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share_captioner(monkeypatch, "parrot", Parrot("a tree"), "cpu")
    toolbox = box(photos, tmp_path, setup=Setup(captioner="parrot"))
    assert toolbox.edit_image(change(source=None)).caption == "a tree"


def test_picture_of_a_person_is_taken_in_from_anywhere(toolbox: Toolbox, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "elsewhere.png")
    facts = toolbox.shelf.import_image(tmp_path / "elsewhere.png")
    assert (facts.width, facts.height, facts.latest) == (WIDTH, HEIGHT, True)
    np.testing.assert_array_equal(
        toolbox.shelf.picture("latest").rgb, open_picture(tmp_path / "elsewhere.png").rgb
    )


def test_scene_of_a_picture_is_shared_with_the_operations(toolbox: Toolbox) -> None:
    result = toolbox.segment_image(find())
    scene = toolbox.scene(result.image)
    assert scene is toolbox.scene("latest")
    assert scene.segment("tree").evaluations > 0
    assert scene.segment("tree").evaluations == 0


@pytest.mark.parametrize("together", [True, False])
def test_mask_that_was_looked_at_is_not_looked_for_again(
    toolbox: Toolbox, photos: Path, tmp_path: Path, together: bool
) -> None:
    other = box(photos, tmp_path / "other")
    alone = other.edit_image(change(exclude="house", steps=4))
    toolbox.segment_image(
        check_arguments(
            SegmentArguments,
            {
                "image": "garden.png",
                "queries": ["tree", "house"] if together else ["tree"],
                "exclude": "house",
            },
        )
    )
    seen = toolbox.edit_image(change(exclude="house", steps=4))
    assert alone.evaluations.mask > 0
    assert seen.evaluations.mask == 0
    assert seen.evaluations.decode == alone.evaluations.decode
    np.testing.assert_array_equal(pixels(toolbox, seen.picture), pixels(other, alone.picture))


def test_mask_found_with_other_settings_is_not_the_one_of_an_edit(toolbox: Toolbox) -> None:
    toolbox.segment_image(find(seed=5))
    toolbox.segment_image(find(draws=4))
    assert toolbox.edit_image(change()).evaluations.mask > 0
