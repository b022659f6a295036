"""How more pipelines are asked for the same as we are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffusers import (
    DPMSolverMultistepScheduler,
    SanaPipeline,
)

from tests.equivalence.pipelines import Case, textbook
from tests.tiny_families_2 import (
    SANA_SCHEDULER,
    build_sana,
)
from textseg.diffusion.solvers import dpm_solver_2m


def unbinned(scale: float, negative: str) -> Mapping[str, Any]:
    """At the size that is asked for."""
    return {**textbook(scale, negative), "use_resolution_binning": False}


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


FAMILIES: Mapping[str, Case] = {
    "sana": Case(
        lambda: build_sana(InstructedSana, Exact(**SANA_SCHEDULER)), unbinned, solver=dpm_solver_2m
    ),
}
