"""HiPer in the authors' own words, and where it changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.fitting import training_level
from textseg.diffusion.model import Conditioning
from textseg.diffusion.sampling import draw_noise
from textseg.editing.hiper import HiPer, own_of, with_own
from textseg.registry.families import wrap_family

STEPS, RATE, TOKENS = 4, 5e-3, 5


def test_the_fit_is_that_of_the_authors_code() -> None:
    """Their loop (train.py), in the coordinates and with the network of Stable Diffusion."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline))
    source = table.source_with(table.everything)
    text = source.source.embeddings.detach()
    own = text[:, -TOKENS:].clone().requires_grad_()
    optimizer = torch.optim.Adam([own], lr=RATE)
    for k in range(STEPS):
        sigma = training_level(table.model, (8, 12), k)
        a, s = (part / np.hypot(1 - sigma, sigma) for part in (1 - sigma, sigma))
        noise = draw_noise(table.latents.shape, seed=k)
        time = torch.tensor([table.model._process.time(sigma)])  # type: ignore[attr-defined]  # of this backend
        words = torch.cat([text[:, :-TOKENS], own], 1)
        found = pipeline.unet(a * table.latents + s * noise, time, words).sample
        loss = torch.nn.functional.mse_loss(found, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    method = HiPer(fit_steps=STEPS, rate=RATE, tokens=TOKENS, steps=2)
    table.run(method, table.everything)
    fitted = table.fitted(
        ("hiper", ("tree",), STEPS, RATE, TOKENS), lambda _: pytest.fail("has another key")
    )["own"]
    assert_close(fitted, own.detach(), rtol=1e-4, atol=1e-5)
    assert not torch.equal(fitted, text[:, -TOKENS:])


@pytest.mark.parametrize("family", ["sd1", "sd3"])
def test_a_fit_of_no_steps_draws_the_source_prompt(family: str, tiny_models) -> None:
    table = bench(tiny_models[family], source="tree", target="tree")
    found = table.run(method_with("hiper", fit_steps=0, share=1.0), table.soft)
    assert torch.equal(found, table.run(method_with("blended", strength=1.0), table.soft))


def test_the_target_keeps_its_words_and_gets_a_share_of_what_was_fitted() -> None:
    model = wrap_family(build_sd())
    source, target = model.embed_text(["a tree"]), model.embed_text(["a red house"])
    found = with_own(target, 0.8 * own_of(source, 3))
    assert torch.equal(found.embeddings[:, :-3], target.embeddings[:, :-3])
    assert torch.equal(found.embeddings[:, -3:], 0.8 * source.embeddings[:, -3:])


def test_where_padding_is_not_read_the_fitted_ones_stand_behind_the_words() -> None:
    embeddings = torch.arange(12.0).reshape(1, 6, 2)
    text = Conditioning(("a tree",), embeddings, mask=torch.arange(6)[None] < 4)
    own = own_of(text, 3)
    assert torch.equal(own, torch.tensor([[[8.0, 9.0], [10.0, 11.0], [0.0, 0.0]]]))
    found = with_own(text, own)
    assert torch.equal(found.embeddings[0, :6], embeddings[0])
    assert found.mask is not None
    assert found.mask.tolist() == [[True] * 7]
    assert with_own(text, own[:, :1]).mask.tolist() == [[True] * 5 + [False]]  # type: ignore[union-attr]  # it has one


def test_no_word_is_given_up() -> None:
    words = ((None, 0, 1, None, None, None),)
    text = Conditioning(("a tree",), torch.arange(12.0).reshape(1, 6, 2), words=words)
    own = own_of(text, 5)
    assert torch.equal(own, text.embeddings[:, 4:])
    longer = replace(text, words=((None, 0, 1, 2, None, None),))
    found = with_own(longer, -own).embeddings
    assert torch.equal(found, torch.cat([text.embeddings[:, :5], -own[:, 1:]], 1))
    full = replace(text, words=((None, 0, 1, 2, 3, None),))
    assert torch.equal(with_own(full, own).embeddings, text.embeddings)
    assert own_of(Conditioning(("tree",), torch.ones(1, 1, 2)), 5).shape == (1, 0, 2)
