from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.segmentation.helpers import Recording, iou
from textseg.diffusion.card import Looking, Presence
from textseg.diffusion.model import Conditioning
from textseg.diffusion.snr import sigma_at
from textseg.editing.result import constrain
from textseg.errors import (
    Cancelled,
    ImageError,
    InvalidInputError,
    OutOfMemoryError,
    QueryError,
    UnsupportedError,
)
from textseg.progress import CancelToken, Progress
from textseg.scene import Scene, edit, segment
from textseg.segmentation.refine import RefineSettings
from textseg.segmentation.result import Segmentation
from textseg.segmentation.settings import SegmentSettings
from textseg.segmentation.soften import SoftenSettings
from textseg.testing import GaussianModel, GaussianThing, gaussian_card

MODEL = GaussianModel(rate=0.3)
STRIDED = GaussianModel(rate=0.3, latent_stride=4, size_multiple=16)


def rgb_of(model: GaussianModel, *present: str, size: tuple[int, int] = (32, 48)) -> np.ndarray:
    return model.picture(present, *size, seed=1)


# ---------------------------------------------------------------- masks


def test_masks_sit_on_the_things_and_what_is_absent_stays_dark() -> None:
    size = (96, 144)
    scene = Scene.open(rgb_of(STRIDED, "tree", "house", size=size), STRIDED)
    for query in ("tree", "house"):
        found = scene.segment(query)
        truth = STRIDED.region(query, 24, 36).repeat(4, 0).repeat(4, 1)
        assert found.present
        assert iou(found.binary(), truth) > 0.9
    without = Scene.open(rgb_of(STRIDED, "tree", size=size), STRIDED)
    found = without.segment("house")
    assert found.present is False
    assert found.presence < 0.5
    assert not found.binary().any()
    assert found.soft.max() < 0.3


