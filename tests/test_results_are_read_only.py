"""Nothing that a scene or a result remembers can be changed through what was handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import textseg
from textseg.diffusion.model import DiffusionModel
from textseg.images import Picture, open_picture
from textseg.scene import Scene
from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation
from textseg.segmentation.selecting import select
from textseg.testing import GaussianModel, gaussian_card
from textseg.toolbox import (
    Change,
    CreateArguments,
    EditArguments,
    Facts,
    SegmentArguments,
    Toolbox,
    edit_image,
    generate_and_edit,
    segment_image,
)
from textseg.workspace import Workspace

MODEL = GaussianModel(rate=0.3, latent_stride=4, size_multiple=4)
SIZE = (32, 48)
RGB = MODEL.picture(("tree", "house"), *SIZE, seed=1)
BOX = np.zeros(SIZE, np.float32)
BOX[8:20, 10:30] = 0.9
FEW = {"method": "diffedit", "steps": 3, "source": "tree"}


def clear() -> Picture:
    """The picture with its right edge half transparent."""
    alpha = np.ones((*SIZE, 1), np.float32)
    alpha[:, 44:] = 0.25
    return open_picture(np.concatenate([RGB, alpha], 2))


def scene(image: Any = RGB) -> Scene:
    return Scene.open(image, MODEL)


def arrays_in(
    value: Any, name: str = "result", within: tuple[type, ...] = ()
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each array that can be reached by public names, with the way to it."""
    if isinstance(value, np.ndarray):
        yield name, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from arrays_in(part, f"{name}[{key!r}]", within)
    elif isinstance(value, list | tuple):
        for k, part in enumerate(value):
            yield from arrays_in(part, f"{name}[{k}]", within)
    elif type(value).__module__.startswith("textseg.") and not isinstance(
        value, (DiffusionModel, Toolbox, Facts, *within)
    ):
        for part in (part for part in dir(value) if not part.startswith("_")):
            found = getattr(value, part)
            if not callable(found):
                yield from arrays_in(found, f"{name}.{part}", (*within, type(value)))


@dataclass(frozen=True)
class Boxed:
    """A toolbox on a folder of its own, with one picture in it."""

    box: Toolbox
    path: str

    @classmethod
    def of(cls, folder: Path) -> Boxed:
        path = folder / "garden.png"
        Image.fromarray((RGB * 255).round().astype(np.uint8)).save(path)
        return cls(Toolbox(Workspace.open(folder / "kept", roots=[folder]), model=MODEL), str(path))

    def segmented(self) -> Any:
        asked = SegmentArguments(image="garden.png", queries=["tree"], draws=2)
        return self.box.segment_image(asked)

    def edited(self) -> Any:
        asked = EditArguments(image="garden.png", query="tree", target="house", **FEW)
        return self.box.edit_image(asked)


RESULTS: dict[str, Callable[[Boxed], Any]] = {
    "a scene": lambda _: scene(),
    "a transparent scene": lambda _: scene(clear()),
    "a made scene": lambda _: Scene.generate("tree", MODEL, size=SIZE, steps=2),
    "textseg.segment": lambda _: textseg.segment(RGB, "tree", model=MODEL),
    "what is not there": lambda _: scene().segment("zebra"),
    "after one draw": lambda _: scene().segment("tree", draws=1),
    "what was known": lambda _: [(s := scene()).segment("tree"), s.segment("tree")],
    "segment_all": lambda _: scene(clear()).segment_all(["tree", "house"], draws=2),
    "exclusive": lambda _: scene().segment_all(["tree", "house"], draws=2).exclusive(),
    "Scene.select": lambda _: scene().select("tree and not house", draws=2),
    "textseg.edit": lambda _: textseg.edit(RGB, "tree", "house", model=MODEL, **FEW),
    "a masked edit": lambda _: scene().edit("", "house", mask=BOX, **FEW),
    "a cropped edit": lambda _: scene().edit("", "house", mask=BOX, crop=True, **FEW),
    "attempts": lambda _: scene(clear()).edit("tree", "house", attempts=2, **FEW),
    "generate_and_edit": lambda _: textseg.generate_and_edit(
        "tree", "tree", "house", model=SIZED, method="diffedit", steps=3
    ),
    "constrain": lambda _: textseg.constrain(clear(), 1 - RGB, BOX),
    "open_picture": lambda _: [clear(), clear().visible(), open_picture(RGB).visible()],
    "Mask.of": lambda _: Mask.of(BOX, RGB),
    "Mask": lambda _: Mask(BOX, "box", RGB, spared=BOX > 0.5),
    "segment_image": lambda at: segment_image(
        SegmentArguments(image=at.path, queries=["tree"], draws=2), model=MODEL
    ),
    "edit_image": lambda at: edit_image(
        EditArguments(image=at.path, query="tree", target="house", **FEW), model=MODEL
    ),
    "generate_and_edit on files": lambda _: generate_and_edit(
        CreateArguments(
            prompt="tree",
            changes=[Change(query="tree", target="house")],
            method="diffedit",
            steps=3,
            size=list(SIZE),
        ),
        model=MODEL,
    ),
    "a kept mask": lambda at: at.box.shelf.mask(at.segmented().queries[0].mask),
    "a kept segmentation": lambda at: at.box.shelf.open_result(at.segmented().queries[0].mask),
    "a kept edit": lambda at: at.box.shelf.open_result(at.edited().picture),
    "a kept picture": lambda at: at.box.shelf.picture(at.edited().picture),
    "a scene of the toolbox": lambda at: at.box.scene(at.edited().picture),
}


