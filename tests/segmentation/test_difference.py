from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.segmentation.helpers import Recording, Row, compare, latents_of
from textseg.errors import Cancelled, InvalidInputError, OutOfMemoryError
from textseg.progress import CancelToken, Progress
from textseg.segmentation.difference import (
    EstimateCache,
    RawMaps,
    noise_difference,
)
from textseg.segmentation.draws import log_snr, sigma_at
from textseg.testing import GaussianModel, GaussianThing

SIX = {
    f"thing{k}": GaussianThing(
        colour=(0.1 + 0.15 * k, 0.3, 0.8 - 0.1 * k), box=(0, k / 6, 1, (k + 1) / 6)
    )
    for k in range(6)
}

MIDDLE = (0.38, 0.82)  # levels at which texts and noises both matter


def scene(model: GaussianModel, *present: str, height: int = 12, width: int = 20) -> torch.Tensor:
    return latents_of(model, model.picture(present, height, width, seed=5))


def colour_of(model: GaussianModel, name: str) -> torch.Tensor:
    thing = model.things[name].colour if name in model.things else model.background
    return 2 * torch.tensor(thing)[:, None, None] - 1


def strength(model: GaussianModel, sigma: float) -> float:
    """How much a shift of the mean of x0 shifts the estimated noise, for one Gaussian."""
    return sigma * (1 - sigma) / ((1 - sigma) ** 2 * model.spread**2 + sigma**2)


