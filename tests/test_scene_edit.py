from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.editing.helpers import (
    CLIP,
    INVERTING,
    METHODS,
    STEPS,
    Exact,
    Watched,
    box,
    method_with,
)
from textseg.diffusion.card import Change, Sizes
from textseg.diffusion.model import Conditioning, Levels, Prediction
from textseg.editing.diffedit import DiffEdit
from textseg.editing.masks import MaskShape, shape_mask
from textseg.editing.result import Edit
from textseg.errors import (
    Cancelled,
    InvalidInputError,
    ModelError,
    NotFoundError,
    QueryError,
    UnknownNameError,
    UnsupportedError,
)
from textseg.images import open_picture
from textseg.progress import CancelToken, Progress
from textseg.registry.methods import make_method, methods
from textseg.scene import Made, Scene, edit, generate_and_edit
from textseg.testing import GaussianModel, gaussian_card

SIZE = (32, 48)
MASK = box(SIZE, 4, 6, 20, 30)
MODEL = Exact(rate=0.3)


class Caption:
    """Says always the same, and counts how often."""

    name = "fixed"

    def __init__(self, text: str) -> None:
        self.text, self.asked = text, 0

    def caption(self, rgb: np.ndarray) -> str:
        assert rgb.shape == (*SIZE, 3)
        self.asked += 1
        return self.text


def scene_with(*present: str, model: GaussianModel = MODEL, **options: Any) -> Scene:
    return Scene.open(model.picture(present, *SIZE, seed=1), model, **options)


def changed(scene: Scene, query: str = "tree", target: str = "house", **options: Any) -> Edit:
    given = {"method": method_with("diffedit"), "source": "tree", **options}
    return scene.edit(query, target, **given)


# ---------------------------------------------------------------- where


def test_the_query_finds_the_place() -> None:
    scene = scene_with("tree", "house")
    found = changed(scene, grow=0, feather=0)
    assert found.segmentation is not None
    assert np.array_equal(found.mask > 0, found.segmentation.binary())
    assert np.array_equal(found.mask > 0, MODEL.region("tree", *SIZE))
    assert set(np.unique(found.mask)) == {0, 1}


def test_a_found_mask_is_grown_and_feathered_as_asked() -> None:
    scene = scene_with("tree")
    binary = MODEL.region("tree", *SIZE)
    found = changed(scene, grow=2, feather=3)
    assert np.array_equal(found.mask, shape_mask(binary, MaskShape(grow=2, feather=3)))
    for target, kind in (("old tree", "alter"), ("house", "replace"), ("", "remove")):
        usual = MaskShape.of_cells(MODEL.card.edits.of(kind).grow, MODEL.latent_stride)
        assert np.array_equal(changed(scene, target=target).mask, shape_mask(binary, usual))


def test_growth_is_in_cells_of_the_picture_where_it_is_larger_than_the_model_likes() -> None:
    model = GaussianModel(rate=0.3, card=gaussian_card(native=16))
    scene = Scene.open(MODEL.picture(["tree"], 64, 96, seed=1), model)
    found = changed(scene)
    assert found.segmentation is not None
    cell = 64 / scene.latents.shape[-2]
    usual = MaskShape.of_cells(MODEL.card.edits.replace.grow, cell)
    assert cell > 4
    assert np.array_equal(found.mask, shape_mask(found.segmentation.binary(), usual))


def test_doubt_can_weigh_a_found_mask() -> None:
    scene = scene_with("tree")
    hard, soft = changed(scene, threshold=0.1), changed(scene, threshold=0.1, soft=True)
    assert soft.segmentation is not None
    np.testing.assert_allclose(soft.mask, hard.mask * soft.segmentation.soft, atol=1e-7)
    assert not np.array_equal(soft.mask, hard.mask)


def test_what_is_not_there_is_not_changed() -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    with pytest.raises(NotFoundError, match="'house' was not found in the picture") as caught:
        changed(scene, "house", "tree")
    assert 0 <= caught.value.presence < 0.5
    assert f"(probability {caught.value.presence:.2f})" in str(caught.value)
    assert caught.value.code == "not_found"
    asked = model.evaluations
    with pytest.raises(NotFoundError) as again:
        changed(scene, "house", "tree")
    assert again.value.presence == caught.value.presence
    assert model.evaluations == asked  # that it is not there is known by now


