"""The difference map against one computed with diffusers alone, from the same noisy latents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from textseg.backends.diffusers_unet import DiffusersUNet
from textseg.diffusion.model import Conditioning, Levels, Prediction, level_values
from textseg.diffusion.sampling import draw_noise
from textseg.segmentation.difference import noise_difference

TIMESTEPS = (300, 600)


class Listening:
    """Hands everything to a model and keeps the states it was asked about."""

    def __init__(self, model: DiffusersUNet) -> None:
        self.model, self.states = model, list[tuple[float, Tensor]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        self.states += zip(level_values(sigma), z.clone(), strict=True)
        return self.model.predict(z, sigma, text)


def conditions(pipeline: DiffusionPipeline, prompt: str) -> dict[str, Any]:
    """What the U-Net gets for a prompt, from the pipeline's own encoder."""
    if not hasattr(pipeline, "text_encoder_2"):
        found, _ = pipeline.encode_prompt(prompt, "cpu", 1, do_classifier_free_guidance=False)
        return {"encoder_hidden_states": found}
    # without text, the pipeline of this family uses zeros: its embedding of a missing negative
    text, negative, pooled, no_pooled = pipeline.encode_prompt(prompt or "x", device="cpu")
    time_ids = torch.tensor([[32, 48, 0, 0, 32, 48]], dtype=torch.float32)
    added = {"text_embeds": pooled if prompt else no_pooled, "time_ids": time_ids}
    return {"encoder_hidden_states": text if prompt else negative, "added_cond_kwargs": added}


@pytest.mark.parametrize("family", ["sd1", "sd2", "xl"])
@torch.no_grad()
def test_the_map_is_the_mean_absolute_difference_of_the_networks_own_noise_estimates(
    family: str, tiny_folders: Mapping[str, Path], tiny_models: Mapping[str, DiffusersUNet]
) -> None:
    pipeline = DiffusionPipeline.from_pretrained(tiny_folders[family], local_files_only=True)
    kept = pipeline.scheduler.alphas_cumprod
    signal, noise = kept.sqrt(), (1 - kept).sqrt()
    model = Listening(tiny_models[family])
    latents = draw_noise((1, 4, 16, 24), seed=1)
    (found,) = noise_difference(
        model,
        latents,
        model.embed_text(["a tree"]),
        model.embed_text([""]),
        draws=4,
        levels=[float(noise[t] / (signal[t] + noise[t])) for t in TIMESTEPS],
        batch_size=3,  # ends within a draw, and holds two levels in the middle
    )
    differences = []
    asked = model.states[::2]  # the same state comes once with each text
    for (sigma, z), timestep in zip(asked, sorted(TIMESTEPS * 2), strict=True):
        a, s = signal[timestep], noise[timestep]
        assert abs(sigma - float(s / (a + s))) < 1e-6
        x = ((a + s) * z)[None]
        estimates = []
        for prompt in ("a tree", ""):
            answer = pipeline.unet(x, timestep, **conditions(pipeline, prompt)).sample
            if pipeline.scheduler.config.prediction_type == "v_prediction":
                answer = a * answer + s * x
            estimates.append(answer[0])
        differences.append((estimates[0] - estimates[1]).abs().mean(0))
    expected = torch.stack(differences).mean(0)
    assert expected.max() > 1e-4
    torch.testing.assert_close(torch.tensor(found.difference), expected, rtol=1e-3, atol=1e-6)
