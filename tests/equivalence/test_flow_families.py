"""Families against their pipelines: calls, steps, texts, the picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import ChromaPipeline, HiDreamImagePipeline, HunyuanImagePipeline
from diffusers.guiders import AdaptiveProjectedMixGuidance
from torch.testing import assert_close

from tests.equivalence import filling_families, more_families, seeing_families
from tests.equivalence.pipelines import (
    PROMPT,
    SCALE,
    STEPS,
    Case,
    compare,
    embedded,
    only_told,
    packed_case,
    patched_case,
    true_cfg,
)
from tests.tiny import build_aura, build_sd3
from tests.tiny_families import build_chroma, build_flux, build_qwen, build_schnell, build_z_image
from tests.tiny_families_3 import build_flux2, build_hidream, build_hunyuan_image, build_klein
from textseg.backends.aura_flow import AuraFlow
from textseg.backends.stable_diffusion_3 import StableDiffusion3
from textseg.diffusion.sampling import draw_noise
from textseg.editing.apply import numbered_noise
from textseg.scene import Scene

STATIC = {"shift": 3.0}
DYNAMIC = {"use_dynamic_shifting": True, "base_image_seq_len": 4, "max_image_seq_len": 64}
SIZES = [(24, 40), (36, 20)]  # 6 x 10 and 9 x 5 tokens


def klein(scale: float, negative: str) -> Mapping[str, Any]:
    """Led away from the states of a text, which the pipeline takes in place of it."""
    away = build_klein().encode_prompt(negative)[0] if negative else None
    return {"guidance_scale": scale, "negative_prompt_embeds": away}


def short(scale: float, negative: str) -> Mapping[str, Any]:
    return {**true_cfg(scale, negative), "max_sequence_length": 256}


def added(scale: float, negative: str) -> Mapping[str, Any]:
    """The scale counts from the answer to the prompt, not from the other one."""
    return {"guidance_scale": scale - 1, "negative_prompt": negative}


class Masking(ChromaPipeline):
    """The pipeline with a mask that leaves out what it is to leave out."""

    def _prepare_attention_mask(self, *args: Any, **options: Any) -> Any:
        mask = super()._prepare_attention_mask(*args, **options)
        return None if mask is None else mask.bool()


class Guided(HunyuanImagePipeline):
    """The pipeline with a guider of that scale; its first six steps are classifier-free."""

    def __call__(self, *, guidance_scale: float, **asked: Any) -> Any:
        self.guider = AdaptiveProjectedMixGuidance(guidance_scale=guidance_scale)
        return super().__call__(**asked)


class Sized(HiDreamImagePipeline):
    """The pipeline at the size that is asked for, where it brings all sizes to one area."""

    def __call__(self, *, height: int, width: int, **asked: Any) -> Any:
        self.default_sample_size = (1 + 1e-9) * math.sqrt(height * width) / self.vae_scale_factor
        return super().__call__(height=height, width=width, **asked)


FAMILIES = {
    "sd3": Case(lambda: build_sd3(**STATIC)),
    "sd3, dynamic shift": Case(lambda: build_sd3(**DYNAMIC)),
    "aura": Case(build_aura),
    "flux": packed_case(build_flux, embedded),
    "schnell": packed_case(build_schnell, short),
    "flux, distillation undone": packed_case(lambda: build_flux(guidance_embeds=False), true_cfg),
    "chroma": packed_case(lambda: build_chroma(Masking)),
    "qwen": packed_case(build_qwen, true_cfg),
    "z_image": Case(build_z_image, added),
    "flux2": patched_case(build_flux2, only_told),
    "klein": patched_case(build_klein, klein),
    "hunyuan_image": Case(lambda: build_hunyuan_image(Guided)),
    "hidream": Case(lambda: build_hidream(Sized)),
    **more_families.FAMILIES,
    **filling_families.FAMILIES,
    "kontext, no picture": seeing_families.KONTEXT,
}
SEEING = seeing_families.FAMILIES  # none of them makes a picture of text alone


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", [*FAMILIES, *SEEING])
@pytest.mark.parametrize(("scale", "negative"), [(SCALE, ""), (SCALE, "house"), (1.0, "")])
@torch.no_grad()
def test_every_call_and_every_step_is_the_pipelines(
    size: tuple[int, int], family: str, scale: float, negative: str
) -> None:
    found = compare({**FAMILIES, **SEEING}[family], size, scale=scale, negative=negative)
    assert max(*found.calls, *found.steps) < 2e-5  # float32; some tell levels as roots and angles


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
    case = FAMILIES[family]
    if case.solver is None:
        pytest.skip("the pipeline draws new noise for each step")
    size = case.larger * size[0], case.larger * size[1]
    pipeline = case.build()
    scene = Scene.generate(PROMPT, pipeline, seed=3, steps=STEPS, guidance=SCALE, size=size)
    noise, stride = numbered_noise(torch.zeros_like(scene.latents), 3)(0), scene.model.latent_stride
    asked = case.asked(noise, stride, scale=SCALE, negative="")
    made = pipeline(**asked, output_type="np").images[0]
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
