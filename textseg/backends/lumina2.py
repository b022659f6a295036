"""Lumina-Image 2.0: one stream of text and picture (arXiv:2503.21758).

Its network is told how far it is from pure noise, and answers with the way to the picture: time and
velocity both run the other way. It reads what Gemma says of a prompt behind a system prompt. ""
alone goes without one, so that masks are compared with a blank, which has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.linalg import vector_norm

from textseg.backends.autoencoders import stride_of
from textseg.backends.flow import ask_evenly, line_mu
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.ragged import without_padding
from textseg.backends.templates import read_templated
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.guidance import ClassifierFree, Guide, Scale, extrapolated
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning

CHANNELS = 16  # of its latents; where levels shift with the size, the pipeline counts these
START = " <Prompt Start> "  # of the pipeline, between its system prompt and a prompt


class Lumina2(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a Lumina 2 pipeline; without state."""

    pipeline_class = "Lumina2Pipeline"
    kinds = Kinds(
        title="Lumina-Image 2.0 text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("Lumina2Transformer2DModel",)),
            "text_encoder": Kind("transformers", ("Gemma2Model",)),
            "tokenizer": Kind("transformers", ("GemmaTokenizer", "GemmaTokenizerFast")),
        },
        precision=Precision("bfloat16", found="the precision of its model card"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, and the sides that its table of positions allows."""
        config, stride = parts["transformer"].config, stride_of(parts["vae"])
        return generic_card(
            "Lumina 2",
            side=int(config.sample_size) * stride,
            largest=min(config.axes_lens[1:]) * config.patch_size * stride,
            cells=(config.sample_size // config.patch_size) ** 2,
            edits=edits("flowedit", {}),
            sampling=Sampling(30, 4.0, "euler", found="defaults of diffusers' Lumina2Pipeline"),
            precision=cls.kinds.precision,
            blank=" ",
        )

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline does: even levels."""
        return ask_evenly(config, steps, mu=line_mu(config, CHANNELS))

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the last states but one of Gemma, behind the system prompt for all but ""."""
        rows = [self._encode(prompt) for prompt in prompts]
        states, masks = (torch.cat(each) for each in zip(*rows, strict=True))
        return without_padding(prompts, states, masks)

    def _encode(self, prompt: str) -> tuple[Tensor, Tensor]:
        states, mask, empty, empty_mask = self._pipeline.encode_prompt(
            [prompt], do_classifier_free_guidance=not prompt, device=self.device
        )
        return (states, mask) if prompt else (empty, empty_mask)

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of a prompt behind the system prompt."""
        if not prompt:
            return PromptReading((None,) * tokens, ())
        ahead = self._pipeline.system_prompt + START
        return read_templated(
            prompt, self._parts["tokenizer"], lambda text: ahead + text, tokens=tokens
        )

    @property
    def guide(self) -> Guide:
        """How it follows a text: no further than the text alone leads, row by row of cells."""
        return ClassifierFree(_as_long)

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``."""
        refuse_compiled(self.network)
        assert text.mask is not None
        config, grid, words = self._network.config, self.grid(z), text.embeddings.shape[1]
        joint = Layer.joint(grid, words, text_first=True)
        if not text.mask.all():
            joint = replace(joint, lengths=tuple(text.mask.sum(1).tolist()))
        refining, blocks = int(config.num_refiner_layers), int(config.num_layers)
        among_words = Layer.among_words(words, padding=0)
        return (among_words,) * refining + (Layer.own(grid),) * refining + (joint,) * blocks

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        answer: Tensor = self._network(
            hidden_states=x,
            timestep=1 - times / 1000,
            encoder_hidden_states=text.embeddings.to(x),
            encoder_attention_mask=text.mask,
        ).sample
        return -answer


def _as_long(away: Tensor, towards: Tensor, scale: Scale) -> Tensor:
    """Return the mix of two velocities (b, c, h, w), as long as the second in each row of cells.

    The pipeline's own, ``cfg_normalization``: lengths are those along the last axis.
    """
    mixed = extrapolated(away, towards, scale)
    lengths: list[Tensor] = [vector_norm(each, dim=-1, keepdim=True) for each in (towards, mixed)]
    return mixed * (lengths[0] / lengths[1])


FAMILY = Lumina2.family()
