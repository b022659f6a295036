"""Kolors: the UNet of Stable Diffusion XL with the words of ChatGLM, in Chinese and English.

Kolors Team 2024, "Kolors: Effective Training of Diffusion Model for Photorealistic Text-to-Image
Synthesis". Its 1100 noise levels end further up than those of XL (section 2.2). Prompts are padded
ahead, and all of that is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from textseg.backends.autoencoders import halvings, stride_of
from textseg.backends.diffusers_unet import size_and_pooled
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.processes import VariancePreserving
from textseg.backends.tokens import describe_cut, shorten, tokenize
from textseg.backends.unet_layers import unet_layers, unet_residuals_up
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.layers import Layer
from textseg.diffusion.model import Conditioning, cells_of

_HOME = "diffusers.pipelines.kolors"


class Kolors(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a Kolors pipeline; without state."""

    pipeline_class = "KolorsPipeline"
    make_process = VariancePreserving.of
    network_part = "unet"
    kinds = Kinds(
        title="Kolors text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "unet": Kind("diffusers", ("UNet2DConditionModel",)),
            "text_encoder": Kind(f"{_HOME}.text_encoder", ("ChatGLMModel",)),
            "tokenizer": Kind(f"{_HOME}.tokenizer", ("ChatGLMTokenizer",)),
        },
        precision=Precision("float16", found="the precision of its model card"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers."""
        side = int(parts["unet"].config.sample_size)
        return generic_card(
            "Kolors",
            side=side * stride_of(parts["vae"]),
            cells=side**2,
            edits=edits("diffedit", {}),
            sampling=Sampling(50, 5.0, "euler", found="defaults of diffusers' KolorsPipeline"),
            precision=cls.kinds.precision,
        )

    @property
    def patch(self) -> int:
        """Latent cells that become one in the middle of the UNet, along each side."""
        return halvings(self._network.config.block_out_channels)

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the last states but one of ChatGLM, and the last of its last token."""
        states, _, pooled, _ = self._pipeline.encode_prompt(
            prompts, device=self.device, do_classifier_free_guidance=False
        )
        return Conditioning(tuple(prompts), states, pooled)

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return what was cut off; which words its tokens are, the tokenizer does not tell."""
        tokenizer = self._parts["tokenizer"]
        unread = tokenize(tokenizer, prompt).input_ids[tokens:]
        lost = str(tokenizer.decode(unread, skip_special_tokens=True)).strip()
        return PromptReading((), (describe_cut(shorten(lost), tokens),) if lost else ())

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the UNet for these latents and prompts, in their order."""
        return unet_layers(self.network, cells_of(z), tokens=text.embeddings.shape[1])

    def residuals_up(self) -> tuple[str, ...]:
        """Return what the residual blocks of the decoder give; see ``Residual``."""
        return unet_residuals_up(self.network)

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        answer: Tensor = self._network(
            x,
            times,
            text.embeddings.to(x),
            added_cond_kwargs=size_and_pooled(x, text, stride=self.latent_stride),
        ).sample
        return answer


FAMILY = Kolors.family()