def test_an_unknown_word_is_not_told_as_missing() -> None:
    scene = scene_with("tree", "house")
    with pytest.raises(NotFoundError) as caught:
        changed(scene, "housee", "tree")
    assert caught.value.message == (
        "nothing can be said about 'housee': this model does not know 'housee' "
        "(did you mean 'house'?)"
    )
    assert caught.value.hint.startswith("say it in words that it knows: a, an, ")
    assert ", house, " in caught.value.hint
    assert caught.value.presence is None
    assert pickle.loads(pickle.dumps(caught.value)).presence is None
    for options in ({"threshold": 0.0}, {"mask": scene.segment("housee")}):
        with pytest.raises(NotFoundError, match="nothing can be said about 'housee'"):
            changed(scene, "housee", "tree", **options)


def test_a_lower_threshold_finds_what_is_doubtful() -> None:
    scene = scene_with("tree")
    with pytest.raises(NotFoundError, match="'tree' is there"):
        changed(scene, "tree", threshold=1.0)
    wide, narrow = (changed(scene, threshold=cut).share for cut in (0.01, 0.9))
    assert wide >= narrow > 0


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_thresholds_out_of_range_are_refused(threshold: float) -> None:
    with pytest.raises(InvalidInputError, match="threshold: must be"):
        changed(scene_with("tree"), threshold=threshold)


def test_adding_needs_a_mask() -> None:
    scene = scene_with()
    with pytest.raises(QueryError, match="mask"):
        changed(scene, "", "tree")
    found = changed(scene, "", "tree", mask=MASK, source="")
    assert found.prompt == "tree"
    assert found.segmentation is None
    assert found.evaluations.mask == 0
    assert np.array_equal(found.mask, MASK)


def test_what_is_added_beside_a_thing_takes_neither_a_query_nor_a_mask() -> None:
    scene = scene_with("tree")
    for query, mask, said in (("tree", None, "query"), ("", MASK, "mask")):
        with pytest.raises(InvalidInputError, match=f"there is a {said}"):
            changed(scene, query, mask=mask, relative_to="left of the tree")


def test_a_segmentation_is_a_mask() -> None:
    scene = scene_with("tree", "house")
    asked = scene.segment("house", draws=4)
    found = changed(scene, "house", "tree", mask=asked, grow=0, feather=0)
    assert found.segmentation is asked
    assert found.evaluations.mask == 0
    assert np.array_equal(found.mask, asked.binary())


def test_a_segmentation_that_found_nothing_is_no_mask() -> None:
    scene = scene_with("tree")
    with pytest.raises(NotFoundError, match="'house' was not found"):
        changed(scene, mask=scene.segment("house"))


def test_a_segmentation_of_another_picture_is_refused() -> None:
    other = Scene.open(MODEL.picture(["tree"], 48, 32, seed=1), MODEL).segment("tree")
    with pytest.raises(InvalidInputError, match="of a picture of 32 x 48, this one is 48 x 32"):
        changed(scene_with("tree"), mask=other)


def test_a_mask_of_another_size_is_used_only_when_asked() -> None:
    scene, mask = scene_with("tree"), box((16, 24), 2, 3, 10, 15)
    with pytest.raises(InvalidInputError, match="24 x 16 pixels, the picture 48 x 32"):
        changed(scene, mask=mask)
    found = changed(scene, mask=mask, resize_mask=True)
    assert found.mask.shape == SIZE
    assert found.mask.sum() == pytest.approx(4 * mask.sum(), rel=0.05)


@pytest.mark.parametrize("value", [float("nan"), -0.01, 1.01, float("inf")])
def test_a_mask_with_impossible_values_is_refused(value: float) -> None:
    model = Watched(rate=0.3)
    scene, mask = scene_with("tree", model=model), MASK.astype(np.float32)
    mask[0, 0] = value
    with pytest.raises(InvalidInputError, match=r"must lie in \[0, 1\]|NaN or infinite"):
        changed(scene, mask=mask)
    assert not model.calls