def test_a_small_thing_in_a_large_picture_gets_a_mask_of_its_own_size() -> None:
    coin = GaussianThing(colour=(0.9, 0.1, 0.1), box=(0.5, 0.3, 0.525, 0.325))
    model = GaussianModel(things={"coin": coin}, rate=0.3, latent_stride=8, size_multiple=8)
    found = Scene.open(model.picture(["coin"], 480, 640, seed=1), model).segment("coin")
    truth = model.region("coin", 60, 80).repeat(8, 0).repeat(8, 1)
    assert truth.mean() < 0.001
    assert iou(found.binary(), truth) > 0.9


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_any_picture_gets_masks_of_its_own_size(height: int, width: int) -> None:
    rgb = np.random.default_rng(0).random((height, width, 3)).astype(np.float32)
    found = Scene.open(rgb, STRIDED).segment("tree", draws=2)
    assert found.soft.shape == found.spread.shape == found.binary().shape == (height, width)
    assert found.overlay().size == (width, height)
    assert found.raw.difference.shape == (-(-height // 4), -(-width // 4))
    assert np.isfinite(found.soft).all()


@pytest.mark.parametrize("size", [(96, 40), (40, 96)])
def test_portrait_and_landscape_are_not_transposed(size: tuple[int, int]) -> None:
    model = GaussianModel(rate=0.3, latent_stride=4, size_multiple=8)
    found = Scene.open(rgb_of(model, "tree", size=size), model).segment("tree")
    truth = model.region("tree", size[0] // 4, size[1] // 4).repeat(4, 0).repeat(4, 1)
    assert iou(found.binary(), truth) > 0.85


def test_padding_is_cut_off_again_and_does_not_shift_the_mask() -> None:
    model = GaussianModel(rate=0.3, latent_stride=4, size_multiple=32)
    rgb = rgb_of(model, "tree", size=(96, 128))
    cut = Scene.open(rgb[:89, :118], model).segment("tree")  # padded to 96 x 128 again
    whole = Scene.open(rgb, model).segment("tree")
    assert iou(cut.binary(), whole.binary()[:89, :118]) > 0.95


def test_a_mask_is_the_same_alone_and_in_company() -> None:
    rgb = rgb_of(MODEL, "tree")
    alone = Scene.open(rgb, MODEL).segment("tree")
    together = Scene.open(rgb, MODEL).segment_all(["house", "zebra", "tree"])["tree"]
    np.testing.assert_allclose(together.soft, alone.soft, atol=1e-4)
    assert together.presence == pytest.approx(alone.presence, abs=1e-4)
    assert together.threshold.value == pytest.approx(alone.threshold.value, rel=1e-4)


def test_the_picture_and_the_results_are_separate_from_what_was_passed_in() -> None:
    rgb = rgb_of(MODEL, "tree")
    kept = rgb.copy()
    Scene.open(rgb, MODEL).segment("tree")
    assert np.array_equal(rgb, kept)


def test_transparent_pixels_are_seen_as_a_viewer_shows_them() -> None:
    rgba = np.zeros((16, 24, 4), np.uint8)  # black, but fully transparent
    scene = Scene.open(Image.fromarray(rgba), MODEL)
    np.testing.assert_allclose(scene.latents, 1, atol=1e-6)
    assert scene.segment("tree", draws=2).rgb.min() == 1


# ---------------------------------------------------------------- what is done once


def test_the_picture_is_encoded_once_and_texts_are_embedded_once() -> None:
    model = Recording(rate=0.3)
    scene = Scene.open(rgb_of(model, "tree"), model)
    scene.segment("tree")
    scene.segment_all(["house", "tree"], seed=1)
    assert len(model.encoded) == 1
    assert sorted(model.embedded) == ["", "house", "tree"]


@pytest.mark.parametrize(("queries", "expected"), [(1, 20), (5, 60)])
def test_a_fresh_scene_costs_draws_times_queries_plus_one(queries: int, expected: int) -> None:
    model = Recording()
    scene = Scene.open(rgb_of(model), model)
    found = scene.segment_all(["tree", "house", "a", "b", "c"][:queries], draws=10)
    assert model.evaluations == found.evaluations == expected
    scene.segment("ball", draws=10)
    assert model.evaluations == expected + 10  # the empty branch is known by now


@pytest.fixture(scope="module")
def wide() -> np.ndarray:
    return np.asarray(Scene.generate("a green tree on a meadow", seed=6, steps=6).picture.rgb)[:96]


def assert_same(found: Segmentation, other: Segmentation) -> None:
    for name, values in found.raw.arrays().items():
        np.testing.assert_array_equal(values, other.raw.arrays()[name])
    np.testing.assert_array_equal(found.soft, other.soft)
    np.testing.assert_array_equal(found.spread, other.spread)
    np.testing.assert_equal(found.presence, other.presence)  # nan: nothing can be said


def test_the_same_question_gets_the_same_answer_bit_for_bit(wide: np.ndarray) -> None:
    scene = Scene.open(wide)
    first = scene.segment("tree", draws=5)
    assert_same(first, scene.segment("tree", draws=5))
    assert_same(first, scene.segment("tree", draws=5, batch_size=3))
    assert_same(first, scene.segment_all(["sun", " tree ", "house"], draws=5)["tree"])


def test_another_order_of_questions_changes_rounding_only(wide: np.ndarray) -> None:
    queries = ["tree", "sun", "house"]
    one = [Scene.open(wide).segment(query, draws=5) for query in queries]
    other = Scene.open(wide).segment_all(queries[::-1], draws=5, batch_size=5)
    for found in one:
        np.testing.assert_allclose(found.soft, other[found.query].soft, atol=1e-5, rtol=0)


def test_what_is_known_costs_nothing_and_what_is_new_is_counted() -> None:
    model = Recording(rate=0.3)
    scene = Scene.open(rgb_of(model, "tree"), model)
    scene.segment("tree")
    again = scene.segment("tree")
    assert model.evaluations == 20
    assert (again.evaluations, again.raw.draws, again.notes) == (0, 10, ())
    mixed = scene.segment_all(["tree", "house"])
    assert mixed.evaluations == 10 == model.evaluations - 20
    assert [item.evaluations for item in mixed] == [0, 10]
    others = scene.segment_all(["tree", "house", "ball"], seed=1)
    assert others.evaluations == 40 == model.evaluations - 30
    late = scene.segment_all(["tree", "moon"], seed=1, soften=SoftenSettings(scale=1.0))
    assert late.evaluations == 10 == model.evaluations - 70


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"draws": 4},
        {"levels": 3},
        {"sigma_range": (0.3, 0.6)},
        {"antithetic": True},
        {"tolerance": 0.9},
        {"reference": "house"},
    ],
)
def test_what_decides_the_maps_makes_another_question(other: dict[str, Any]) -> None:
    model = Recording(rate=0.3)
    scene = Scene.open(rgb_of(model, "tree"), model)
    usual, asked = scene.segment("tree"), model.evaluations
    found = scene.segment("tree", **other)
    assert model.evaluations > asked
    assert not np.array_equal(found.raw.evidence, usual.raw.evidence)