def batched(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    assert len(rows) % size == 0
    return (rows[start : start + size] for start in range(0, len(rows), size))


def assert_same(one: RawMaps, other: RawMaps) -> None:
    for name, values in one.arrays().items():
        np.testing.assert_allclose(values, other.arrays()[name], rtol=1e-4, atol=1e-5, err_msg=name)


# ---------------------------------------------------------------- closed forms


def test_difference_is_the_shift_of_the_estimated_noise_inside_the_thing_and_zero_outside() -> None:
    model = GaussianModel()
    (raw,) = compare(model, scene(model, "tree"), "tree", levels=[0.6], draws=3)
    region = model.region("tree", 12, 20)
    shift = (colour_of(model, "tree") - colour_of(model, "")).abs().mean()
    expected = strength(model, 0.6) * float(shift)
    np.testing.assert_allclose(raw.difference[region], expected, rtol=1e-4)
    np.testing.assert_allclose(raw.difference[~region], 0, atol=1e-6)
    np.testing.assert_allclose(raw.difference_spread, 0, atol=1e-5)


def test_information_is_half_the_squared_difference_times_the_width_in_log_snr() -> None:
    model = GaussianModel()
    (raw,) = compare(model, scene(model), "tree", levels=[0.4, 0.6], draws=4)
    region = model.region("tree", 12, 20)
    squared = float((colour_of(model, "tree") - colour_of(model, "")).square().sum())
    width = log_snr(0.4) - log_snr(0.6)
    expected = sum(width / 2 * strength(model, sigma) ** 2 * squared for sigma in (0.4, 0.6))
    np.testing.assert_allclose(raw.information[region], expected, rtol=1e-4)


def test_antithetic_evidence_has_no_noise_left_and_its_closed_form() -> None:
    model = GaussianModel()
    latents = scene(model, "tree")
    (raw,) = compare(model, latents, "tree", levels=[0.5], draws=2, antithetic=True)
    away = [(latents[0] - colour_of(model, name)).square().sum(0) for name in ("", "tree")]
    expected = strength(model, 0.5) ** 2 / 2 * (away[0] - away[1]).numpy()
    region = model.region("tree", 12, 20)
    np.testing.assert_allclose(raw.evidence[region], expected[region], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(raw.evidence[~region], 0, atol=1e-6)


def test_evidence_over_all_levels_is_the_log_likelihood_ratio_in_nats() -> None:
    model = GaussianModel(rate=0.3)
    latents = scene(model, "tree")
    options: dict[str, Any] = {"draws": 600, "sigma_range": (0.001, 0.999), "antithetic": True}
    for raw in compare(model, latents, "tree", "house", batch_size=64, **options):
        known = model.log_density(latents, model.embed_text([raw.query]))
        ratio = (known - model.log_density(latents, model.embed_text([""])))[0].numpy()
        errors = (raw.evidence - ratio) / np.maximum(raw.evidence_spread, 1e-3)
        assert np.sqrt(np.square(errors).mean()) < 1.5
        assert abs(raw.evidence.sum() - ratio.sum()) < 0.05 * abs(ratio.sum())


def test_spread_of_the_evidence_is_its_closed_form() -> None:
    model, sigma, draws = GaussianModel(), 0.5, 400
    (raw,) = compare(model, scene(model, "tree"), "tree", levels=[sigma], draws=draws)
    gain = strength(model, sigma)
    factor = gain * (1 - gain * sigma / (1 - sigma))
    shift = (colour_of(model, "tree") - colour_of(model, "")).square().sum().sqrt()
    expected = float(factor * shift) / math.sqrt(draws)
    region = model.region("tree", 12, 20)
    np.testing.assert_allclose(raw.evidence_spread[region], expected, rtol=0.2)
    np.testing.assert_allclose(raw.evidence_spread[region].mean(), expected, rtol=0.02)


def test_spread_is_what_the_map_moves_by_from_seed_to_seed() -> None:
    model = GaussianModel(rate=0.3)
    latents = scene(model, "tree")
    found = [
        compare(model, latents, "tree", draws=16, seed=seed, sigma_range=MIDDLE)[0]
        for seed in range(60)
    ]
    region = model.region("tree", 12, 20)
    moved = np.std([raw.evidence for raw in found], axis=0)[region].mean()
    said = np.mean([raw.evidence_spread for raw in found], axis=0)[region].mean()
    assert 0.8 < said / moved < 1.25


def test_how_a_statistic_changes_along_the_levels_is_not_taken_for_noise() -> None:
    model = GaussianModel()  # differences depend on the level alone, not on the noise
    (raw,) = compare(model, scene(model, "tree"), "tree", draws=40)
    region = model.region("tree", 12, 20)
    assert (raw.difference_spread[region] < 0.01 * raw.difference[region]).all()


def test_bands_are_parts_of_the_whole() -> None:
    model = GaussianModel(rate=0.3)
    latents = latents_of(model, model.picture(["tree"], 16, 24, seed=1))
    (raw,) = compare(model, latents, "tree", draws=10)
    draws = np.array([3, 4, 3])[:, None, None]  # of ten strata, in each third
    gain, loss, information = raw.bands.swapaxes(0, 1)
    assert (gain >= 0).all()
    assert (loss >= 0).all()
    assert gain.sum() > 0 < loss.sum()
    for parts, whole in ((gain - loss, raw.evidence), (information, raw.information)):
        np.testing.assert_allclose((parts * draws).sum(0) / 10, whole, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(raw.cropped(3, 5).bands, raw.bands[..., :3, :5])


def test_bands_of_single_levels_are_told_apart() -> None:
    model = GaussianModel(rate=0.3)
    latents = latents_of(model, model.picture(["tree"], 16, 24, seed=1))
    for band, level in enumerate((0.2, 0.5, 0.7)):
        (raw,) = compare(model, latents, "tree", draws=1, levels=[level])
        known = ~np.isnan(raw.bands).all((1, 2, 3))
        assert known.tolist() == [k == band for k in range(3)]


def test_one_draw_has_no_spread() -> None:
    model = GaussianModel()
    (raw,) = compare(model, scene(model), "tree", draws=1)
    assert np.isnan(raw.difference_spread).all()
    assert np.isfinite(raw.difference).all()


def test_the_sign_of_the_evidence_tells_present_from_absent_where_the_difference_cannot() -> None:
    model = GaussianModel(rate=0.3)
    latents = scene(model, "tree", height=32, width=48)
    tree, house = compare(model, latents, "tree", "house")
    assert tree.difference[model.region("tree", 32, 48)].mean() > 0.02
    assert house.difference[model.region("house", 32, 48)].mean() > 0.02
    assert tree.evidence.sum() > 10
    assert house.evidence.sum() < -10


# ---------------------------------------------------------------- cost


@pytest.mark.parametrize(("queries", "expected"), [(1, 20), (5, 60)])
def test_ten_draws_cost_ten_evaluations_for_each_query_and_ten_for_the_reference(
    queries: int, expected: int
) -> None:
    model = Recording(things=SIX)
    raws = compare(model, scene(model), *list(SIX)[:queries], draws=10)
    assert model.evaluations == expected
    assert [raw.evaluations for raw in raws] == [20] * queries
    assert [raw.shared_evaluations for raw in raws] == [10] * queries


def test_a_cached_reference_costs_nothing_and_changes_nothing() -> None:
    model, cache = Recording(rate=0.3), EstimateCache()
    latents = scene(model, "tree")
    compare(model, latents, "tree", draws=10, cache=cache)
    model.calls.clear()
    (cached,) = compare(model, latents, "house", draws=10, cache=cache)
    assert model.evaluations == cached.evaluations == 10
    assert cached.shared_evaluations == 0
    assert_same(cached, compare(model, latents, "house", draws=10)[0])


@pytest.mark.parametrize("change", [{"seed": 1}, {"draws": 9}, {"reference": "house"}])
def test_a_cache_of_other_draws_or_another_reference_is_not_used(change: dict[str, Any]) -> None:
    model, cache = Recording(), EstimateCache()
    latents = scene(model)
    compare(model, latents, "tree", cache=cache)
    model.calls.clear()
    options: dict[str, Any] = {"draws": 10, **change}
    compare(model, latents, "tree", cache=cache, **options)
    assert model.evaluations == 2 * options["draws"]


def test_a_full_cache_takes_no_more_and_the_maps_stay_right() -> None:
    model = Recording(rate=0.3)
    latents = scene(model, "tree")
    cache = EstimateCache(limit_bytes=2 * latents.nbytes)
    for _ in range(2):
        (raw,) = compare(model, latents, "tree", draws=6, cache=cache)
        assert_same(raw, compare(model, latents, "tree", draws=6)[0])
    assert cache.full
    assert raw.shared_evaluations == 4


def test_the_estimates_of_queries_are_kept_where_somebody_wants_them() -> None:
    model, keep = Recording(rate=0.3), EstimateCache()
    latents = scene(model, "tree")
    plain = compare(model, latents, "tree", draws=4)
    assert_same(compare(model, latents, "tree", draws=4, keep=keep)[0], plain[0])
    assert {text for text, _ in keep._estimates} == {"tree"}
    assert {eps.untyped_storage().nbytes() for eps in keep._estimates.values()} == {latents.nbytes}
    for (_, draw), eps in keep._estimates.items():
        z = (1 - draw.sigma) * latents + draw.sigma * draw.noise(latents)
        torch.testing.assert_close(
            eps[None], model.predict(z, draw.sigma, model.embed_text(["tree"])).eps
        )


def test_a_cached_reference_does_not_keep_its_whole_batch_in_memory() -> None:
    model, cache = GaussianModel(), EstimateCache()
    latents = scene(model)
    compare(model, latents, "tree", draws=4, batch_size=8, cache=cache)
    sizes = [eps.untyped_storage().nbytes() for eps in cache._estimates.values()]
    assert sizes == [latents.nbytes] * 4


@settings(max_examples=15, deadline=None)
@given(
    batch_size=st.integers(1, 40), levels=st.sampled_from([None, 1, 3]), queries=st.integers(1, 6)
)
def test_no_batch_is_larger_than_asked_and_the_size_changes_nothing(
    batch_size: int, levels: int | None, queries: int
) -> None:
    model = Recording(things=SIX, rate=0.2)
    latents, names = scene(model, "thing1", "thing4", height=4, width=12), list(SIX)[:queries]
    found = compare(model, latents, *names, draws=7, levels=levels, batch_size=batch_size)
    assert max(map(len, model.calls)) <= batch_size
    assert model.evaluations == 7 * (queries + 1)
    usual = compare(model, latents, *names, draws=7, levels=levels)
    for one, other in zip(found, usual, strict=True):
        assert_same(one, other)


def test_batches_are_full_whatever_the_draws_and_levels_of_their_rows() -> None:
    model = Recording()
    compare(model, scene(model), "tree", "house", draws=7, batch_size=8)
    assert [len(call) for call in model.calls] == [8, 8, 5]
    assert [len({row.sigma for row in call}) for call in model.calls] == [3, 4, 2]


@settings(max_examples=20, deadline=None)
@given(
    batch_size=st.integers(1, 9),
    kept=st.integers(0, 4),
    antithetic=st.booleans(),
    tolerance=st.sampled_from([None, 0.3]),
)
def test_a_draw_meets_its_own_reference_wherever_a_batch_ends(
    batch_size: int, kept: int, antithetic: bool, tolerance: float | None
) -> None:
    """The references of the first draws are known before, those of the others are not."""
    model = GaussianModel(things=SIX, rate=0.2)
    latents = scene(model, "thing2", height=4, width=12)
    options: dict[str, Any] = {"draws": 12, "antithetic": antithetic, "tolerance": tolerance}
    cache = EstimateCache(limit_bytes=kept * latents.nbytes)
    compare(model, latents, "thing0", cache=cache, batch_size=1, **options)
    names = ("thing1", "thing2", "thing5")
    found = compare(model, latents, *names, cache=cache, batch_size=batch_size, **options)
    for one, name in zip(found, names, strict=True):
        (alone,) = compare(model, latents, name, batch_size=100, **options)
        assert_same(one, alone)
        assert one.draws == alone.draws


# ---------------------------------------------------------------- independence


@settings(max_examples=15, deadline=None)
@given(
    company=st.lists(st.sampled_from(list(SIX)), min_size=1, max_size=6),
    place=st.integers(0, 5),
    antithetic=st.booleans(),
    tolerance=st.sampled_from([None, 0.3]),
)
def test_a_query_gets_the_same_maps_alone_and_in_company(
    company: list[str], place: int, antithetic: bool, tolerance: float | None
) -> None:
    model = GaussianModel(things=SIX, rate=0.2)
    latents = scene(model, "thing2", "thing3", height=4, width=12)
    options: dict[str, Any] = {"draws": 12, "antithetic": antithetic, "tolerance": tolerance}
    (alone,) = compare(model, latents, "thing2", **options)
    queries = [*company[:place], "thing2", *company[place:]]
    together = compare(model, latents, *queries, **options)[min(place, len(company))]
    assert_same(together, alone)
    assert together.draws == alone.draws


def test_every_draw_has_its_own_noise_and_all_texts_of_a_draw_share_it() -> None:
    model = Recording()
    latents = scene(model, height=32, width=32)
    compare(model, latents, "tree", "house", draws=5, batch_size=4)
    noises = []
    for first, *others in batched(model.rows, 3):
        assert all(torch.equal(first.z, row.z) and first.sigma == row.sigma for row in others)
        noises.append(((first.z - (1 - first.sigma) * latents[0]) / first.sigma).flatten())
    correlation = torch.corrcoef(torch.stack(noises)) - torch.eye(5)
    assert correlation.abs().max() < 0.1  # 3072 values: a standard error of 0.018


def test_antithetic_draws_come_in_pairs_of_opposite_noise_at_one_level() -> None:
    model = Recording()
    latents = scene(model)
    compare(model, latents, "tree", draws=6, antithetic=True)
    for one, _, other, _ in batched(model.rows, 4):
        assert one.sigma == other.sigma
        mean = (one.z + other.z) / 2
        torch.testing.assert_close(mean, (1 - one.sigma) * latents[0], rtol=1e-4, atol=1e-5)
    assert len({row.sigma for row in model.rows}) == 3


def test_each_text_meets_its_own_embedding() -> None:
    model = Recording()
    compare(model, scene(model), "house", "tree", reference="", draws=2, batch_size=4)
    names = list(model.things)
    assert [row.prompt for row in model.rows] == ["", "house", "tree"] * 2
    for row in model.rows:
        assert row.embedding[0].tolist() == [float(name == row.prompt) for name in names]


def test_the_reference_text_is_what_the_query_is_compared_with() -> None:
    model = GaussianModel()
    latents = scene(model, "tree", "house")
    same, other = compare(model, latents, "tree", "house", reference="tree")
    assert same.difference.max() == 0
    assert other.difference[model.region("tree", 12, 20)].min() > 0.1  # the reference's own thing
    assert (other.evidence[model.region("house", 12, 20)] > 0).mean() > 0.9


def test_same_seed_same_maps_other_seed_other_maps() -> None:
    model = GaussianModel(rate=0.3)
    latents = scene(model, "tree")
    first, second, other = (compare(model, latents, "tree", seed=seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first.evidence, second.evidence)
    assert not np.allclose(first.evidence, other.evidence, rtol=1e-2)


def test_neither_arguments_nor_the_global_generator_are_changed() -> None:
    model = GaussianModel(rate=0.3)
    latents = scene(model, "tree")
    texts, base = model.embed_text(["tree"]), model.embed_text([""])
    kept = [latents.clone(), texts.embeddings.clone(), base.embeddings.clone()]
    state = torch.random.get_rng_state()
    noise_difference(model, latents, texts, base, draws=3)
    for now, before in zip([latents, texts.embeddings, base.embeddings], kept, strict=True):
        assert torch.equal(now, before)
    assert torch.equal(torch.random.get_rng_state(), state)


# ---------------------------------------------------------------- levels


def test_levels_are_the_middles_of_equal_strata_in_log_snr() -> None:
    model = Recording()
    between = (sigma_at(2.0), sigma_at(-2.0))
    (raw,) = compare(model, scene(model), "tree", draws=4, sigma_range=between)
    np.testing.assert_allclose([log_snr(sigma) for sigma in raw.levels], [1.5, 0.5, -0.5, -1.5])
    np.testing.assert_allclose([row.sigma for row in model.rows[::2]], raw.levels)


def test_draws_are_spread_evenly_over_given_levels_whatever_their_order() -> None:
    model = Recording()
    (raw,) = compare(model, scene(model), "tree", draws=8, levels=[0.7, 0.3, 0.5])
    counts = Counter(round(row.sigma, 6) for row in model.rows)
    assert raw.levels == (0.3, 0.5, 0.7)
    assert set(counts) == set(raw.levels)
    assert sorted(counts.values()) == [4, 6, 6]


def test_unequal_counts_and_distances_of_levels_do_not_bias_the_integral() -> None:
    model = GaussianModel()
    latents, squared = scene(model), 0.0
    squared = float((colour_of(model, "tree") - colour_of(model, "")).square().sum())
    levels = [sigma_at(value) for value in (2.0, 1.0, -2.0)]
    (raw,) = compare(model, latents, "tree", draws=8, levels=levels)
    widths = [1.0, 2.0, 3.0]
    expected = sum(
        width / 2 * strength(model, sigma) ** 2 * squared
        for width, sigma in zip(widths, levels, strict=True)
    )
    region = model.region("tree", 12, 20)
    np.testing.assert_allclose(raw.information[region], expected, rtol=1e-4)


def test_the_range_is_cut_to_what_the_model_covers() -> None:
    model = Recording(sigma_range=(0.45, 0.55))
    (raw,) = compare(model, scene(model), "tree", draws=5)
    assert min(raw.levels) > 0.45
    assert max(raw.levels) < 0.55


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": [0.5, 0.95]}, "levels"),
        ({"levels": [0.0]}, "levels"),
        ({"levels": []}, "0 levels"),
        ({"levels": 0}, "0 levels"),
        ({"levels": 11}, "11 levels"),
        ({"sigma_range": (0.91, 0.99)}, "sigma_range"),
        ({"sigma_range": (0.8, 0.2)}, "sigma_range"),
        ({"draws": 0}, "draws"),
        ({"draws": 5, "antithetic": True}, "even"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"tolerance": 0.0}, "tolerance"),
    ],
)
def test_impossible_numbers_are_refused_before_anything_is_computed(
    options: dict[str, Any], message: str
) -> None:
    model = Recording(sigma_range=(0.1, 0.9))
    with pytest.raises(InvalidInputError, match=message):
        compare(model, scene(model), "tree", **options)
    assert not model.calls


def test_one_picture_and_one_reference_are_required() -> None:
    model = GaussianModel()
    latents, text = scene(model), model.embed_text(["tree", "house"])
    with pytest.raises(InvalidInputError, match=r"\(1, c, h, w\)"):
        noise_difference(model, latents.repeat(2, 1, 1, 1), text, text[0])
    with pytest.raises(InvalidInputError, match="one reference"):
        noise_difference(model, latents, text, text)
    with pytest.raises(InvalidInputError, match="at least one query"):
        noise_difference(model, latents, text[[]], text[0])


# ---------------------------------------------------------------- stop, progress, cancel, memory


def test_a_query_stops_when_its_spread_is_small_enough_and_the_others_go_on() -> None:
    model = Recording(things=SIX, rate=0.05, spread=0.4)
    latents = scene(model, "thing2")
    loose, tight = (
        compare(model, latents, "thing0", draws=64, tolerance=tolerance, sigma_range=MIDDLE)[0]
        for tolerance in (0.2, 0.1)
    )
    assert 4 <= loose.draws < tight.draws < 64
    assert loose.stopped_early
    assert loose.levels[0] < 0.45  # any beginning covers the range of levels
    assert loose.levels[-1] > 0.7
    (whole,) = compare(model, latents, "thing0", draws=64, sigma_range=MIDDLE)
    error = np.sqrt(np.square(tight.difference - whole.difference).mean())
    assert error < 0.2 * whole.difference.std()
    clear, nothing = compare(
        model, latents, "thing0", "nothing", draws=64, tolerance=0.1, sigma_range=MIDDLE
    )
    assert (clear.draws, nothing.draws) == (tight.draws, 4)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 16])
