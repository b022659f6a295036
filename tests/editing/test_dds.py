from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import GUIDANCE, SEED, Watched, bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.editing.apply import numbered_noise
from textseg.testing import GaussianModel


def test_equal_prompts_change_nothing_at_all(tiny_models) -> None:
    table = bench(tiny_models["sd1"], target="tree")
    for step in table.steps(method_with("dds", rate=1.0), table.everything):
        assert torch.equal(step.z, table.latents)


def test_the_descent_ends_where_the_words_differ_no_more() -> None:
    """With one Gaussian per text: at the picture and the difference of the two means."""
    model = GaussianModel()
    table = bench(model)
    method = method_with("dds", steps=200, guidance=1.0, rate=0.3)
    expected = table.latents.clone()
    for thing, sign in (("tree", -1), ("house", 1)):
        here = torch.from_numpy(model.region(thing, 8, 12))
        difference = 2 * (torch.tensor(model.things[thing].colour) - torch.tensor(model.background))
        expected[0, :, here] += sign * difference[:, None]
    assert_close(table.run(method, table.everything), expected, rtol=0, atol=1e-3)


def test_levels_are_spread_evenly_between_the_published_ends() -> None:
    model = Watched(rate=0.3)
    table = bench(model)
    table.run(method_with("dds", steps=100), table.everything)
    assert len(model.asked_at) == 100
    assert min(model.asked_at) > 0.05
    assert max(model.asked_at) <= 0.95 + 1e-6
    for first in (0, 37, 80):  # any twenty in a row
        some = sorted(model.asked_at[first : first + 20])
        assert max(above - below for below, above in pairwise(some)) < 0.13


@torch.no_grad()
def test_it_is_the_gradient_of_the_authors_on_a_network_that_predicts_noise() -> None:
    """Two steps in x_t: the same timestep and noise for both, guided, unweighted."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline))
    scheduler = pipeline.scheduler
    scheduler.set_timesteps(2)
    text, noise = table.model.embed_text(["", "tree", "house"]).embeddings, numbered_noise
    z = table.latents
    for k, time in enumerate(scheduler.timesteps):
        a, s = scheduler.alphas_cumprod[time].sqrt(), (1 - scheduler.alphas_cumprod[time]).sqrt()
        eps = noise(table.latents, SEED)(k)

        def asked(clean: Tensor, row: int, a=a, s=s, eps=eps, time=time) -> Tensor:
            x, both = a * clean + s * eps, torch.stack([text[0], text[row]])
            away, towards = pipeline.unet(torch.cat([x, x]), time, both).sample.chunk(2)
            return away + GUIDANCE * (towards - away)

        z = z - 0.5 * (asked(z, 2) - asked(table.latents, 1))
    method = method_with("dds", steps=2, strength=1.0, rate=0.5)
    assert_close(table.run(method, table.everything), z, rtol=1e-3, atol=1e-4)