def test_the_text_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textseg.encoded.TEXT_CACHE_BYTES", 3 * 4 * len(MODEL.things))
    scene = Scene.open(rgb_of(MODEL, "tree"), MODEL)
    several = scene.segment_all([f"query {k}" for k in range(8)] + ["tree"], draws=2)
    assert len(scene._memory.studio.texts) <= 3
    assert several["tree"].present


def test_no_gradient_is_kept() -> None:
    class Watched(GaussianModel):
        def predict(self, z: torch.Tensor, sigma: float, text: Conditioning) -> Any:
            assert not torch.is_grad_enabled()
            return super().predict(z, sigma, text)

        def encode_image(self, image: torch.Tensor) -> torch.Tensor:
            assert not torch.is_grad_enabled()
            return super().encode_image(image)

    Scene.open(rgb_of(MODEL), Watched()).segment("tree", draws=1)
    assert torch.is_grad_enabled()


# ---------------------------------------------------------------- settings


def test_settings_reach_the_result_and_change_it() -> None:
    scene = Scene.open(rgb_of(MODEL, "tree"), MODEL)
    usual = scene.segment("tree")
    other = scene.segment(
        "tree",
        draws=4,
        levels=[0.6, 0.4],
        seed=3,
        antithetic=True,
        reference="house ",
        soften=SoftenSettings(rule="fixed", scale=0.1),
        refine=RefineSettings(method="bicubic", cut=None),
    )
    assert other.settings.reference == "house"
    assert other.settings.levels == (0.6, 0.4)
    assert other.raw.levels == (0.4, 0.6)
    assert other.threshold.rule == "fixed"
    assert other.threshold.value == 0.1
    assert other.evaluations == 8
    assert not np.allclose(usual.soft, other.soft)


def test_text_is_trimmed_and_asked_once() -> None:
    model = Recording()
    found = Scene.open(rgb_of(model), model).segment_all([" tree", "tree\n", "house"], draws=1)
    assert found.queries == ("tree", "house")
    assert model.evaluations == 3


def test_a_models_own_calibration_decides_about_presence() -> None:
    card = gaussian_card(presence=Presence({}, bias=-3.0))
    sceptic = GaussianModel(rate=0.3, card=card)
    found = Scene.open(rgb_of(MODEL, "tree"), sceptic).segment("tree")
    assert found.presence == pytest.approx(1 / (1 + np.exp(3)))
    assert not found.present
    assert not found.binary().any()