def test_stopping_early_wastes_less_than_a_batch_for_each_query(batch_size: int) -> None:
    model = Recording(things=SIX, rate=0.05, spread=0.4)
    options: dict[str, Any] = {"draws": 64, "tolerance": 0.1, "batch_size": batch_size}
    clear, nothing = compare(model, scene(model, "thing2"), "thing0", "nothing", **options)
    assert 4 == nothing.draws < clear.draws < 64
    needed = 2 * clear.draws + nothing.draws
    assert needed <= model.evaluations < needed + 2 * batch_size
    assert model.evaluations == clear.evaluations + nothing.evaluations - clear.shared_evaluations


def test_without_tolerance_nothing_stops() -> None:
    model = GaussianModel()
    (raw,) = compare(model, scene(model), "tree", draws=32)
    assert raw.draws == 32
    assert not raw.stopped_early


@pytest.mark.parametrize("tolerance", [None, 0.5])
def test_progress_climbs_from_nothing_to_everything(tolerance: float | None) -> None:
    model, seen = GaussianModel(), list[Progress]()
    options: dict[str, Any] = {"draws": 12, "tolerance": tolerance, "progress": seen.append}
    compare(model, scene(model), "tree", **options)
    steps = [report.step for report in seen]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 24)
    assert {report.of for report in seen} == {24}