# ---------------------------------------------------------------- what it becomes


@pytest.mark.parametrize(
    ("query", "target", "options", "before", "after", "negative"),
    [
        ("tree", "house", {"source": "a tree on grass"}, "a tree on grass", "a house on grass", ""),
        ("tree", "house", {"source": "a dog and a tree"}, "a tree", "a house", ""),
        ("tree", "house", {"source": "a tree", "negative": "dog"}, "a tree", "a house", "dog"),
        ("tree", "house", {"source": " a tree, all ", "prompt": "new"}, "a tree, all", "new", ""),
        ("tree", "house", {"source": ""}, "tree", "house", ""),
        ("tree", "", {"source": "a house and a tree"}, "a tree", "", "tree"),
        (
            "tree",
            "",
            {"source": "a dog and a tree on grass"},
            "a tree on grass",
            "on grass",
            "tree",
        ),
        ("tree", "", {"source": "a tree", "negative": "dog"}, "a tree", "", "dog"),
        ("tree", "", {"source": "a dog, a tree", "prompt": "grass"}, "a dog, a tree", "grass", ""),
        (" tree ", " house ", {"source": "a tree"}, "a tree", "a house", ""),
        ("", "house", {"source": "a dog on grass"}, "on grass", "house on grass", ""),
    ],
)
def test_prompts_are_built_from_caption_query_and_target(
    query: str, target: str, options: dict[str, str], before: str, after: str, negative: str
) -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    found = changed(scene, query, target, mask=MASK, **options)
    assert (found.source_prompt, found.prompt, found.negative) == (before, after, negative)
    assert set(model.calls) == {("",), (negative, after)}  # the inversion, the decoding


def test_the_negative_prompt_is_heeded() -> None:
    scene, mask = scene_with("tree"), MODEL.region("house", *SIZE)
    plain, away = (
        changed(scene, "", "tree", mask=mask, negative=negative) for negative in ("", "house")
    )
    assert not np.array_equal(plain.picture.rgb, away.picture.rgb)


def test_removal_leads_away_from_what_is_removed() -> None:
    scene = scene_with("tree")
    found = changed(scene, "tree", "", method=method_with("blended", strength=1.0, guidance=2.0))
    region = MODEL.region("tree", *SIZE)
    background = np.array(MODEL.background, np.float32)
    before, after = (
        np.abs(picture.rgb[region].mean(0) - background).max()
        for picture in (found.before, found.picture)
    )
    assert after < before


def test_the_captioner_gives_the_source_once() -> None:
    teller = Caption("a tree on grass")
    scene = scene_with("tree", captioner=teller)
    for target, expected in (("house", "a house on grass"), ("", "on grass")):
        found = changed(scene, "tree", target, source=None)
        assert (found.source_prompt, found.prompt) == ("a tree on grass", expected)
    assert teller.asked == 1
    assert changed(scene, source="tree").source_prompt == "tree"
    assert scene.caption() == "a tree on grass"
    assert teller.asked == 1


def test_without_a_captioner_query_and_target_are_the_prompts() -> None:
    scene = scene_with("tree")
    assert scene.caption() is None
    found = changed(scene, source=None)
    assert (found.source_prompt, found.prompt) == ("tree", "house")


@pytest.mark.parametrize(("query", "target"), [("", ""), (" ", "\n")])
def test_an_edit_of_nothing_to_nothing_is_refused(query: str, target: str) -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    for mask in (None, MASK):
        with pytest.raises(QueryError):
            changed(scene, query, target, mask=mask)
    assert not model.calls


# ---------------------------------------------------------------- how

KINDS: list[tuple[str, str, Change]] = [
    ("tree", "old tree", "alter"),
    ("tree", "house", "replace"),
    ("tree", "", "remove"),
    ("", "house", "add"),
]


