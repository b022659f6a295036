from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.editing.helpers import Watched, box, method_with
from textseg.diffusion.model import Conditioning, Levels, Prediction
from textseg.editing.apply import FollowWalk
from textseg.editing.attempts import (
    LOOK_SEED,
    Contest,
    denoising_errors,
    reread,
    seed_of,
)
from textseg.editing.remaking import Remade, cells_of
from textseg.editing.result import Edit, Evaluations
from textseg.encoded import EncodedPicture, Texts
from textseg.errors import Cancelled, InvalidInputError, TimeLimitError
from textseg.images import Padding, open_picture, to_tensor
from textseg.progress import CancelToken, Deadline, Progress
from textseg.scene import Scene
from textseg.scene.keeping import Around, edit_bytes, read_edit
from textseg.segmentation.difference import noise_difference
from textseg.testing import GaussianModel, gaussian_card

SIZE = (32, 48)
MASK = box(SIZE, 4, 6, 20, 30)
MODEL = GaussianModel(rate=0.3)
LOOK_DRAWS = MODEL.card.attempts.levels.draws


def read(*present: str, model: GaussianModel = MODEL) -> EncodedPicture:
    picture = open_picture(MODEL.picture(present, *SIZE, seed=1))
    rgb = picture.visible()
    return EncodedPicture(
        model, picture, rgb, model.encode_image(to_tensor(rgb)), Padding(SIZE, SIZE)
    )


def contest(name: str, *present: str, model: GaussianModel = MODEL) -> Contest:
    region = MODEL.region("house", *SIZE).astype(np.float32)
    return Contest(read(*present, model=model), region, name, Texts(model))


def picture_of(*present: str) -> NDArray[np.float32]:
    return open_picture(MODEL.picture(present, *SIZE, seed=2)).visible()


def edited(model: GaussianModel, **options: Any) -> Edit:
    scene = Scene.open(MODEL.picture(["tree"], *SIZE, seed=1), model)
    given = {"method": method_with("sdedit"), "source": "tree", **options}
    return scene.edit("tree", "house", **given)


# ---------------------------------------------------------------- the score


def test_the_errors_differ_by_the_evidence_of_the_estimator() -> None:
    here, texts = read("house"), Texts(MODEL)
    cells = cells_of(here, MODEL.region("house", *SIZE).astype(np.float32))
    empty, named = denoising_errors(
        MODEL, here.latents, texts.embed(["", "house"]), cells, follow=FollowWalk()
    )
    found = noise_difference(
        MODEL,
        here.latents,
        texts.embed(["house"]),
        texts.embed([""]),
        draws=LOOK_DRAWS,
        sigma_range=MODEL.card.attempts.levels.sigma_range,
        seed=LOOK_SEED,
    )[0]
    evidence = float((found.evidence * cells[0, 0].numpy()).sum())
    assert empty - named == pytest.approx(evidence, rel=1e-3)
    assert evidence > 1


def test_cells_outside_of_the_mask_do_not_count() -> None:
    here = read("house")
    cells = cells_of(here, MASK.astype(np.float32))
    texts = Texts(MODEL).embed([""])
    other = here.latents + (1 - (cells > 0).float())
    errors = [
        denoising_errors(MODEL, latents, texts, cells, follow=FollowWalk())
        for latents in (here.latents, other)
    ]
    assert errors[0] == errors[1]
    assert denoising_errors(MODEL, here.latents, texts, 0 * cells, follow=FollowWalk()) == [0]


def test_a_picture_is_read_again_as_the_first_one_was() -> None:
    model = GaussianModel(rate=0.3, size_multiple=4, card=gaussian_card(native=16))
    scene = Scene.open(picture_of("tree"), model)
    assert scene.latents.shape[-1] < SIZE[1]
    again = reread(scene._encoded, scene.rgb)
    np.testing.assert_allclose(again, scene.latents, atol=1e-5)