def test_a_cancel_stops_before_the_next_batch() -> None:
    model, token = Recording(), CancelToken()

    def stop_at_once(report: Progress) -> None:
        if report.step:
            token.cancel()

    with pytest.raises(Cancelled):
        compare(model, scene(model), "tree", progress=stop_at_once, cancel=token)
    assert len(model.calls) == 1


def test_the_batch_is_halved_when_memory_runs_out_and_the_maps_stay_right() -> None:
    model = Recording(rate=0.3, room=3)
    latents = scene(model, "tree")
    (raw,) = compare(model, latents, "tree", draws=8, levels=1, batch_size=16)
    assert raw.batch_size == 2
    assert {len(call) for call in model.calls} == {2}
    assert model.evaluations == 16
    assert_same(raw, compare(GaussianModel(rate=0.3), latents, "tree", draws=8, levels=1)[0])


def test_when_not_even_one_row_fits_the_error_says_so() -> None:
    model = Recording(room=0)
    with pytest.raises(OutOfMemoryError, match="smaller picture"):
        compare(model, scene(model), "tree")


def test_other_errors_of_the_model_pass_through() -> None:
    class Broken(GaussianModel):
        def predict(self, *_: Any) -> Any:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    model = Broken()
    with pytest.raises(RuntimeError, match="mat1"):
        compare(model, scene(model), "tree")