@pytest.mark.parametrize(("query", "target", "kind"), KINDS)
def test_where_no_method_is_named_the_change_decides(query: str, target: str, kind: Change) -> None:
    usual, scene = MODEL.card.edits.of(kind), scene_with("tree")
    found = scene.edit(query, target, mask=MASK)
    assert found.name == usual.method
    assert found.method == make_method(usual.method, usual.options)
    told = scene.edit(query, target, mask=MASK, steps=3, guidance=1.5)
    assert told.method == make_method(usual.method, {**usual.options, "steps": 3, "guidance": 1.5})


@pytest.mark.parametrize(("query", "target", "kind"), KINDS)
def test_a_named_method_has_its_own_defaults_whatever_the_change(
    query: str, target: str, kind: Change
) -> None:
    name = MODEL.card.edits.of(kind).method
    found = scene_with("tree").edit(query, target, mask=MASK, method=name, steps=3)
    assert found.method == make_method(name, {"steps": 3})


def test_a_named_method_takes_the_options_that_the_card_has_for_it() -> None:
    scene = scene_with("tree")
    usual = MODEL.card.edits.methods["diffedit"]
    assert usual["guidance"] != DiffEdit().guidance
    found = scene.edit("tree", "house", mask=MASK, method="diffedit", steps=3)
    assert found.method == make_method("diffedit", {**usual, "steps": 3})
    given = DiffEdit(steps=3)
    assert scene.edit("tree", "house", mask=MASK, method=given).method == given
    assert found.card == "gaussian"


def test_a_default_change_follows_both_prompts_and_inverts_nothing() -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    found = scene.edit("tree", "old tree", source="a dog and a tree on grass", mask=MASK)
    assert set(model.calls) == {("", "", "a tree on grass", "an old tree on grass")}
    assert found.evaluations.inversion == 0


# ---------------------------------------------------------------- numbers out of range


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"strength": 0}, "strength: must be above 0, got 0"),
        ({"strength": 1.01}, "strength: must be at most 1, got 1.01"),
        ({"strength": float("nan")}, "strength"),
        ({"steps": 0}, "steps: must be at least 1, got 0"),
        ({"steps": 1001}, "steps: must be at most 1000, got 1001"),
        ({"steps": 2.5}, "steps: must be a whole number, got 2.5"),
        ({"guidance": -1}, "guidance: must be at least 0, got -1"),
        ({"guidance": 101}, "guidance: must be at most 100, got 101"),
        ({"guidance": float("nan")}, "guidance"),
        ({"seed": -1}, "seed: must be at least 0, got -1"),
        ({"seed": 2**63}, "seed: must be below 9223372036854775808"),
        ({"grow": -1}, "grow: must be at least 0, got -1"),
        ({"feather": float("inf")}, "feather: must be a finite number, got inf"),
        ({"attemps": 2}, "attemps: is not known here, got 2"),
    ],
)
@pytest.mark.parametrize("method", ["diffedit", "flowedit"])
def test_numbers_out_of_range_are_refused_before_the_slow_part(
    method: str, options: dict[str, Any], match: str
) -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    with pytest.raises(InvalidInputError, match=match):
        scene.edit("tree", "house", method=method, **options)
    assert not model.calls


def test_an_unknown_method_lists_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match="unknown method 'diffedi'; known: asyrp, blended, blended_diff"
    ):
        scene_with("tree").edit("tree", "house", method="diffedi")


def test_a_network_that_returns_no_numbers_is_an_error_and_no_black_picture() -> None:
    class Broken(GaussianModel):
        def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
            return Prediction.from_x0(z, sigma, z + float("nan"))

    scene = Scene.open(MODEL.picture(["tree"], *SIZE, seed=1), Broken())
    with pytest.raises(ModelError, match=r"not numbers.*float32"):
        changed(scene, mask=MASK, method="sdedit")


# ---------------------------------------------------------------- what is done once


