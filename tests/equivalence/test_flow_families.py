"""Families trained by flow matching against their pipelines: calls, steps, texts, the picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.tiny import build_aura, build_sd3
from textseg.backends.aura_flow import AuraFlow
from textseg.backends.stable_diffusion_3 import StableDiffusion3
from textseg.diffusion.sampling import draw_noise, guided, walk
from textseg.editing.apply import numbered_noise
from textseg.registry.families import wrap_family
from textseg.scene import Scene

STATIC = {"shift": 3.0}
DYNAMIC = {"use_dynamic_shifting": True, "base_image_seq_len": 4, "max_image_seq_len": 64}
SIZES = [(24, 40), (36, 20)]  # 6 x 10 and 9 x 5 tokens
FAMILIES = {
    "sd3": lambda: build_sd3(**STATIC),
    "sd3, dynamic shift": lambda: build_sd3(**DYNAMIC),
    "aura": build_aura,
}
PROMPT, STEPS, SCALE = "a red tree", 5, 4.0


@dataclass
class Record:
    """What a pipeline handed to its scheduler at each call, and the state after it."""

    sigmas: list[float] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)
    velocities: list[Tensor] = field(default_factory=list)
    after: list[Tensor] = field(default_factory=list)


def recorded(pipeline: Any, noise: Tensor, *, scale: float, negative: str) -> Record:
    found, step = Record(), pipeline.scheduler.step

    def recording(velocity: Tensor, t: Tensor, sample: Tensor, **options: Any) -> Any:
        moved = step(velocity, t, sample, **options)
        found.sigmas.append(t.item() / 1000)
        found.states.append(sample.clone())
        found.velocities.append(velocity.clone())
        found.after.append(moved[0].clone())
        return moved

    pipeline.scheduler.step = recording
    stride = pipeline.vae_scale_factor
    pipeline(
        PROMPT,
        negative_prompt=negative,
        latents=noise,
        height=noise.shape[2] * stride,
        width=noise.shape[3] * stride,
        num_inference_steps=STEPS,
        guidance_scale=scale,
        output_type="latent",
    )
    return found


def relative(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("scale", "negative"), [(SCALE, ""), (SCALE, "house"), (1.0, "")])
@torch.no_grad()
def test_every_call_and_every_step_is_the_pipelines(
    size: tuple[int, int], family: str, scale: float, negative: str
) -> None:
    pipeline = FAMILIES[family]()
    model = wrap_family(pipeline)
    cells = (size[0] // model.latent_stride, size[1] // model.latent_stride)
    noise = draw_noise((1, model.latent_channels, *cells), seed=3)
    theirs = recorded(pipeline, noise, scale=scale, negative=negative)
    levels = model.levels(STEPS, cells=cells)
    assert len(theirs.sigmas) == STEPS
    assert levels == pytest.approx([*theirs.sigmas, 0.0], rel=1e-6)
    text = model.embed_text([PROMPT, negative])
    denoise = guided(model, text[0], text[1], scale=scale)
    for sigma, z, velocity in zip(levels, theirs.states, theirs.velocities, strict=False):
        assert relative(denoise(z, sigma).velocity, velocity) < 1e-5
    ours = list(walk(denoise, model.prior(noise, levels[0]), levels))
    for step, state in zip(ours, theirs.after, strict=True):
        assert relative(step.z, state) < 1e-5


@torch.no_grad()
def test_dynamic_shift_depends_on_the_number_of_tokens() -> None:
    model = StableDiffusion3.wrap(build_sd3(**DYNAMIC))
    small, large = (model.levels(4, cells=cells) for cells in ((8, 12), (24, 40)))
    assert all(a < b for a, b in zip(small[1:-1], large[1:-1], strict=True))
    side = model.native_size // model.latent_stride
    assert model.levels(4) == model.levels(4, cells=(side, side))


@pytest.mark.parametrize("t5", [True, False])
@torch.no_grad()
def test_texts_are_the_pipelines(t5: bool) -> None:
    pipeline = build_sd3(t5=t5)
    prompts = [PROMPT, "", "tree " * 40]
    states, _, pooled, _ = pipeline.encode_prompt(
        prompts, None, None, do_classifier_free_guidance=False
    )
    text = StableDiffusion3.wrap(pipeline).embed_text(prompts)
    assert_close(text.embeddings, states)
    assert_close(text.pooled, pooled)


@torch.no_grad()
def test_texts_of_auraflow_are_the_pipelines() -> None:
    pipeline = build_aura()
    prompts = [PROMPT, "", "tree " * 300]
    states, *_ = pipeline.encode_prompt(prompts, do_classifier_free_guidance=False)
    text = AuraFlow.wrap(pipeline).embed_text(prompts)
    assert_close(text.embeddings, states)
    assert text.words[0][:8] == (0, 0, 1, 1, 1, 1, 2, None)
    assert "truncated after 256 tokens" in text.notes[2][0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_generated_picture_is_the_pipelines(size: tuple[int, int], family: str) -> None:
    pipeline = FAMILIES[family]()
    scene = Scene.generate(PROMPT, pipeline, seed=3, steps=STEPS, guidance=SCALE, size=size)
    made = pipeline(
        PROMPT,
        latents=numbered_noise(torch.zeros_like(scene.latents), 3)(0),
        num_inference_steps=STEPS,
        guidance_scale=SCALE,
        output_type="np",
        height=size[0],
        width=size[1],
    ).images[0]
    assert scene.rgb.shape == (*size, 3)
    assert np.abs(scene.rgb - made).max() < 0.51 / 255  # ours is rounded to 8 bits


@torch.no_grad()
def test_decoded_latents_are_the_pipelines_picture() -> None:
    pipeline = build_sd3()
    model = StableDiffusion3.wrap(pipeline)
    z = draw_noise((1, 16, 12, 20), seed=0)
    raw = z / pipeline.vae.config.scaling_factor + pipeline.vae.config.shift_factor
    expected = (pipeline.vae.decode(raw).sample / 2 + 0.5).clamp(0, 1)
    assert_close(model.decode_latents(z), expected, rtol=1e-5, atol=1e-5)
