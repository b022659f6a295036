"""Imagic, stage by stage, and where it changes nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.fitting import training_level
from textseg.diffusion.sampling import draw_noise
from textseg.editing.imagic import EMBEDDING, Imagic
from textseg.errors import UnsupportedError
from textseg.testing import GaussianModel

METHOD = Imagic(text_steps=3, fit_steps=2, text_rate=1e-2, rate=1e-4, steps=2)
KEY = ("imagic", ("house",), 3, 1e-2, 2, 1e-4, "all")


def test_both_fits_are_those_of_the_pipeline_for_stable_diffusion() -> None:
    """Its loops, written again: the embedding first, then all weights with it."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline))
    own = table.text("house").embeddings.detach().clone().requires_grad_()
    network = copy.deepcopy(pipeline.unet)

    def fit(values: list[torch.Tensor], numbers: range, rate: float) -> None:
        optimizer = torch.optim.Adam(values, lr=rate)
        for k in numbers:
            sigma = training_level(table.model, (8, 12), k)
            a, s = (part / np.hypot(1 - sigma, sigma) for part in (1 - sigma, sigma))
            noise = draw_noise(table.latents.shape, seed=k)
            time = torch.tensor([table.model._process.time(sigma)])  # type: ignore[attr-defined]  # of this backend
            found = network(a * table.latents + s * noise, time, own).sample
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(found, noise).backward()
            optimizer.step()

    fit([own], range(3), 1e-2)
    own.requires_grad_(False)
    network.requires_grad_(True)
    fit(list(network.parameters()), range(3, 5), 1e-4)
    table.run(METHOD, table.everything)
    fitted = table.fitted(KEY, lambda _: pytest.fail("has another key"))
    assert_close(fitted[EMBEDDING], own, rtol=1e-4, atol=1e-5)
    far = [
        (fitted[name] - each).abs().mean()
        for name, each in network.named_parameters()
        if each.grad is not None and each.grad.abs().max() > 1e-6  # Adam makes much of what is 0
    ]
    assert len(far) > 50
    assert max(far) < 2e-5  # two steps move a weight by 2e-4


@pytest.mark.parametrize("weights", ["all", "attention"])
def test_fits_of_no_steps_draw_the_target_prompt(weights: str) -> None:
    table = bench(wrap_pipeline(build_sd()))
    method = method_with("imagic", text_steps=0, fit_steps=0, weights=weights)
    found = table.run(method, table.soft)
    assert torch.equal(found, table.run(method_with("blended", strength=1.0), table.soft))


def test_the_place_on_the_line_counts_from_the_picture_to_the_target() -> None:
    table = bench(wrap_pipeline(build_sd()))
    still = {"text_steps": 3, "fit_steps": 0, "text_rate": 0.1}
    there = table.run(method_with("imagic", **still, target_share=1.0), table.soft)
    plain = table.run(method_with("blended", strength=1.0), table.soft)
    assert_close(there, plain, rtol=1e-4, atol=1e-4)
    back = table.run(method_with("imagic", **still, target_share=0.0), table.soft)
    assert (back - plain).abs().max() > 0.01


def test_a_model_whose_weights_cannot_be_fitted_is_refused_at_once() -> None:
    table = bench(GaussianModel(rate=0.3))
    with pytest.raises(UnsupportedError, match="cannot be fitted to a picture"):
        table.run(METHOD, table.everything)
