"""Qwen-Image: joint attention over a picture and what a vision-language model makes of a prompt.

Qwen team 2025, "Qwen-Image Technical Report" (arXiv:2508.02324). A prompt stands in a template that
asks for a description of a picture. Guidance brings its mix back to the length of the answer to the
prompt, token by token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.packed import PATCH, PackedModel, pack, unpack
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PromptReading
from textseg.backends.templates import read_templated
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.guidance import ClassifierFree, Guide, Scale, extrapolated
from textseg.diffusion.model import Conditioning

SIDE = 128  # latent cells, ``default_sample_size`` of the pipeline
LENGTH = 512  # tokens, ``max_sequence_length`` of the pipeline's call


class QwenImage(PackedModel):
    """A ``DiffusionModel`` made of the parts of a Qwen-Image pipeline; without state."""

    pipeline_class = "QwenImagePipeline"
    kinds = Kinds(
        title="Qwen-Image text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKLQwenImage",)),
            "transformer": Kind("diffusers", ("QwenImageTransformer2DModel",)),
            "text_encoder": Kind("transformers", ("Qwen2_5_VLForConditionalGeneration",)),
            "tokenizer": Kind("transformers", ("Qwen2Tokenizer", "Qwen2TokenizerFast")),
        },
        precision=Precision("bfloat16", found="its blocks clip what float16 cannot hold"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers."""
        return generic_card(
            "Qwen-Image",
            side=SIDE * stride_of(parts["vae"]),
            cells=(SIDE // PATCH) ** 2,
            edits=edits("flowedit", {}),
            sampling=Sampling(50, 4.0, "euler", found="defaults of diffusers' QwenImagePipeline"),
            precision=cls.kinds.precision,
        )

    @property
    def guide(self) -> Guide:
        """How it follows a text: by a mix that is as long as the answer to the text."""
        return ClassifierFree(rescaled)

    @property
    def network_channels(self) -> tuple[int, int]:
        """Of a token, and of a cell: its config counts what it gives before it is packed."""
        return PATCH**2 * self.latent_channels, self.latent_channels

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the last states of the text encoder, from where the prompt begins."""
        states, mask = self._pipeline.encode_prompt(
            prompts, device=self.device, max_sequence_length=LENGTH
        )
        if mask is None:
            mask = torch.ones(states.shape[:2], device=states.device)
        return Conditioning(tuple(prompts), states, mask=mask.bool())

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of a prompt in the template."""
        return read_templated(
            prompt,
            self._parts["tokenizer"],
            self._pipeline.prompt_template_encode.format,
            skip=self._pipeline.prompt_template_encode_start_idx,
            tokens=tokens,
        )

    def _ask_tokens(
        self, tokens: Tensor, times: Tensor, text: Conditioning, *, grid: tuple[int, int]
    ) -> Tensor:
        assert text.mask is not None
        answer: Tensor = self._network(
            hidden_states=tokens,
            timestep=times / 1000,
            encoder_hidden_states=text.embeddings.to(tokens),
            encoder_hidden_states_mask=None if text.mask.all() else text.mask,
            img_shapes=[self._frames(grid)] * len(tokens),
        ).sample
        return answer

    def _frames(self, grid: tuple[int, int]) -> list[tuple[int, int, int]]:
        """Return how many frames, rows and columns of tokens each picture is, in their order."""
        return [(1, *grid)]


def rescaled(away: Tensor, towards: Tensor, scale: Scale) -> Tensor:
    """Return the mix of two velocities (b, c, h, w), each token as long as in ``towards``."""
    mixed = pack(extrapolated(away, towards, scale))
    lengths = [each.norm(dim=-1, keepdim=True) for each in (pack(towards), mixed)]
    rows, columns = towards.shape[2:]
    return unpack(mixed * (lengths[0] / lengths[1]), (rows // PATCH, columns // PATCH))


FAMILY = QwenImage.family()
