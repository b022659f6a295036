from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.segmentation.helpers import Recording, latents_of
from textseg.diffusion.rivalry import ROUNDS, Round
from textseg.errors import Cancelled
from textseg.progress import CancelToken, Follow, Progress
from textseg.segmentation.competing import NOISE, Challenge, Standing, weigh_rivals
from textseg.segmentation.difference import EstimateCache, noise_difference
from textseg.segmentation.draws import Draw, plan_draws
from textseg.segmentation.estimating import Estimator
from textseg.testing import GaussianModel, GaussianThing

PLACE = (0.125, 0.25, 0.625, 0.75)
COLOURS = {
    "red": GaussianThing((0.8, 0.2, 0.2), PLACE),
    "blue": GaussianThing((0.2, 0.2, 0.8), PLACE),
    "green": GaussianThing((0.2, 0.8, 0.2), PLACE),
    "pink": GaussianThing((0.8, 0.5, 0.6), PLACE),
}
SIZE = (16, 24)
REGION = GaussianModel(things=COLOURS).region("red", *SIZE)


def plan(draws: int = 10, seed: int = 0) -> tuple[Draw, ...]:
    return tuple(
        plan_draws(
            draws,
            levels=None,
            sigma_range=(0.2, 0.8),
            covered=(0.0, 1.0),
            seed=seed,
            antithetic=False,
            early=False,
        )
    )


def weigh(
    model: GaussianModel,
    latents: torch.Tensor,
    *queries: str,
    rivals: Sequence[str] = ("red", "blue", "green", "pink"),
    draws: Sequence[Draw] = (),
    own: EstimateCache | None = None,
    cache: EstimateCache | None = None,
    follow: Follow | None = None,
    rounds: Sequence[Round] = ROUNDS,
) -> list[Standing]:
    taken = tuple(draws) or plan()
    challenges = [
        Challenge(query, REGION, taken, tuple(r for r in rivals if r != query)) for query in queries
    ]
    texts = model.embed_text(list(dict.fromkeys([*queries, *rivals])))
    return weigh_rivals(
        Estimator(model, latents, texts, batch_size=8),
        challenges,
        rounds=rounds,
        own=EstimateCache() if own is None else own,
        cache=EstimateCache() if cache is None else cache,
        follow=follow or Follow(),
    )


def picture(model: GaussianModel, *present: str, seed: int = 0) -> torch.Tensor:
    return latents_of(model, GaussianModel(things=COLOURS).picture(present, *SIZE, seed=seed))


# ---------------------------------------------------------------- what it means


def test_an_exact_model_has_one_for_a_true_query_and_minus_one_for_a_false_one() -> None:
    model = GaussianModel(things=COLOURS, spread=0.2)
    scores = [
        [
            standing.score
            for standing in weigh(model, picture(model, "red", seed=seed), "red", "blue")
        ]
        for seed in range(20)
    ]
    true, false = np.mean(scores, 0)
    assert true == pytest.approx(1, abs=0.1)
    assert false == pytest.approx(-1, abs=0.1)


def test_the_strongest_rival_is_what_is_there() -> None:
    model = GaussianModel(things=COLOURS)
    for true in ("red", "green"):
        (standing,) = weigh(model, picture(model, true), "blue")
        assert standing.rival == true


def test_a_network_that_knows_nothing_loses_against_noise() -> None:
    class Untrained(GaussianModel):
        def predict(self, z, sigma, text):  # type: ignore[no-untyped-def]  # as the one it replaces
            found = super().predict(z, sigma, text)
            eps = 0.3 * torch.roll(found.eps, (5, 7), (-2, -1))
            return type(found)(found.x0, eps, found.velocity)

    model = Untrained(things=COLOURS)
    for query in COLOURS:
        (standing,) = weigh(model, picture(model, "red"), query)
        assert standing.score < -0.5


def test_other_queries_of_the_call_change_no_score() -> None:
    model = GaussianModel(things=COLOURS, rate=0.2)
    latents = picture(model, "red")
    together = weigh(model, latents, "red", "blue", "pink")
    for query, standing in zip(("red", "blue", "pink"), together, strict=True):
        (alone,) = weigh(model, latents, query)
        assert alone.rival == standing.rival
        assert alone.score == pytest.approx(standing.score, abs=1e-5)


