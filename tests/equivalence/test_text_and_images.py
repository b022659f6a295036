"""Text embeddings and autoencoder latents against what the pipelines of diffusers compute."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from tests.tiny import build_sd, build_xl
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.sampling import draw_noise

PROMPTS = ["a red tree", "", "tree " * 40, "x" * 100, "Tree \N{EVERGREEN TREE}", "   ", "\u6728"]


@torch.no_grad()
def test_embeddings_of_one_text_encoder_are_the_pipelines() -> None:
    pipeline = build_sd()
    expected, _ = pipeline.encode_prompt(PROMPTS, "cpu", 1, False)
    text = wrap_pipeline(pipeline).embed_text(PROMPTS)
    assert text.pooled is None
    assert_close(text.embeddings, expected)


@torch.no_grad()
def test_embeddings_of_two_text_encoders_are_the_pipelines() -> None:
    pipeline = build_xl(force_zeros_for_empty_prompt=False)
    expected, _, pooled, _ = pipeline.encode_prompt(PROMPTS, do_classifier_free_guidance=False)
    text = wrap_pipeline(pipeline).embed_text(PROMPTS)
    assert_close(text.embeddings, expected)
    assert_close(text.pooled, pooled)


@torch.no_grad()
def test_no_text_is_zeros_where_the_pipeline_says_so() -> None:
    text = wrap_pipeline(build_xl()).embed_text(["", "tree"])
    assert text.pooled is not None
    assert not text.embeddings[0].any()
    assert not text.pooled[0].any()
    assert text.embeddings[1].any()
    assert text.pooled[1].any()


VAE_UNITS = {
    "scale": {"scaling_factor": 0.18215},
    "scale and shift": {"scaling_factor": 1.5, "shift_factor": 0.1},
    "each channel": {
        "scaling_factor": 0.5,
        "latents_mean": [0.1, -0.2, 0.3, 0.0],
        "latents_std": [1.5, 0.7, 1.0, 2.0],
    },
}


@pytest.mark.parametrize("units", VAE_UNITS)
@torch.no_grad()
def test_latents_are_the_posterior_mean_in_the_units_of_the_config(units: str) -> None:
    options = VAE_UNITS[units]
    pipeline = build_sd(**options)
    image = draw_noise((2, 3, 24, 40), seed=0).sigmoid()
    mean = pipeline.vae.encode(2 * image - 1).latent_dist.mean
    shift = torch.tensor(options.get("latents_mean", [options.get("shift_factor", 0.0)] * 4))
    std = torch.tensor(options.get("latents_std", [1.0] * 4))
    expected = (mean - shift[:, None, None]) * options["scaling_factor"] / std[:, None, None]
    model = wrap_pipeline(pipeline)
    latents = model.encode_image(image)
    assert_close(latents, expected, rtol=1e-4, atol=1e-5)
    decoded = (pipeline.vae.decode(mean).sample / 2 + 0.5).clamp(0, 1)
    assert_close(model.decode_latents(latents), decoded, rtol=1e-4, atol=1e-4)