@pytest.mark.parametrize("name", METHODS)
def test_another_target_for_the_same_query_costs_decoding_only(name: str) -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    method = method_with(name)
    first = changed(scene, method=method)
    assert first.evaluations.total == model.evaluations
    assert first.evaluations.mask == 20
    assert (first.evaluations.inversion > 0) == (name in INVERTING)
    second = changed(scene, target="tree house", method=method)
    assert second.evaluations.mask == second.evaluations.inversion == 0
    assert second.evaluations.decode <= first.evaluations.decode  # fewer concepts cost less
    again = second.evaluations.decode + second.evaluations.fit  # of what depends on the target
    assert model.evaluations == first.evaluations.total + again
    assert np.array_equal(second.mask, first.mask)
    assert len(model.encoded) == 1


def test_the_default_edit_costs_what_the_documentation_counts() -> None:
    """20 rows for the mask, n to invert n steps, two for each step of the decoding.

    The inversion goes all the way up, so that it serves every strength.
    """
    model = Watched(rate=0.3)
    found = scene_with("tree", model=model).edit(
        "tree", "old tree", source="tree", method=DiffEdit(steps=10)
    )
    steps = round(found.method.strength * found.method.steps)
    counts = found.evaluations
    assert (counts.mask, counts.inversion, counts.decode) == (20, 10, 2 * steps)
    assert model.evaluations == counts.total


def test_another_mask_or_seed_encodes_and_inverts_nothing_again() -> None:
    model = Watched(rate=0.3)
    scene = scene_with("tree", model=model)
    first = changed(scene)
    for options in ({"seed": 5}, {"mask": MASK}, {"grow": 3.0}, {"threshold": 0.2}):
        found = changed(scene, **options)
        assert found.evaluations.mask == found.evaluations.inversion == 0
        assert found.evaluations.decode == first.evaluations.decode
    assert len(model.encoded) == 1
    assert len(model.embedded) == len(set(model.embedded))


def test_one_inversion_serves_every_strength_and_other_steps_need_their_own() -> None:
    scene = scene_with("tree")
    costs, pictures = [], []
    for steps, strength in ((6, 0.5), (6, 1.0), (6, 0.5), (4, 0.5), (6, 1.0)):
        found = changed(scene, method="diffedit", steps=steps, strength=strength)
        costs.append(found.evaluations.inversion)
        pictures.append(found.picture.rgb)
    assert costs == [7, 0, 0, 5, 0]
    assert np.array_equal(pictures[0], pictures[2])
    alone = changed(scene_with("tree"), method="diffedit", steps=6, strength=1.0)
    assert np.array_equal(pictures[1], alone.picture.rgb)


def test_what_a_scene_keeps_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scene_with("tree", "house")
    changed(scene, steps=3, method="diffedit")
    kept = scene._studio.paths._kept
    known = scene._memory.known.maps
    known.limit_bytes = known.nbytes
    kept.limit_bytes = kept.nbytes
    monkeypatch.setattr("textseg.encoded.TEXT_CACHE_BYTES", 4 * 4 * len(MODEL.things))
    changed(scene, "house", "tree", steps=3, method="diffedit", strength=0.4)
    assert len(kept) == len(known) == 1
    assert len(scene._memory.studio.texts) <= 4
    again = changed(scene, steps=3, method="diffedit")
    assert again.evaluations.mask > 0  # it was let go
    assert np.array_equal(again.mask, changed(scene_with("tree", "house"), steps=3).mask)


# ---------------------------------------------------------------- pictures that a model made


def made_scene(**options: Any) -> Scene:
    return Scene.generate("tree", MODEL, **{"steps": 5, "size": SIZE, "seed": 2, **options})


def test_a_generated_picture_knows_how_it_was_made() -> None:
    model = Watched(rate=0.3)
    scene = Scene.generate("tree", model, steps=5, size=SIZE, seed=2, negative="house")
    assert isinstance(scene.made, Made)
    assert scene.made.seconds > 0
    assert (scene.made.prompt, scene.made.negative, scene.made.seed) == ("tree", "house", 2)
    assert (scene.made.steps, scene.made.guidance) == (5, 7.5)
    assert scene.made.evaluations == model.evaluations >= 10
    assert scene.picture.size == SIZE
    assert (scene.picture.mode, scene.picture.alpha) == ("RGB", None)
    assert not model.encoded
    levels = scene.picture.rgb * 255
    np.testing.assert_allclose(levels, levels.round(), atol=1e-4)  # what a file can keep
    assert scene.segment("tree").present
    assert scene_with("tree").made is None


