"""The cards of Stable Diffusion 1.x, 2.x, XL, and of what was distilled from them to few steps."""

from __future__ import annotations

from pathlib import Path

from textseg.backends.autoencoders import halvings
from textseg.backends.distilled import told_steps
from textseg.backends.unet_parts import KINDS, Parts
from textseg.diffusion.card import ModelCard, Sampling, WordLayers
from textseg.diffusion.generic import NO_GUIDANCE, edits, few_step_edits, generic_card

FEW_STEPS = 4  # diffusers' LatentConsistencyModelPipeline
FEW_STEP_SCHEDULERS = ("LCMScheduler", "TCDScheduler")
FEW_STEP_SAMPLERS = ("EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "DDIMScheduler")
FEW_STEP_NAMES = ("turbo", "lightning", "hyper", "lcm", "schnell")


def unet_card(parts: Parts, name: str) -> ModelCard:
    """Return the card of a model of the family, told by the configs of its parts and its name."""
    sample, widths = parts.unet.config.sample_size, parts.vae.config.block_out_channels
    cells = int(sample if isinstance(sample, int) else max(sample))
    few, large = _has_few_steps(parts, name), len(parts.text_encoders) == 2
    steps = told_steps(Path(name).name) or FEW_STEPS
    family = "Stable Diffusion XL" if large else "Stable Diffusion"
    return generic_card(
        f"{family}, few steps" if few else family,
        side=cells * halvings(widths),
        cells=cells**2,
        edits=few_step_edits(steps) if few else edits("diffedit", {}),
        sampling=_few_step_sampling(steps) if few else _sampling(large),
        precision=KINDS.precision,
        words=_words(len(widths) - 1, large),
    )


def _words(halvings: int, large: bool) -> WordLayers:
    if large:
        return WordLayers(
            (2**halvings,),
            cells=(2 ** (halvings - 1), 2**halvings),
            found="32 x 32 cells at 1024 pixels: the only coarse ones that the network has",
        )
    return WordLayers(
        (2 ** (halvings - 1), 2**halvings),
        cells=(1, 2),
        found="16 x 16 and 8 x 8 cells at 512 pixels, as DiffSegmenter (arXiv:2309.02773) weighs "
        "them most",
    )


def _has_few_steps(parts: Parts, name: str) -> bool:
    scheduler = type(parts.scheduler).__name__
    if scheduler in FEW_STEP_SCHEDULERS or parts.unet.config.time_cond_proj_dim is not None:
        return True
    trailing = parts.scheduler.config.get("timestep_spacing") == "trailing"
    said = any(word in name.lower() for word in FEW_STEP_NAMES)
    return scheduler in FEW_STEP_SAMPLERS and trailing and said


def _sampling(large: bool) -> Sampling:
    pipeline = "StableDiffusionXLPipeline" if large else "StableDiffusionPipeline"
    return Sampling(
        50,
        5.0 if large else 7.5,
        "euler",
        found=f"steps and guidance: defaults of diffusers' {pipeline}; euler: the steps of DDIM",
    )


def _few_step_sampling(steps: int) -> Sampling:
    found = (
        "steps: the name, else diffusers' LatentConsistencyModelPipeline; guidance: distilled in"
    )
    return Sampling(steps, NO_GUIDANCE, "euler", found=found)
