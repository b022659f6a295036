"""The example does by hand what the package does, so that it can be read for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.testing import assert_close

from examples.diffedit_from_scratch import (
    StableDiffusion,
    cut_mask,
    edit,
    main,
    noise_difference,
)
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import DiffusersUNet, wrap_pipeline
from textseg.diffusion.sampling import draw_noise
from textseg.segmentation.difference import noise_difference as package_difference
from textseg.segmentation.draws import plan_draws

T = 500


@pytest.fixture(scope="module")
def models() -> tuple[StableDiffusion, DiffusersUNet]:
    pipeline = build_sd()
    return StableDiffusion(pipeline), wrap_pipeline(pipeline)


def latents_of(size: tuple[int, int] = (8, 12)) -> Tensor:
    return draw_noise((1, 4, *size), seed=3)


@torch.no_grad()
def test_the_map_is_that_of_the_package(models: tuple[StableDiffusion, DiffusersUNet]) -> None:
    by_hand, model = models
    latents = latents_of()
    a = float(by_hand.alpha_bar[T])
    sigma = (1 - a) ** 0.5 / ((1 - a) ** 0.5 + a**0.5)
    texts = [model.embed_text([text]) for text in ("red house", "")]
    (found,) = package_difference(model, latents, *texts, draws=3, levels=[sigma], seed=5)
    draws = plan_draws(
        3,
        levels=[sigma],
        sigma_range=(0.1, 0.9),
        covered=model.sigma_range,
        seed=5,
        antithetic=False,
        early=False,
    )
    noises = [draw.noise(latents)[None] for draw in draws]
    expected = noise_difference(by_hand, latents, "red house", noises, T)
    assert_close(torch.from_numpy(found.difference.copy()), expected, rtol=1e-4, atol=1e-6)
    assert expected.min() > 0


def test_the_mask_is_what_is_above_half_of_three_means() -> None:
    difference = torch.tensor([[0.0, 0.1], [0.2, 3.3]])
    assert cut_mask(difference).tolist() == [[[[0.0, 0.0], [0.0, 1.0]]]]


@torch.no_grad()
def test_an_edit_keeps_what_is_outside_of_the_mask(
    models: tuple[StableDiffusion, DiffusersUNet],
) -> None:
    by_hand, latents = models[0], latents_of()
    mask = torch.zeros(1, 1, 8, 12)
    mask[..., 4:] = 1
    found = edit(by_hand, latents, mask, "blue house", range(0, 800, 100))
    assert torch.equal(found[..., :4], latents[..., :4])
    assert (found - latents)[..., 4:].abs().mean() > 0.01


def test_it_runs_on_a_picture_whose_sides_are_no_multiples(tmp_path: Path) -> None:
    build_sd().save_pretrained(tmp_path / "model")
    pixels = np.random.default_rng(0).integers(0, 255, (37, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    main(
        tmp_path / "photo.png",
        "red house",
        "blue house",
        model=str(tmp_path / "model"),
        output=tmp_path / "edited.png",
    )
    edited = np.asarray(Image.open(tmp_path / "edited.png"))
    assert edited.shape == (32, 48, 3)
    changed = (edited != pixels[:32, :48]).any(-1)
    assert 0 < changed.mean() < 1