def test_without_guidance_a_picture_costs_half() -> None:
    costs = []
    for guidance in (1.0, 2.0):
        model = Watched(rate=0.3)
        scene = Scene.generate("tree", model, steps=5, size=SIZE, guidance=guidance)
        assert scene.made is not None
        assert scene.made.evaluations == model.evaluations
        costs.append(model.evaluations)
    assert 2 * costs[0] == costs[1]


@pytest.mark.parametrize("name", METHODS)
def test_editing_a_generated_picture_needs_no_inversion(name: str) -> None:
    clip = "clip" in {
        option.name for info in methods() if info.name == name for option in info.options
    }
    method = make_method(name, {"steps": 5, **CLIP}) if clip else name
    found = made_scene().edit("tree", "house", method=method, source="tree")
    assert found.evaluations.inversion == 0
    assert found.method.steps == 5
    assert found.changed_outside == 0
    assert found.change_inside > 5e-4


def test_a_default_change_of_a_generated_picture_takes_its_steps_unless_told() -> None:
    scene = made_scene()
    assert [scene.edit("tree", "house", steps=k).method.steps for k in (None, 6)] == [5, 6]


def test_other_steps_than_those_it_was_made_in_do_need_an_inversion() -> None:
    for given in ({"method": "diffedit", "steps": 6}, {"method": method_with("diffedit")}):
        found = made_scene().edit("tree", "house", source="tree", **given)
        assert found.evaluations.inversion > 0


def test_the_prompt_of_a_generated_picture_is_its_caption_where_there_is_no_captioner() -> None:
    found = made_scene().edit("tree", "house")
    assert (found.source_prompt, found.prompt) == ("tree", "house")
    teller = Caption("a tree on grass")
    told = made_scene(captioner=teller).edit("tree", "house")
    assert (told.source_prompt, told.prompt) == ("a tree on grass", "a house on grass")


def test_the_seed_decides_about_a_generated_picture() -> None:
    first = made_scene().picture.rgb
    assert np.array_equal(first, made_scene().picture.rgb)
    assert not np.array_equal(first, made_scene(seed=3).picture.rgb)
    assert not np.array_equal(first, made_scene(negative="house").picture.rgb)


@pytest.mark.parametrize("size", [(16, 48), (48, 16), (4, 4)])
def test_a_generated_picture_has_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    model = GaussianModel(rate=0.3, latent_stride=2, size_multiple=4)
    scene = Scene.generate("tree", model, steps=2, size=size)
    assert scene.picture.size == size
    assert scene.latents.shape[-2:] == (size[0] // 2, size[1] // 2)


def test_a_generated_picture_has_the_models_own_size_unless_told() -> None:
    native = GaussianModel(card=gaussian_card(native=24))
    assert Scene.generate("tree", native, steps=1).picture.size == (24, 24)
    with pytest.raises(UnsupportedError, match="say how wide and high"):
        Scene.generate("tree", MODEL, steps=1)


def test_a_picture_is_not_larger_than_the_network_takes() -> None:
    sizes = Sizes(native=None, largest=40, found="a table of positions")
    model = replace(MODEL, card=replace(MODEL.card, sizes=sizes))
    assert Scene.generate("tree", model, steps=1, size=(8, 40)).picture.size == (8, 40)
    with pytest.raises(InvalidInputError, match="sides of at most 40 pixels, not 44 x 8"):
        Scene.generate("tree", model, steps=1, size=(8, 44))
    scene = Scene.open(np.zeros((20, 60, 3), np.uint8), model)
    assert scene.latents.shape[-2:] == (13, 40)
    assert scene.segment("tree").soft.shape == (20, 60)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"size": (33, 48)}, "divide by 4, not 48 x 33; nearest: 48 x 32"),
        ({"size": (1, 2)}, "nearest: 4 x 4"),
        ({"size": (0, 4)}, "divide by 4"),
        ({"size": (-4, 4)}, "divide by 4"),
        ({"steps": 0}, "steps: must be at least 1, got 0; allowed: 1 to 1000"),
        ({"steps": 1001}, "steps: must be at most 1000"),
        ({"guidance": -0.1}, "guidance: must be at least 0, got -0.1"),
        ({"guidance": float("nan")}, "guidance: must be at"),
        ({"seed": -1}, "seed: must be at least 0"),
    ],
)
def test_what_cannot_be_generated_is_refused(options: dict[str, Any], match: str) -> None:
    model = Watched(rate=0.3, size_multiple=4)
    with pytest.raises(InvalidInputError, match=match):
        Scene.generate("tree", model, **{"steps": 2, "size": SIZE, **options})
    assert not model.calls


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_a_picture_of_nothing_is_refused(prompt: str) -> None:
    with pytest.raises(QueryError):
        Scene.generate(prompt, MODEL, size=SIZE)