SIZED = GaussianModel(card=gaussian_card(native=32))

ALGEBRA: dict[str, Callable[[Segmentation, Segmentation], Any]] = {
    "as_mask": lambda one, _: [one.as_mask(), one.as_mask(0.3), one.mask],
    "and": lambda one, other: one & other,
    "or": lambda one, other: one | other,
    "minus": lambda one, other: one - other,
    "not": lambda one, _: ~one,
    "grow": lambda one, _: [one.grow(2), one.grow(0)],
    "shrink": lambda one, _: one.shrink(1),
    "pick": lambda one, _: [one.pick("left"), one.pick("all")],
    "keep": lambda one, _: one.mask.keep((12, 14)),
    "drop": lambda one, _: one.mask.drop((12, 14)),
    "paint": lambda one, _: one.mask.paint([(5, 5), (9, 30)], 3, 1),
    "select": lambda one, other: select(one, exclude=other, invert=True),
}


@pytest.mark.parametrize("made", RESULTS)
def test_arrays_of_every_result_are_read_only(made: str, tmp_path: Path) -> None:
    found = list(arrays_in(RESULTS[made](Boxed.of(tmp_path))))
    assert found
    assert [name for name, values in found if values.flags.writeable] == []


@pytest.mark.parametrize("made", ALGEBRA)
def test_arrays_of_every_mask_are_read_only(made: str) -> None:
    one, other = scene().segment_all(["tree", "house"], draws=2)
    found = list(arrays_in(ALGEBRA[made](one, other)))
    assert found
    assert [name for name, values in found if values.flags.writeable] == []


def test_the_walk_sees_the_arrays_that_matter() -> None:
    names = {name for name, _ in arrays_in(scene().edit("tree", "house", **FEW))}
    parts = "mask raw picture.rgb before.rgb segmentation.soft segmentation.raw.bands".split()
    assert {f"result.{part}" for part in parts} <= names
    assert "result.rgb" in {name for name, _ in arrays_in(scene())}


def test_what_is_fresh_may_be_changed_and_changes_nothing_else() -> None:
    asked = scene()
    found = asked.segment("tree")
    kept = found.soft.copy()
    for fresh in (found.binary(), found.binary(0.2), found.mask.binary(), found.soft.copy()):
        fresh[...] = 0
    for drawn in (found.overlay(), found.mask.overlay(), asked.edit("tree", "house", **FEW).image):
        drawn.paste(0, (0, 0, *drawn.size))
    np.testing.assert_array_equal(found.soft, kept)
    np.testing.assert_array_equal(asked.segment("tree").soft, kept)
    fresh_edit, later = (s.edit("tree", "house", **FEW) for s in (scene(), asked))
    np.testing.assert_array_equal(fresh_edit.picture.rgb, later.picture.rgb)


def test_changing_latents_or_states_changes_no_later_edit() -> None:
    def made() -> Scene:
        return Scene.generate("tree", MODEL, size=SIZE, steps=3, seed=2)

    touched = made()
    touched.latents.zero_()
    assert touched.path is not None
    for state in touched.path.states:
        state.zero_()
    one, other = (s.edit("tree", "house", **FEW) for s in (made(), touched))
    np.testing.assert_array_equal(one.picture.rgb, other.picture.rgb)
    assert torch.equal(made().latents, touched.latents)


def test_a_scene_does_not_share_what_it_was_made_of() -> None:
    latents = MODEL.encode_image(torch.tensor(RGB).permute(2, 0, 1)[None])
    usual = scene()
    own = Scene(MODEL, usual.picture, latents, usual.padding)
    latents.zero_()
    assert torch.equal(own.latents, usual.latents)


def test_arrays_that_were_handed_in_stay_the_callers() -> None:
    rgb, box, spared = RGB.copy(), BOX.copy(), BOX > 0.5
    asked, opened = scene(rgb), scene(Picture(rgb, box, "RGBA"))
    painted, given = Mask(box, "box", rgb, spared=spared), Mask.of(box, rgb)
    edit = asked.edit("", "house", mask=box, **FEW)
    for values in (rgb, box, spared):
        assert values.flags.writeable
        values[...] = 0
    np.testing.assert_array_equal(asked.rgb, RGB)
    np.testing.assert_array_equal(opened.picture.rgb, RGB)
    np.testing.assert_array_equal(opened.picture.alpha, BOX)
    for mask in (painted, given):
        np.testing.assert_array_equal(mask.soft, BOX)
        np.testing.assert_array_equal(mask.rgb, RGB)
    np.testing.assert_array_equal(painted.spared, BOX > 0.5)
    np.testing.assert_array_equal(edit.mask, BOX)
