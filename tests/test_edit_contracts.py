"""What every edit method promises, on exact models and on networks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import (
    BLENDING,
    FITTING,
    GUIDANCE,
    INVERTING,
    METHODS,
    MIXING,
    SEED,
    STEPS,
    STOCHASTIC,
    Bench,
    Exact,
    bench,
    box,
    method_with,
    runs_on,
)
from tests.test_contracts import fingerprint, settled
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction, cells_of
from textseg.editing.apply import numbered_noise
from textseg.editing.base import EditMethod, edit_levels
from textseg.errors import Cancelled
from textseg.progress import CancelToken, Progress
from textseg.registry.models import load_model
from textseg.scene import Scene
from textseg.testing import GaussianModel

EXACT = Exact(rate=0.3)
STRIDED = Exact(rate=0.3, latent_stride=4, size_multiple=16)
PLAIN = Exact()  # one Gaussian per text
MODELS = ["gaussian", "sd1", "flux", "picturebook"]


@pytest.fixture(params=METHODS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=MODELS)
def table(request: pytest.FixtureRequest, tiny_models) -> Bench:
    """A picture on each kind of model: exact, predicting noise, v, velocity, and the shipped.

    Only those on which the method runs, where a test is for all of them.
    """
    if request.param == "gaussian":
        return bench(EXACT)
    if request.param == "picturebook":
        return bench(load_model("picturebook", device="cpu"), cells=(4, 8))
    if "name" in request.fixturenames and "name" in request.node.callspec.params:
        if not runs_on(request.node.callspec.params["name"], tiny_models[request.param]):
            pytest.skip("the model does not have what the method asks for")
    return bench(tiny_models[request.param])


def rgb_of(model: GaussianModel, *present: str, size: tuple[int, int] = (32, 48)) -> np.ndarray:
    return model.picture(present, *size, seed=1)


def odd_rgb(height: int = 70, width: int = 53) -> np.ndarray:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def edited(rgb: np.ndarray, model: DiffusionModel, method: EditMethod, mask: Any = None) -> Any:
    words = {"source": "tree", "seed": SEED}
    return Scene.open(rgb, model).edit("tree", "house", method=method, mask=mask, **words)


# ---------------------------------------------------------------- nothing, and everything


def test_a_zero_mask_returns_the_input(name: str, table: Bench) -> None:
    """The latents too, but for SDEdit, which knows no mask before the end."""
    found = table.run(method_with(name), table.nothing)
    assert torch.equal(found, table.latents) == (name != "sdedit")


@pytest.mark.parametrize("name", ["blended", "sdedit"])
def test_a_full_mask_at_strength_1_is_plain_sampling(name: str, table: Bench) -> None:
    method = method_with(name, strength=1.0)
    levels = table.model.levels(STEPS, cells=cells_of(table.latents))
    start = table.model.prior(numbered_noise(table.latents, SEED)(0), levels[0])
    assert torch.equal(table.run(method, table.everything), table.sampled(start, levels))


@pytest.mark.parametrize("name", ["blended", "sdedit"])
def test_a_full_mask_below_strength_1_is_sampling_from_the_noised_picture(
    name: str, table: Bench
) -> None:
    method = method_with(name, strength=0.5)
    levels = edit_levels(table.model, method, table.latents)
    assert len(levels) == STEPS // 2 + 1
    noise = numbered_noise(table.latents, SEED)(0)
    start = (1 - levels[0]) * table.latents + levels[0] * noise
    assert torch.equal(table.run(method, table.everything), table.sampled(start, levels))


@pytest.mark.parametrize("name", ["blended", "sdedit"])
def test_a_full_mask_at_strength_1_makes_the_picture_that_the_prompt_alone_makes(name: str) -> None:
    made = Scene.generate("house", STRIDED, seed=9, steps=5, guidance=2.0, size=(32, 48))
    solver = STRIDED.card.sampling.solver
    method = method_with(name, strength=1.0, steps=5, guidance=2.0, solver=solver)
    scene = Scene.open(odd_rgb(32, 48), STRIDED)
    found = scene.edit(
        "", "", prompt="house", source="", method=method, mask=np.ones((32, 48)), seed=9
    )
    np.testing.assert_allclose(found.picture.rgb, made.picture.rgb, rtol=0, atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("solver", ["euler", "reused_midpoint", "dpm_solver_2m"])
def test_with_a_full_mask_diffedit_is_plain_sampling_from_the_inverted_picture(
    solver: str, table: Bench
) -> None:
    method = method_with("diffedit", solver=solver)
    found = table.run(method, table.everything)
    start = table.made[-1].states[0]
    levels = edit_levels(table.model, method, table.latents)
    assert torch.equal(found, table.sampled(start, levels, solver=solver))


def test_with_a_full_mask_and_nothing_reused_mdp_is_plain_sampling_from_the_inverted_picture(
    table: Bench,
) -> None:
    method = method_with("mdp", reuse_share=0.0)
    found = table.run(method, table.everything)
    levels = edit_levels(table.model, method, table.latents)
    assert torch.equal(found, table.sampled(table.made[-1].states[0], levels))


@pytest.mark.parametrize("steps", [1, 5])
def test_with_a_full_mask_flowedit_moves_the_picture_by_what_the_words_differ(steps: int) -> None:
    """With one Gaussian per text Z - X = (1 - sigma) (target mean - source mean), straight."""
    table = bench(PLAIN, source="tree", target="house")
    plain = {"strength": 1.0, "guidance": 1.0, "source_guidance": 1.0}
    found = table.run(method_with("flowedit", steps=steps, **plain), table.everything)
    expected = table.latents.clone()
    for thing, sign in (("tree", -1), ("house", 1)):
        here = torch.from_numpy(PLAIN.region(thing, 8, 12))
        difference = 2 * (torch.tensor(PLAIN.things[thing].colour) - torch.tensor(PLAIN.background))
        expected[0, :, here] += sign * difference[:, None]
    assert_close(found, expected, rtol=0, atol=1e-5)


# ---------------------------------------------------------------- reconstruction


def lost(table: Bench, name: str, *, solver: str, steps: int) -> float:
    """How far the picture is from itself after an edit to what it shows: root mean square."""
    method = method_with(
        name,
        steps=steps,
        strength=0.8,
        guidance=1.0,
        inversion_prompt="source",
        solver=solver,
        inversion_solver=solver,
        reuse_share=0.5,
    )
    found = table.run(method, table.everything)
    return ((found - table.latents).norm() / table.latents.norm()).item()


@pytest.mark.parametrize(
    ("name", "solver", "order"),
    [
        ("diffedit", "euler", 1),
        ("diffedit", "reused_midpoint", 2),
        ("diffedit", "dpm_solver_2m", 1.6),
        ("mdp", "reused_midpoint", 1),  # its own walk is Euler's
        ("prompt_to_prompt", "reused_midpoint", 1),  # likewise
        ("plug_and_play", "reused_midpoint", 1),
        ("masactrl", "reused_midpoint", 1),
        ("pix2pix_zero", "reused_midpoint", 1),
    ],
)
def test_asking_for_what_is_there_gives_the_picture_back_the_closer_the_more_steps(
    name: str, solver: str, order: float
) -> None:
    scene = Scene.open(rgb_of(EXACT, "tree"), EXACT)
    table = Bench(EXACT, scene.latents, source="tree", target="tree")
    coarse, fine = (lost(table, name, solver=solver, steps=steps) for steps in (20, 40))
    assert 0 < coarse < 0.2
    assert fine < coarse / 2**order * 1.15


@pytest.mark.parametrize(
    ("name", "solver", "tolerance"),
    [
        ("diffedit", "reused_midpoint", 0.05),
        ("diffedit", "dpm_solver_2m", 0.25),
        ("mdp", "", 0.15),
        ("prompt_to_prompt", "", 0.15),
        ("plug_and_play", "", 0.15),
        ("masactrl", "", 0.15),
        ("pix2pix_zero", "", 0.15),
    ],
)
def test_asking_the_shipped_model_for_what_is_there_gives_the_picture_back(
    name: str, solver: str, tolerance: float
) -> None:
    network = load_model("picturebook", device="cpu")
    scene = Scene.generate("a red house", network, steps=6, size=(64, 96))
    table = Bench(network, scene.latents, source="a red house", target="a red house")
    assert 0 < lost(table, name, solver=solver or "reused_midpoint", steps=8) < tolerance


def test_flowedit_changes_nothing_at_all_between_equal_prompts_and_guidances(table: Bench) -> None:
    table.target = table.source
    method = method_with("flowedit", guidance=GUIDANCE, source_guidance=GUIDANCE, averages=2)
    for step in table.steps(method, table.everything):
        assert torch.equal(step.z, table.latents)


# ---------------------------------------------------------------- repeatable


def test_the_seed_decides(name: str) -> None:
    rgb, mask = odd_rgb(32, 48), box((32, 48), 4, 6, 20, 30)
    scene = Scene.open(rgb, STRIDED)

    def result(seed: int) -> np.ndarray:
        method = method_with(name)
        return scene.edit("", "tree", method=method, mask=mask, source="", seed=seed).picture.rgb

    first = result(0)
    assert np.array_equal(first, result(0))
    assert np.array_equal(first, result(1)) == (name not in STOCHASTIC)


def test_what_is_cached_changes_no_bit(name: str) -> None:
    rgb, method = rgb_of(EXACT, "tree"), method_with(name)
    scene = Scene.open(rgb, EXACT)
    first = scene.edit("tree", "house", method=method, source="tree", seed=SEED)
    again = scene.edit("tree", "house", method=method, source="tree", seed=SEED)
    fresh = edited(rgb, EXACT, method)
    assert again.evaluations.mask == again.evaluations.inversion == again.evaluations.fit == 0
    assert again.evaluations.decode == first.evaluations.decode
    for other in (again, fresh):
        assert np.array_equal(other.picture.rgb, first.picture.rgb)
        assert np.array_equal(other.mask, first.mask)
    assert fresh.evaluations == first.evaluations


@pytest.mark.parametrize("name", [name for name in METHODS if name not in MIXING])
def test_rows_of_a_batch_do_not_decide_the_result(name: str, tiny_models) -> None:
    class RowByRow:
        """Sends every row through the network alone."""

        def __init__(self, model: DiffusionModel) -> None:
            self._model = model

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self._model, attribute)

        def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
            rows = [self._model.predict(z[k : k + 1], sigma, text[k]) for k in range(len(z))]
            parts = ("x0", "eps", "velocity")
            return Prediction(*(torch.cat([getattr(row, part) for row in rows]) for part in parts))

    together = bench(tiny_models["sd2"])
    alone = bench(RowByRow(tiny_models["sd2"]))
    method = method_with(name, averages=2)
    found = together.run(method, together.soft)
    assert_close(alone.run(method, alone.soft), found, rtol=1e-4, atol=1e-4)


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize("size", [(70, 53), (53, 70), (3, 200), (1, 1)])
def test_pictures_of_odd_sizes_come_back_at_their_size(name: str, size: tuple[int, int]) -> None:
    rgb, mask = odd_rgb(*size), np.zeros(size, bool)
    mask[: size[0] // 2 + 1, : size[1] // 2 + 1] = True
    found = edited(rgb, STRIDED, method_with(name, steps=2), mask)
    assert found.picture.rgb.shape == found.raw.shape == rgb.shape
    assert np.array_equal(found.picture.rgb[~mask], rgb[~mask])
    assert not np.array_equal(found.picture.rgb[mask], rgb[mask])


def test_pictures_of_odd_sizes_come_back_from_the_shipped_model(name: str) -> None:
    rgb, mask = odd_rgb(45, 71), box((45, 71), 10, 30, 40, 60)
    model = load_model("picturebook", device="cpu")
    found = edited(rgb, model, method_with(name, steps=2), mask)
    assert found.picture.rgb.shape == rgb.shape
    assert np.array_equal(found.picture.rgb[~mask], rgb[~mask])
    assert not np.array_equal(found.picture.rgb[mask], rgb[mask])


def test_the_change_lands_where_the_mask_is(name: str) -> None:
    """Rows are rows: a strip along the left edge changes there and not along the top."""
    rgb = rgb_of(STRIDED, size=(48, 80))
    mask = box((48, 80), 0, 0, 48, 16)
    found = edited(rgb, STRIDED, method_with(name, guidance=1.0), mask)
    changed = np.abs(found.picture.rgb - rgb).mean(-1) > 0
    assert changed[:, :16].mean() > 0.9
    assert not changed[:, 16:].any()


# ---------------------------------------------------------------- nothing else is touched


def test_what_was_passed_in_stays_as_it_was(name: str) -> None:
    rgb, mask = odd_rgb(32, 48), np.random.default_rng(1).random((32, 48)).astype(np.float32)
    kept = rgb.copy(), mask.copy()
    rgb.flags.writeable = mask.flags.writeable = False
    found = edited(rgb, STRIDED, method_with(name), mask)
    assert np.array_equal(rgb, kept[0])
    assert np.array_equal(mask, kept[1])
    assert not np.shares_memory(found.picture.rgb, rgb)


def test_latents_and_trajectories_are_not_written_to(name: str) -> None:
    table = bench(EXACT)
    kept, mask = table.latents.clone(), table.soft
    table.run(method_with(name), mask)
    assert torch.equal(table.latents, kept)
    assert torch.equal(mask, table.soft)
    assert all(torch.equal(path.clean, kept) for path in table.made)


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return settled(build_sd())


def attempt(pipeline: Any, name: str, **options: Any) -> None:
    scene = Scene.open(odd_rgb(20, 28), wrap_pipeline(pipeline))
    mask = box((20, 28), 4, 4, 12, 20)
    scene.edit("tree", "house", method=method_with(name), mask=mask, source="tree", **options)


def test_a_pipeline_is_bit_identical_after_an_edit(name: str, pipeline: Any) -> None:
    before = fingerprint(pipeline)
    attempt(pipeline, name)
    assert fingerprint(pipeline) == before


def test_a_pipeline_is_bit_identical_after_an_edit_that_fails(name: str, pipeline: Any) -> None:
    calls = []

    def fail_at_the_second(*_: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("half way")

    before = fingerprint(pipeline)
    hook = pipeline.unet.mid_block.register_forward_pre_hook(fail_at_the_second)
    with pytest.raises(RuntimeError, match="half way"):
        attempt(pipeline, name)
    hook.remove()
    assert fingerprint(pipeline) == before
    assert torch.is_grad_enabled()


def test_a_pipeline_is_bit_identical_after_a_cancel(name: str, pipeline: Any) -> None:
    token, before = CancelToken(), fingerprint(pipeline)
    with pytest.raises(Cancelled):
        attempt(pipeline, name, cancel=token, progress=stop_at("editing", token))
    assert fingerprint(pipeline) == before
    assert torch.is_grad_enabled()


def stop_at(stage: str, token: CancelToken) -> Callable[[Progress], None]:
    def watch(report: Progress) -> None:
        if report.stage == stage:
            token.cancel()

    return watch


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        *product(METHODS, ["comparing", "refining", "editing", "decoding"]),
        *product(INVERTING, ["inverting"]),
        *product(FITTING, ["fitting"]),
    ],
)
def test_a_scene_is_as_good_as_new_after_a_cancel_in_any_stage(name: str, stage: str) -> None:
    rgb, method, token = rgb_of(EXACT, "tree"), method_with(name), CancelToken()
    scene, seen = Scene.open(rgb, EXACT), list[str]()

    def watch(report: Progress) -> None:
        seen.append(report.stage)
        stop_at(stage, token)(report)

    options = {"method": method, "source": "tree", "seed": SEED}
    with pytest.raises(Cancelled):
        scene.edit("tree", "house", cancel=token, progress=watch, **options)
    assert "decoding" not in seen or stage == "decoding"
    assert np.array_equal(scene.picture.rgb, rgb)
    after = scene.edit("tree", "house", **options)
    assert np.array_equal(after.picture.rgb, edited(rgb, EXACT, method).picture.rgb)


def test_every_stage_is_reported_in_order_and_to_its_end(name: str) -> None:
    seen = list[Progress]()
    scene = Scene.open(rgb_of(EXACT, "tree"), EXACT)
    scene.edit("tree", "house", method=method_with(name), source="tree", progress=seen.append)
    first = ["inverting"] * (name in INVERTING) + ["fitting"] * (name in FITTING)
    stages = ["comparing", "refining", *first, "editing", "decoding"]
    assert list(dict.fromkeys(report.stage for report in seen)) == stages
    ends = {report.stage: report for report in seen}
    assert all(report.step == report.of for report in ends.values())
    for stage in stages:
        steps = [report.step for report in seen if report.stage == stage]
        assert steps == sorted(steps)


# ---------------------------------------------------------------- the mask decides


@pytest.mark.parametrize("name", [*BLENDING, "flowedit"])  # SDEdit knows no mask before the end
def test_latents_outside_the_mask_end_as_those_of_the_picture(name: str, table: Bench) -> None:
    mask = (table.soft > 0.5).float()
    final = table.run(method_with(name), mask)
    outside = (mask == 0).expand_as(final)
    assert torch.equal(final[outside], table.latents[outside])
    assert not torch.equal(final[~outside], table.latents[~outside])


@pytest.mark.parametrize("name", [*BLENDING, "flowedit"])
def test_a_soft_mask_gives_a_soft_change(name: str) -> None:
    """Half the mask, about half the change."""
    table = bench(PLAIN, source="", target="")
    table.target = "tree"
    region = torch.from_numpy(PLAIN.region("tree", 8, 12))
    change = [
        (table.run(method_with(name, guidance=1.0), share * table.everything) - table.latents)[
            0, :, region
        ]
        .square()
        .mean()
        .sqrt()
        for share in (0.0, 0.5, 1.0)
    ]
    assert change[0] == 0
    assert 0.2 * change[2] < change[1] < 0.8 * change[2]