def test_generating_reports_every_step_and_can_be_stopped() -> None:
    seen, token = list[Progress](), CancelToken()
    made_scene(progress=seen.append)
    assert seen == [Progress("generating", step, 5) for step in range(1, 6)]

    def stop(report: Progress) -> None:
        if report.step == 2:
            token.cancel()

    model = Watched(rate=0.3)
    with pytest.raises(Cancelled):
        Scene.generate("tree", model, steps=5, size=SIZE, progress=stop, cancel=token)
    assert 0 < model.evaluations < 2 * 4  # of the five or six calls, two rows each


# ---------------------------------------------------------------- in one line


NATIVE = GaussianModel(rate=0.3, card=gaussian_card(native=32))


def test_generate_and_edit_returns_every_stage() -> None:
    seen = list[Progress]()
    made = generate_and_edit("tree", "tree", "house", model=NATIVE, seed=4, progress=seen.append)
    assert made.scene.made is not None
    assert (made.scene.made.prompt, made.scene.made.seed, made.edit.seed) == ("tree", 4, 4)
    assert made.caption is None
    assert made.edit.before is made.scene.picture
    assert made.edit.prompt == "house"
    assert made.edit.evaluations.inversion == 0
    assert made.edit.mask.any()
    assert seen[0].stage == "generating"
    assert seen[-1].stage == "decoding"
    again = made.scene.edit("tree", "tree house")
    assert again.evaluations.mask == 0


def test_generate_and_edit_hands_its_options_to_the_edit() -> None:
    mask = box((32, 32), 0, 0, 16, 20)
    method = method_with("blended")
    made = generate_and_edit(
        "tree", "", "house", model=NATIVE, method=method, mask=mask, prompt="house tree"
    )
    assert np.array_equal(made.edit.mask, mask)
    assert (made.edit.name, made.edit.prompt) == ("blended", "house tree")


def test_one_line_edits_a_picture_and_leaves_its_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    pixels = (MODEL.picture(["tree"], *SIZE, seed=1) * 255).round().astype(np.uint8)
    Image.fromarray(pixels).save(path)
    kept = path.read_bytes()
    found = edit(path, "tree", "house", model=MODEL, method=method_with("diffedit"), source="tree")
    assert path.read_bytes() == kept
    assert np.array_equal(found.before.rgb, open_picture(path).rgb)
    assert np.array_equal(np.asarray(found.image)[found.mask == 0], pixels[found.mask == 0])
    assert found.change_inside > 0.01


def test_an_empty_question_is_refused_before_the_picture_is_read() -> None:
    with pytest.raises(QueryError):
        edit("no such file.png", "\x00", "house", model=MODEL)


def test_options_of_a_method_that_is_given_stay_unless_they_are_named() -> None:
    scene = scene_with("tree")
    method = method_with("diffedit", guidance=2.0, solver="euler")
    assert changed(scene, method=method).method == method
    found = changed(scene, method=method, guidance=1.5).method
    assert (found.guidance, found.steps) == (1.5, STEPS)
    assert found == method_with("diffedit", guidance=1.5, solver="euler")
