from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.test_contracts import fingerprint, settled
from tests.tiny import FAMILIES
from textseg.diffusion.counting import Counter
from textseg.diffusion.inversion import invert
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import Step, denoise_with, draw_noise, last, walk
from textseg.diffusion.solvers import SOLVERS
from textseg.errors import Cancelled
from textseg.images import to_tensor
from textseg.picturebook.demo import PICTURES
from textseg.picturebook.scenes import render
from textseg.progress import CancelToken
from textseg.registry.families import wrap_family
from textseg.registry.models import load_model
from textseg.testing import GaussianModel

LEVELS = (0.8, 0.6, 0.4, 0.2, 0.0)


def gaussian_latents(model: GaussianModel) -> Tensor:
    return model.encode_image(to_tensor(model.picture(["tree"], 16, 24, seed=0)))


def round_trip(
    model: DiffusionModel,
    latents: Tensor,
    levels: Sequence[float],
    *,
    up: str,
    down: str,
    prompt: str = "",
) -> float:
    """How far the latents come back from themselves, as a share of their length."""
    denoise = denoise_with(model, model.embed_text([prompt]))
    start = invert(denoise, latents, levels, solver=SOLVERS[up]).at(levels[0])
    back = last(walk(denoise, start, levels, solver=SOLVERS[down]), start)
    return ((back - latents).norm() / latents.norm()).item()


# a little over what was measured at 20 steps to sigma 0.8
@pytest.mark.parametrize(
    ("up", "down", "most"),
    [
        ("euler", "euler", 0.2),
        ("fixed_point", "euler", 0.04),
        ("reused_midpoint", "reused_midpoint", 0.02),
        ("reused_midpoint", "dpm_solver_2m", 0.07),
        ("dpm_solver_2m", "dpm_solver_2m", 0.12),
    ],
)
def test_a_picture_comes_back_and_nearer_with_more_steps(up: str, down: str, most: float) -> None:
    """Of a mixture of Gaussians, whose flow is curved."""
    model = GaussianModel(rate=0.2)
    latents = gaussian_latents(model)
    few, many = (
        round_trip(model, latents, model.levels(steps, 0.8), up=up, down=down) for steps in (20, 80)
    )
    assert few < most
    assert many < few / 3


def test_the_default_comes_nearer_than_ddim_at_half_its_evaluations() -> None:
    model = GaussianModel(rate=0.2)
    latents = gaussian_latents(model)
    ddim = round_trip(model, latents, model.levels(20, 0.8), up="euler", down="euler")
    few = model.levels(10, 0.8)
    found = round_trip(model, latents, few, up="reused_midpoint", down="reused_midpoint")
    assert found < ddim / 3


@torch.no_grad()
def test_a_picture_comes_back_through_the_embedded_network() -> None:
    model = load_model("picturebook", device="cpu")
    image = np.divide(render(PICTURES["meadow"][0]).image, 255, dtype=np.float32)
    latents = model.encode_image(to_tensor(image[16:80]))  # 64 rows, 128 columns
    levels = model.levels(8, 0.8)
    assert levels[-1] == 0 < model.sigma_range[0]
    errors = {
        name: round_trip(model, latents, levels, up=name, down=name)
        for name in ("euler", "reused_midpoint")
    }
    assert errors["reused_midpoint"] < 0.15
    assert errors["reused_midpoint"] < errors["euler"] / 3


def test_the_trajectory_has_the_levels_that_were_asked_for_and_ends_in_the_picture() -> None:
    model = GaussianModel()
    latents = gaussian_latents(model)
    kept = latents.clone()
    denoise = denoise_with(model, model.embed_text(["tree"]))
    path = invert(denoise, latents, LEVELS)
    assert path.levels == LEVELS
    assert path.clean is latents
    assert_close(latents, kept, rtol=0, atol=0)
    *_, top = walk(denoise, latents, LEVELS[::-1], solver=SOLVERS["reused_midpoint"])
    assert_close(path.at(0.8), top.z, rtol=0, atol=0)


def test_inverted_latents_are_as_likely_as_noise() -> None:
    """At sigma 1 the flow of one Gaussian has turned the picture into standard normal noise."""
    model = GaussianModel()
    picture = model.encode_image(to_tensor(model.picture(["tree"], 48, 80, seed=3)))
    denoise = denoise_with(model, model.embed_text(["tree"]))
    noise = invert(denoise, picture, model.levels(40)).at(1.0)
    assert noise.mean().abs() < 0.05
    assert noise.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("name", "rows"),
    [("euler", 4), ("dpm_solver_2m", 4), ("reused_midpoint", 5), ("fixed_point", 8)],
)
def test_evaluations_of_four_steps(name: str, rows: int) -> None:
    model = GaussianModel()
    counter = Counter(model)
    denoise = denoise_with(counter.as_model, model.embed_text(["tree"]))
    invert(denoise, gaussian_latents(model), LEVELS, solver=SOLVERS[name])
    assert counter.rows == rows


@pytest.mark.parametrize("name", SOLVERS)
def test_the_network_is_asked_only_about_levels_that_it_covers(name: str) -> None:
    class Picky(GaussianModel):
        def predict(self, z, sigma, text):
            asked.append(sigma)
            return super().predict(z, sigma, text)

    asked: list[float] = []
    model = Picky(sigma_range=(0.03, 0.75))
    denoise = denoise_with(model, model.embed_text(["tree"]))
    path = invert(denoise, gaussian_latents(model), LEVELS, solver=SOLVERS[name])
    assert path.levels == LEVELS
    assert all(torch.isfinite(state).all() for state in path.states)
    assert min(asked) == (0.2 if name == "fixed_point" else 0.03)
    assert max(asked) <= 0.75


def test_the_watch_sees_every_step() -> None:
    model = GaussianModel()
    seen: list[Step] = []
    denoise = denoise_with(model, model.embed_text(["tree"]))
    path = invert(denoise, gaussian_latents(model), LEVELS, watch=seen.append)
    assert [(step.index, step.of, step.sigma) for step in seen] == [
        (0, 4, 0.2),
        (1, 4, 0.4),
        (2, 4, 0.6),
        (3, 4, 0.8),
    ]
    assert all(path.at(step.sigma) is step.z for step in seen)


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_cancelled_inversion_stops_at_once_and_leaves_the_model_as_it_was(family: str) -> None:
    pipeline = settled(FAMILIES[family]())
    before = fingerprint(pipeline)
    counter, token = Counter(wrap_family(pipeline)), CancelToken()
    model = counter.as_model
    denoise = denoise_with(model, model.embed_text([""]))
    latents = draw_noise((1, model.latent_channels, 4, 6), seed=0)
    levels = model.levels(6)[2:]
    invert(denoise, latents, levels)
    assert fingerprint(pipeline) == before
    counter.rows = 0

    def watch(step: Step) -> None:
        if step.index == 1:
            token.cancel()
        token.raise_if_cancelled()

    with pytest.raises(Cancelled):
        invert(denoise, latents, levels, watch=watch)
    assert counter.rows == 3  # two steps of the reused midpoint
    assert fingerprint(pipeline) == before
