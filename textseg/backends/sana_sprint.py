"""SANA-Sprint: SANA, distilled to one to four steps and to be told its guidance.

J. Chen et al. 2025, "SANA-Sprint: One-Step Diffusion with Continuous-Time Consistency Distillation"
(arXiv:2503.09641). Its pipeline walks on x = cos(t) x0 + sin(t) eps (section 3.1). The network is
one of flow matching, as SANA's is: it sees z = x / (cos(t) + sin(t)), is told
sigma = sin(t) / (cos(t) + sin(t)), and answers with the velocity.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from textseg.backends.flow import Flow
from textseg.backends.processes import Process
from textseg.backends.sana import Sana
from textseg.diffusion.card import ModelCard, Sampling
from textseg.diffusion.generic import few_step_edits, generic_card
from textseg.diffusion.guidance import TOLD, Embedded, Guide, told
from textseg.diffusion.model import Conditioning
from textseg.errors import UnsupportedError

if TYPE_CHECKING:
    from diffusers import SchedulerMixin

SCHEDULER = "SCMScheduler"
MIDDLE = 1.3  # the angle of the second of two steps, of the pipeline
SAMPLING = Sampling(2, 4.5, "euler", found="defaults of diffusers' SanaSprintPipeline")
EDIT_STEPS = 4  # the most that it was made for; of two, an edit would be left with one


class Angular(Flow):
    """Flow matching with the levels of a scheduler that walks along angles."""

    def sigmas_of(self, scheduler: SchedulerMixin) -> npt.NDArray[np.float64]:
        """Return the levels of its angles."""
        angles = scheduler.timesteps.double().cpu().numpy()
        sines, cosines = np.sin(angles), np.cos(angles)
        sigmas: npt.NDArray[np.float64] = sines / (sines + cosines)
        return sigmas.clip(0, 1)  # its first angle is rounded to beyond a right one


class SanaSprint(Sana):
    """A ``DiffusionModel`` made of the parts of a SANA-Sprint pipeline; without state."""

    pipeline_class = "SanaSprintPipeline"
    encode_options: ClassVar[Mapping[str, object]] = {}

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers."""
        usual, config = super().make_card(parts), parts["transformer"].config
        return generic_card(
            "SANA-Sprint",
            side=usual.sizes.native,
            cells=(config.sample_size // config.patch_size) ** 2,
            edits=few_step_edits(EDIT_STEPS, guidance=SAMPLING.guidance),
            sampling=SAMPLING,
            precision=usual.precision,
            blank=usual.language.blank,
        )

    @classmethod
    def make_process(cls, scheduler: SchedulerMixin) -> Process:
        """Return flow matching, with the levels of the scheduler that it came with."""
        if type(scheduler).__name__ != SCHEDULER:
            raise UnsupportedError(
                f"SANA-Sprint has no levels for {type(scheduler).__name__}",
                hint=f"use the scheduler that it came with, {SCHEDULER}",
            )
        return Angular(copy.deepcopy(scheduler), cls.ask_scheduler)

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline does by default; two steps are spaced by hand."""
        middle = MIDDLE if steps == 2 else None
        return {"num_inference_steps": steps, "intermediate_timesteps": middle}

    @property
    def guide(self) -> Guide:
        """How it follows a text: by being told."""
        return Embedded()

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of Gemma, and the pipeline's guidance.

        The network was distilled with 4, 4.5 and 5 (``scm_cfg_scale`` of its authors' training
        configs), and never told that there is none.
        """
        return told(super().encode_prompts(prompts), SAMPLING.guidance)

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        answer: Tensor = self._network(
            x,
            encoder_hidden_states=text.embeddings.to(x),
            encoder_attention_mask=text.mask,
            guidance=text.further[TOLD] * self._network.config.guidance_embeds_scale,
            timestep=times / 1000,
        ).sample
        return answer


FAMILY = SanaSprint.family()