def test_what_the_caller_does_not_say_is_what_the_card_says() -> None:
    card = gaussian_card()
    own = replace(
        card,
        name="own",
        language=replace(card.language, blank="a"),
        masks=replace(
            card.masks, levels=Looking((1.0, -1.0), 3), soften=SoftenSettings(), found="tried"
        ),
    )
    model = Recording(card=own)
    found = Scene.open(rgb_of(MODEL, "tree"), model).segment("tree")
    assert found.settings == SegmentSettings.of_card(model.card)
    assert (found.settings.reference, found.settings.card) == ("a", "own")
    assert (found.raw.draws, found.threshold.rule) == (3, "mean")
    assert sigma_at(1.0) < found.raw.levels[0] < found.raw.levels[-1] < sigma_at(-1.0)
    said = Scene.open(rgb_of(MODEL, "tree"), model).segment("tree", reference="", draws=2)
    assert (said.settings.reference, said.raw.draws) == ("", 2)


def test_the_largest_picture_is_what_the_caller_says() -> None:
    rgb = rgb_of(MODEL, "tree")
    with pytest.raises(ImageError, match=r"more than the limit of 1,535; .*raise max_pixels"):
        Scene.open(rgb, MODEL, max_pixels=1535)
    with pytest.raises(ImageError, match="more than the limit of 1,535"):
        segment(rgb, "tree", model=MODEL, max_pixels=1535)
    with pytest.raises(ImageError, match="more than the limit of 1,535"):
        edit(rgb, "tree", "house", model=MODEL, max_pixels=1535)
    with pytest.raises(ImageError, match="more than the limit of 1,535"):
        constrain(rgb, rgb, np.ones((32, 48), bool), max_pixels=1535)
    assert segment(rgb, "tree", model=MODEL, max_pixels=1536).present


def test_a_large_picture_is_scaled_for_the_model_only() -> None:
    card = gaussian_card(native=48)
    model = GaussianModel(rate=0.3, latent_stride=2, size_multiple=4, card=card)
    rgb = rgb_of(model, "tree", size=(144, 256))
    scene = Scene.open(rgb, model)
    assert scene.latents.shape[-2:] == (18, 32)
    found = scene.segment("tree")
    assert found.soft.shape == (144, 256)
    assert iou(found.binary(), model.region("tree", 144, 256)) > 0.9
    assert Scene.open(rgb, model, working_size=1000).latents.shape[-2:] == (72, 128)
    assert Scene.open(rgb, model, working_size=96).latents.shape[-2:] == (36, 64)


# ---------------------------------------------------------------- notes, progress, memory


def test_notes_tell_what_people_should_know() -> None:
    model = Recording(rate=0.3, room=3)
    scene = Scene.open(rgb_of(model, "tree"), model)
    tree, zebra = scene.segment_all(["tree", "a zebra"], levels=1, batch_size=8, draws=8)
    memory = "memory ran out: batch_size was reduced from 8 to 2"
    assert tree.notes == (memory,)
    assert zebra.notes == ("this model does not know 'zebra'", memory)
    early = scene.segment("tree", draws=64, tolerance=0.5)
    assert any("of 64 draws" in note for note in early.notes)


# ---------------------------------------------------------------- words the model does not know


def test_nothing_is_said_about_words_that_the_model_does_not_know() -> None:
    scene = Scene.open(rgb_of(MODEL, "tree"), MODEL)
    for query in ("zebra", "purple tree"):
        found = scene.segment(query)
        assert found.present is None
        assert np.isnan(found.presence)
        assert np.isnan(found.spread).all()
        assert not found.soft.any()
        assert not found.binary().any()
        assert not found.binary(0).any()
        assert found.regions() == []
        assert found.raw.evidence.any() == (query == "purple tree")
        assert found.caveat == f"nothing can be said about {query!r}: {found.notes[0]}"
    tree = scene.segment("a tree")
    assert tree.present
    assert tree.caveat == ""


def test_a_query_beside_an_unknown_one_is_answered_as_alone() -> None:
    scene = Scene.open(rgb_of(MODEL, "tree"), MODEL)
    together = scene.segment_all(["zebra", "tree", "treee"])
    np.testing.assert_array_equal(together["tree"].soft, scene.segment("tree").soft)
    assert [item.present for item in together] == [None, True, None]
    assert "did you mean 'tree'?" in together["treee"].notes[0]
    assert not (together.exclusive().labels == 1).any()


