"""How more pipelines are asked for the same as we are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from diffusers import (
    CogView4Pipeline,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    Lumina2Pipeline,
    PixArtSigmaPipeline,
    SanaPipeline,
    SanaSprintPipeline,
)
from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline
from torch import Tensor

from tests.equivalence.pipelines import Case, textbook
from tests.tiny_families_2 import (
    HUNYUAN_SCHEDULER,
    SANA_SCHEDULER,
    build_cogview4,
    build_hunyuan_dit,
    build_lumina2,
    build_pixart,
    build_sana,
    build_sprint,
)
from tests.tiny_kolors import build_kolors
from textseg.backends.sana_sprint import SAMPLING as SPRINT
from textseg.diffusion.solvers import dpm_solver_2m

START = " <Prompt Start> "  # of Lumina 2, between its system prompt and a prompt


def unbinned(scale: float, negative: str) -> Mapping[str, Any]:
    """At the size that is asked for."""
    return {**textbook(scale, negative), "use_resolution_binning": False}


def uncleaned(scale: float, negative: str) -> Mapping[str, Any]:
    """With the text as it is."""
    return {**unbinned(scale, negative), "clean_caption": False}


def sprint(scale: float, negative: str) -> Mapping[str, Any]:
    """In more steps than two, led away from nothing; it knows no guidance of 1."""
    if negative:
        pytest.skip("the pipeline takes no negative prompt")
    return {
        "guidance_scale": SPRINT.guidance if scale == 1 else scale,
        "intermediate_timesteps": None,
        "use_resolution_binning": False,
    }


class Exact(DPMSolverMultistepScheduler):
    """Tells the network the levels of flow matching as they are, not cut to whole timesteps."""

    def set_timesteps(self, *args: Any, **options: Any) -> None:
        super().set_timesteps(*args, **options)
        self.timesteps = 1000 * self.sigmas[:-1]


class InstructedSana(SanaPipeline):
    """The pipeline at any size, with its instruction before all texts but "", as we have it."""

    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass

    def encode_prompt(self, prompt: Any, *args: Any, **options: Any) -> Any:
        if not options.get("negative_prompt"):
            return super().encode_prompt(prompt, *args, **options)
        asked = {**options, "negative_prompt": ""}
        found = super().encode_prompt(prompt, *args, **asked)
        return *found[:2], *super().encode_prompt(options["negative_prompt"], *args, **asked)[:2]


class PromptedLumina2(Lumina2Pipeline):
    """The pipeline at any size, with its system prompt before all texts but "", as we have it."""

    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass

    def encode_prompt(self, *args: Any, **options: Any) -> Any:
        if text := options.get("negative_prompt"):
            return super().encode_prompt(
                *args, **{**options, "negative_prompt": self.system_prompt + START + text}
            )
        return super().encode_prompt(*args, **options)


class AnyCogView4(CogView4Pipeline):
    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass


class AnySprint(SanaSprintPipeline):
    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass


class AnyKolors(KolorsPipeline):
    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass


class AnyPixArt(PixArtSigmaPipeline):
    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass


def level_of_vp(scheduler: Any, t: float) -> float:
    kept = scheduler.alphas_cumprod[int(t)].double()
    a, s = kept.sqrt(), (1 - kept).sqrt()
    return (s / (a + s)).item()


def level_of_index(scheduler: Any, t: float) -> float:
    """Of a scheduler that is told its timesteps apart from its levels."""
    return scheduler.sigmas[scheduler.timesteps.tolist().index(t)].item()


def level_of_angle(_: Any, t: float) -> float:
    return min(math.sin(t) / (math.sin(t) + math.cos(t)), 1.0)  # the first is beyond a right one


def angle_of(sigma: float) -> float:
    return math.atan2(sigma, 1 - sigma)


HALF = 0.5  # ``sigma_data`` of its scheduler: the spread of its states


def state_of_sprint(x: Tensor, sigma: float) -> Tensor:
    return x / HALF * math.hypot(1 - sigma, sigma)


def velocity_of_sprint(answer: Tensor, z: Tensor, sigma: float) -> Tensor:
    """Of the way along the circle of x = cos(t) x0 + sin(t) eps."""
    t = angle_of(sigma)
    x, v = z / math.hypot(1 - sigma, sigma), answer / HALF
    return (math.sin(t) * x + math.cos(t) * v) - (math.cos(t) * x - math.sin(t) * v)


def state_of_vp(x: Tensor, sigma: float) -> Tensor:
    return x * math.hypot(1 - sigma, sigma)


def velocity_of_eps(eps: Tensor, z: Tensor, sigma: float) -> Tensor:
    return (eps - z) / (1 - sigma)


def velocity_of_v(v: Tensor, z: Tensor, sigma: float) -> Tensor:
    """Of v = a eps - s x0 (arXiv:2202.00512, appendix D)."""
    norm = math.hypot(1 - sigma, sigma)
    a, s, x = (1 - sigma) / norm, sigma / norm, z / norm
    eps, x0 = s * x + a * v, a * x - s * v
    return eps - x0


FAMILIES: Mapping[str, Case] = {
    "sana": Case(
        lambda: build_sana(InstructedSana, Exact(**SANA_SCHEDULER)), unbinned, solver=dpm_solver_2m
    ),
    "sprint": Case(
        lambda: build_sprint(AnySprint),
        sprint,
        level=level_of_angle,
        state=state_of_sprint,
        velocity=velocity_of_sprint,
        solver=None,
    ),
    "kolors": Case(
        lambda: build_kolors(AnyKolors),
        level=level_of_vp,
        state=lambda x, sigma: x * (1 - sigma),  # its scheduler keeps x0 + s / a eps
        velocity=velocity_of_eps,
    ),
    "pixart": Case(
        lambda: build_pixart(AnyPixArt),
        uncleaned,
        level=level_of_vp,
        state=state_of_vp,
        velocity=velocity_of_eps,
        solver=dpm_solver_2m,
    ),
    "lumina2": Case(lambda: build_lumina2(PromptedLumina2)),
    "lumina2, dynamic shift": Case(
        lambda: build_lumina2(PromptedLumina2, use_dynamic_shifting=True)
    ),
    "cogview4": Case(lambda: build_cogview4(AnyCogView4), level=level_of_index),
    "cogview4, static shift": Case(
        lambda: build_cogview4(AnyCogView4, shift=3.0), level=level_of_index
    ),
    "hunyuan_dit": Case(
        lambda: build_hunyuan_dit(DDIMScheduler(**HUNYUAN_SCHEDULER)),
        unbinned,
        level=level_of_vp,
        state=state_of_vp,
        velocity=velocity_of_v,
        larger=4,
    ),
}