# ---------------------------------------------------------------- the best of several


def made_of(*pictures: NDArray[np.float32]) -> Any:
    """Returns what makes one picture after the other, and keeps the seeds it was given."""
    seeds: list[int] = []

    def make(seed: int, _: FollowWalk) -> Remade:
        seeds.append(seed)
        return Remade(pictures[len(seeds) - 1], Evaluations(inversion=1, decode=2))

    make.seeds = seeds  # type: ignore[attr-defined]
    return make


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_attempt_with_the_thing_in_it_is_kept(place: int) -> None:
    pictures = [picture_of("tree"), picture_of(), picture_of()]
    pictures[place] = picture_of("house")
    make = made_of(*pictures)
    best = contest("house").best(make, seed=7, attempts=3, follow=FollowWalk())
    assert make.seeds == [attempt.seed for attempt in best.attempts]
    assert best.seed == make.seeds[place] == seed_of(7, place)
    assert best.remade.rgb is pictures[place]
    scores = [attempt.score for attempt in best.attempts]
    assert scores[place] == max(scores) > 0


def test_an_unknown_name_is_no_evidence_for_an_attempt() -> None:
    pictures = [picture_of("tree"), picture_of("house"), picture_of()]
    scores = [
        [
            attempt.score
            for attempt in contest(name)
            .best(made_of(*pictures), seed=7, attempts=3, follow=FollowWalk())
            .attempts
        ]
        for name in ("purple house", "")
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_where_something_is_removed_the_attempt_most_like_its_surroundings_is_kept(
    place: int,
) -> None:
    strange = picture_of().copy()
    strange[MODEL.region("house", *SIZE)] = (1, 0, 1)
    pictures = [strange, picture_of("house"), strange]
    pictures[place] = picture_of()
    best = contest("").best(made_of(*pictures), seed=0, attempts=3, follow=FollowWalk())
    assert best.seed == seed_of(0, place)


def test_no_further_attempt_is_made_once_one_is_good_enough() -> None:
    pictures = [picture_of("tree"), picture_of("house"), picture_of("house")]
    whole = contest("house").best(made_of(*pictures), seed=7, attempts=3, follow=FollowWalk())
    cells = float(cells_of(read(), MODEL.region("house", *SIZE).astype(np.float32)).sum())
    first, second, _ = (attempt.score for attempt in whole.attempts)
    assert first is not None
    assert second is not None
    for enough, made in ((second / cells, 2), (first / cells, 1), (second / cells + 1, 3)):
        best = replace(contest("house"), enough=enough - 1e-6).best(
            made_of(*pictures), seed=7, attempts=3, follow=FollowWalk()
        )
        assert best.attempts == whole.attempts[:made]
        assert not best.stopped


def test_of_equals_the_first_is_kept() -> None:
    same = picture_of("house")
    best = contest("house").best(made_of(same, same), seed=3, attempts=2, follow=FollowWalk())
    assert best.seed == 3


def test_no_two_seeds_have_an_attempt_in_common() -> None:
    assert seed_of(5, 0) == 5
    seeds = [seed_of(seed, k) for seed in (0, 1, 2, 3, 2**63 - 1) for k in range(64)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_all_that_was_evaluated_is_counted() -> None:
    model = Watched(rate=0.3)
    make = made_of(*[picture_of()] * 3)
    best = contest("house", model=model).best(make, seed=0, attempts=3, follow=FollowWalk())
    assert model.evaluations == best.evaluations.choice == 3 * 2 * LOOK_DRAWS
    assert (best.evaluations.inversion, best.evaluations.decode) == (3, 6)
    model = Watched(rate=0.3)
    best = contest("", model=model).best(make_again(3), seed=0, attempts=3, follow=FollowWalk())
    assert model.evaluations == best.evaluations.choice == 3 * LOOK_DRAWS


def make_again(times: int) -> Any:
    return made_of(*[picture_of()] * times)


# ---------------------------------------------------------------- edits


def test_the_edit_that_is_kept_is_the_one_of_its_seed() -> None:
    best = edited(MODEL, seed=5, attempts=3)
    assert [attempt.seed for attempt in best.attempts] == [seed_of(5, k) for k in range(3)]
    scores = {attempt.seed: attempt.score for attempt in best.attempts}
    assert scores[best.seed] == max(scores.values())
    alone = edited(MODEL, seed=best.seed, attempts=1)
    assert alone.attempts[0].score is None
    assert np.array_equal(best.picture.rgb, alone.picture.rgb)
    assert np.array_equal(best.raw, alone.raw)
    assert np.array_equal(edited(MODEL, seed=5, attempts=3).picture.rgb, best.picture.rgb)


def test_an_edit_counts_all_attempts_and_finds_its_place_once() -> None:
    model = Watched(rate=0.3)
    one, several = edited(model, attempts=1), edited(Watched(rate=0.3), attempts=3)
    assert several.evaluations.mask == one.evaluations.mask
    assert several.evaluations.decode == 3 * one.evaluations.decode
    assert several.evaluations.choice == 3 * 2 * LOOK_DRAWS
    assert one.evaluations.choice == 0
    assert model.evaluations == one.evaluations.total


def test_inverting_is_done_once_for_all_attempts() -> None:
    method = method_with("diffedit")
    one, several = (edited(MODEL, method=method, attempts=n) for n in (1, 3))
    assert several.evaluations.inversion == one.evaluations.inversion > 0


def test_a_removal_is_chosen_by_the_picture_without_a_text() -> None:
    scene = Scene.open(MODEL.picture(["tree"], *SIZE, seed=1), MODEL)
    found = scene.edit("tree", "", source="tree", method=method_with("sdedit"), attempts=2)
    assert all(attempt.score is not None and attempt.score < 0 for attempt in found.attempts)
    assert found.evaluations.choice == 2 * LOOK_DRAWS


@pytest.mark.parametrize("attempts", [0, -1, 65])
def test_other_numbers_of_attempts_are_refused_before_anything_is_done(attempts: int) -> None:
    model = Watched(rate=0.3)
    with pytest.raises(InvalidInputError, match=f"attempts: must be .*, got {attempts};"):
        edited(model, attempts=attempts)
    assert model.evaluations == 0


def test_how_many_attempts_suit_is_known_of_the_model() -> None:
    options: dict[str, Any] = {"source": "tree", "steps": 4, "mask": MASK}
    picture = MODEL.picture(["tree"], *SIZE, seed=1)
    assert len(Scene.open(picture, MODEL).edit("tree", "house", **options).attempts) == 1
    scene = Scene.open(picture, replace(MODEL, card=gaussian_card(attempts=2)))
    assert len(scene.edit("tree", "house", **options).attempts) == 2
    assert len(scene.edit("tree", "house", attempts=1, **options).attempts) == 1
    named = scene.edit("tree", "house", method="sdedit", **options)
    assert len(named.attempts) == 1


def test_each_attempt_is_reported_and_may_be_stopped() -> None:
    seen: list[Progress] = []
    edited(MODEL, attempts=2, progress=seen.append)
    stages = list(dict.fromkeys(each.stage for each in seen))
    assert [stage for stage in stages if "of 2" in stage] == [
        f"{name} ({k} of 2)" for k in (1, 2) for name in ("editing", "decoding", "choosing")
    ]
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.stage == "choosing (1 of 2)" and progress.step:
            token.cancel()

    with pytest.raises(Cancelled):
        edited(MODEL, attempts=2, progress=stop, cancel=token)


def over_at(monkeypatch: pytest.MonkeyPatch, stage: str, step: int = 0) -> dict[str, Any]:
    """Options of an edit whose time is over when a step of a stage is reported."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("textseg.progress.time", SimpleNamespace(monotonic=lambda: clock.now))

    def watch(progress: Progress) -> None:
        if progress.stage == stage and progress.step >= step:
            clock.now = 100.0

    return {"progress": watch, "cancel": Deadline(10)}


@pytest.mark.parametrize("stage", ["editing (3 of 4)", "decoding (3 of 4)", "choosing (3 of 4)"])
def test_at_the_time_limit_the_best_finished_attempt_is_kept(
    monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    one, two = edited(MODEL, attempts=1), edited(MODEL, attempts=2)
    step = 0 if stage.startswith("decoding") else 2
    found = edited(MODEL, attempts=4, **over_at(monkeypatch, stage, step))
    assert found.attempts == two.attempts
    assert found.seed == two.seed
    assert np.array_equal(found.picture.rgb, two.picture.rgb)
    assert found.stopped == "stopped at the time limit after 2 of 4 attempts"
    assert found.stopped in found.notes
    assert (one.stopped, two.stopped) == ("", "")
    assert not any("time limit" in note for note in two.notes)


@pytest.mark.parametrize("step", [0, 5, 2 * LOOK_DRAWS])
def test_an_attempt_that_is_made_is_kept_though_no_time_is_left_to_compare_it(
    monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    found = edited(MODEL, attempts=2, **over_at(monkeypatch, "choosing (1 of 2)", step))
    assert np.array_equal(found.picture.rgb, edited(MODEL, attempts=1).picture.rgb)
    assert found.stopped == "stopped at the time limit after 1 of 2 attempts"
    assert (found.attempts[0].score is None) == (step < 2 * LOOK_DRAWS)


def test_an_edit_that_is_made_when_the_time_is_over_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = edited(MODEL, attempts=1, **over_at(monkeypatch, "decoding", 1))
    assert found.stopped == ""


@pytest.mark.parametrize(("stage", "step"), [("editing (1 of 2)", 1), ("comparing", 0)])
def test_with_no_attempt_finished_the_time_limit_is_an_error(
    monkeypatch: pytest.MonkeyPatch, stage: str, step: int
) -> None:
    with pytest.raises(TimeLimitError, match="10 seconds"):
        edited(MODEL, attempts=2, **over_at(monkeypatch, stage, step))


@pytest.mark.parametrize("late", [False, True])
def test_a_person_who_cancels_keeps_nothing(late: bool) -> None:
    token = CancelToken()
    last = "choosing (2 of 2)"

    def stop(progress: Progress) -> None:
        if progress.stage == last and (progress.step == progress.of if late else progress.step):
            token.cancel()

    with pytest.raises(Cancelled):
        edited(MODEL, attempts=2, progress=stop, cancel=Deadline(1000, cancel=token))


def test_attempts_are_kept_with_the_edit() -> None:
    made = edited(MODEL, attempts=2).cut_short("for want of time")
    back = read_edit(edit_bytes(made), Around(made.before, made.picture, made.segmentation))
    assert back.attempts == made.attempts
    assert (back.stopped, back.notes) == (made.stopped, made.notes)
    assert back.stopped == "for want of time"
    assert back.evaluations == made.evaluations


def test_evaluations_add_up() -> None:
    both = Evaluations(1, 2, 3, 4).plus(Evaluations(10, 20, 30, 40))
    assert both == Evaluations(11, 22, 33, 44)
    assert both.total == 110


def test_the_model_is_asked_with_its_own_type_of_numbers() -> None:
    class Typed(GaussianModel):
        def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
            asked.add(z.dtype)
            return super().predict(z, sigma, text)

    asked = set[torch.dtype]()
    model, here = Typed(rate=0.3), read("house")
    latents = here.latents.to(torch.float64)
    cells = cells_of(here, MASK.astype(np.float32)).to(latents)
    errors = denoising_errors(model, latents, Texts(model).embed([""]), cells, follow=FollowWalk())
    assert asked == {torch.float64}
    assert errors[0] > 0
