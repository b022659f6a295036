"""Chroma: FLUX.1 schnell, smaller and without guidance told, that reads T5's words (Lodestone).

It was trained to see a prompt and one token of padding. The pipeline means to leave out the rest,
but its mask is of numbers, which attention adds, so that padding is read
(github.com/huggingface/diffusers/issues/13619). Here it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.packed import PATCH, PackedModel, positions
from textseg.backends.parts import Kind, Kinds
from textseg.backends.ragged import without_padding
from textseg.diffusion.card import ModelCard, Precision, Sampling, WordLayers
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.model import Conditioning

SIDE = 128  # latent cells, ``default_sample_size`` of the pipeline
LEFT_OUT = -200.0  # see ``_attention_mask``; its square fits into float16


class Chroma(PackedModel):
    """A ``DiffusionModel`` made of the parts of a Chroma pipeline; without state."""

    pipeline_class = "ChromaPipeline"
    kinds = Kinds(
        title="Chroma text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("ChromaTransformer2DModel",)),
            "text_encoder": Kind("transformers", ("T5EncoderModel",)),
            "tokenizer": Kind("transformers", ("T5Tokenizer", "T5TokenizerFast")),
        },
        precision=Precision("bfloat16", found="its blocks clip what float16 cannot hold"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers."""
        return generic_card(
            "Chroma",
            side=SIDE * stride_of(parts["vae"]),
            cells=(SIDE // PATCH) ** 2,
            edits=edits("flowedit", {}),
            sampling=Sampling(35, 5.0, "euler", found="defaults of diffusers' ChromaPipeline"),
            precision=cls.kinds.precision,
            words=WordLayers(
                depth=(15 / 57, 19 / 57),
                cells=(PATCH,),
                found="the blocks that ConceptAttention (arXiv:2502.04320) reads in schnell; "
                "Chroma began as its weights",
            ),
        )

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of T5 and one token of padding."""
        states, _, mask, *_ = self._pipeline.encode_prompt(
            prompts, do_classifier_free_guidance=False, device=self.device
        )
        return without_padding(prompts, states, mask)

    def _ask_tokens(
        self, tokens: Tensor, times: Tensor, text: Conditioning, *, grid: tuple[int, int]
    ) -> Tensor:
        assert text.mask is not None
        answer: Tensor = self._network(
            hidden_states=tokens,
            timestep=times / 1000,
            encoder_hidden_states=text.embeddings.to(tokens),
            txt_ids=times.new_zeros(text.embeddings.shape[1], 3),
            img_ids=positions(grid, tokens.device),
            attention_mask=_attention_mask(text.mask, tokens),
        ).sample
        return answer


def _attention_mask(there: Tensor, tokens: Tensor) -> Tensor | None:
    """Return what leaves out padding in a network that adds the product of two tokens' numbers.

    Those that are there have 1, which changes nothing among them, and see ``LEFT_OUT`` at padding;
    padding sees itself, for a row that sees nothing is not a number everywhere.
    """
    if there.all():
        return None
    text = torch.where(there, 1.0, LEFT_OUT)
    return torch.cat([text, text.new_ones(tokens.shape[:2])], dim=1).to(tokens.dtype)


FAMILY = Chroma.family()