def test_what_is_compared_with_unknown_words_cannot_be_told() -> None:
    scene = Scene.open(rgb_of(MODEL, "tree"), MODEL)
    found = scene.segment("tree", reference="a zebra")
    assert found.present is None
    assert found.caveat == "nothing can be said about 'tree': this model does not know 'zebra'"


def test_progress_ends_every_stage_and_time_is_measured() -> None:
    seen = list[Progress]()
    found = Scene.open(rgb_of(MODEL), MODEL).segment_all(["tree", "house"], progress=seen.append)
    stages = list(dict.fromkeys(report.stage for report in seen))
    last = {report.stage: report for report in seen}
    assert stages == ["comparing", "refining"]
    assert all(report.step == report.of for report in last.values())
    assert found.seconds > 0
    assert found[0].seconds == found[1].seconds


def test_a_cancelled_scene_can_be_asked_again() -> None:
    scene, token = Scene.open(rgb_of(MODEL, "tree"), MODEL), CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        scene.segment("tree", cancel=token)
    assert scene.segment("tree").present


def test_a_picture_that_does_not_fit_says_how_to_shrink_it() -> None:
    class Full(GaussianModel):
        def encode_image(self, image: torch.Tensor) -> torch.Tensor:
            raise OutOfMemoryError("out of memory")

    with pytest.raises(OutOfMemoryError, match="working_size"):
        Scene.open(rgb_of(MODEL), Full())


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("queries", [[], [""], ["tree", " \n\t"], "tree", [3]])
def test_queries_that_ask_nothing_are_refused(queries: Any) -> None:
    model = Recording()
    scene = Scene.open(rgb_of(model), model)
    with pytest.raises(QueryError):
        scene.segment_all(queries)
    assert not model.calls


def test_an_empty_query_is_refused_before_the_picture_is_read() -> None:
    with pytest.raises(QueryError):
        segment("no such file.png", "  ", model=MODEL)
    with pytest.raises(ImageError):
        segment("no such file.png", "tree", model=MODEL)


def test_numbers_out_of_range_are_refused() -> None:
    scene = Scene.open(rgb_of(MODEL), MODEL)
    with pytest.raises(InvalidInputError, match="draws"):
        scene.segment("tree", draws=0)
    with pytest.raises(InvalidInputError, match="working_size"):
        Scene.open(rgb_of(MODEL), MODEL, working_size=0)


def test_one_line_is_enough() -> None:
    found = segment(rgb_of(MODEL, "tree"), "tree", model=MODEL, draws=4, seed=2)
    assert found.present
    assert found.settings.draws == 4
    assert iou(found.binary(), MODEL.region("tree", 32, 48)) > 0.9


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_scene_shares_the_model_and_nothing_that_can_change(make) -> None:
    model = GaussianModel(rate=0.3)
    scene = Scene.open(model.picture(["tree"], 32, 48, seed=1), model)
    expected = scene.segment("tree")
    twin = make(scene)
    assert twin.model is model
    assert np.array_equal(twin.segment("tree").soft, expected.soft)
    assert not np.shares_memory(twin.latents.numpy(), scene.latents.numpy())
    assert not any(each.rgb.flags.writeable for each in (twin, twin.picture))


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_generated_scene_keeps_the_way_it_came_about(make) -> None:
    scene = Scene.generate("tree", GaussianModel(rate=0.3), steps=3, size=(32, 48))
    twin = make(scene)
    assert twin.made == scene.made
    assert twin.path is not scene.path
    assert all(map(torch.equal, twin.path.states, scene.path.states))


def test_a_scene_is_not_pickled_and_says_what_to_do_instead() -> None:
    model = GaussianModel()
    scene = Scene.open(model.picture(["tree"], 32, 48, seed=1), model)
    with pytest.raises(UnsupportedError, match=r"holds a model .*Scene\.open.*textseg\.workspace"):
        pickle.dumps(scene)