def test_cells_outside_of_the_region_do_not_count() -> None:
    model = GaussianModel(things=COLOURS, rate=0.2)
    latents, changed = picture(model, "red"), picture(model, "red")
    changed[..., ~torch.from_numpy(REGION)] += 0.5
    (one,), (other,) = (weigh(model, each, "blue", rivals=("red",)) for each in (latents, changed))
    assert one.rival == other.rival == "red"
    assert one.score == pytest.approx(other.score, abs=1e-5)


# ---------------------------------------------------------------- what it costs


def test_all_rivals_get_one_draw_four_two_more_and_the_best_two_all() -> None:
    more = {"cyan": (0.2, 0.8, 0.8), "gold": (0.8, 0.7, 0.1), "white": (0.9, 0.9, 0.9)}
    things = {name: GaussianThing(colour, PLACE) for name, colour in more.items()}
    model = Recording(things={**COLOURS, **things})
    rivals = ("red", "green", "pink", *more)
    (standing,) = weigh(model, picture(model, "red"), "blue", rivals=rivals)
    assert standing.rival == "red"
    assert standing.evaluations == model.evaluations == 10 + 6 + 4 * 2 + 2 * 7
    asked = [row.prompt for row in model.rows]
    assert sorted(asked.count(rival) for rival in rivals) == [1, 1, 3, 3, 10, 10]


def test_draws_lie_where_the_rounds_have_them_and_none_comes_twice() -> None:
    model = Recording(things=COLOURS)
    rounds = (Round((0.75,), left=2), Round((0.65, 0.9), left=1))
    weigh(model, picture(model, "red"), "blue", rounds=rounds)
    levels = [row.sigma for row in model.rows if row.prompt == "red"]
    rising = [draw.sigma for draw in plan()]
    rest = [rising[place] for place in (0, 1, 2, 3, 4, 5, 9)]
    assert levels == pytest.approx([rising[7], rising[6], rising[8], *rest])


def test_without_rounds_all_rivals_get_all_draws() -> None:
    model = Recording(things=COLOURS)
    weigh(model, picture(model, "red"), "blue", rounds=())
    assert model.evaluations == 10 + 3 * 10


def test_what_is_known_is_not_asked_again() -> None:
    model, own, cache = Recording(things=COLOURS), EstimateCache(), EstimateCache()
    latents = picture(model, "red")
    noise_difference(
        model,
        latents,
        model.embed_text(["blue"]),
        model.embed_text([""]),
        draws=10,
        sigma_range=(0.2, 0.8),
        keep=own,
    )
    model.calls.clear()
    (first,) = weigh(model, latents, "blue", own=own, cache=cache)
    assert first.evaluations == model.evaluations == 3 + 3 * 2 + 2 * 7
    model.calls.clear()
    (again,) = weigh(model, latents, "blue", own=own, cache=cache)
    assert again.evaluations == model.evaluations == 0
    assert again.score == pytest.approx(first.score)


def test_what_serves_several_queries_is_shared() -> None:
    model = Recording(things=COLOURS)
    standings = weigh(model, picture(model, "red"), "red", "blue", rivals=("green", "pink"))
    assert [standing.shared_evaluations for standing in standings] == [20, 20]
    assert [standing.evaluations for standing in standings] == [30, 30]
    assert model.evaluations == 40


def test_a_query_that_is_anothers_rival_is_asked_once() -> None:
    model = Recording(things=COLOURS)
    weigh(model, picture(model, "red"), "red", "blue", rivals=("red", "blue"))
    assert model.evaluations == 20


def test_fewer_draws_than_three_are_enough() -> None:
    model = Recording(things=COLOURS)
    (standing,) = weigh(model, picture(model, "red"), "blue", draws=plan(1))
    assert standing.rival in {NOISE, *COLOURS}
    assert model.evaluations == 4


def test_progress_has_one_estimate_over_all_and_ends_with_it() -> None:
    model, seen = Recording(things=COLOURS), list[Progress]()
    weigh(model, picture(model, "red"), "red", "blue", follow=Follow(seen.append))
    assert {(each.stage, each.of) for each in seen} == {("weighing rivals", seen[0].of)}
    steps = [each.step for each in seen]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, seen[0].of)
    assert model.evaluations <= seen[0].of


def test_it_can_be_stopped_between_batches() -> None:
    model, cancel = Recording(things=COLOURS), CancelToken()

    def stop(progress: Progress) -> None:
        if progress.step:
            cancel.cancel()

    with pytest.raises(Cancelled):
        weigh(model, picture(model, "red"), "blue", follow=Follow(stop, cancel))
    assert model.evaluations == 8
