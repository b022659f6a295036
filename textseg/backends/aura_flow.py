"""AuraFlow: a transformer on latents, trained by flow matching, that reads T5's words (fal.ai)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning

_TOKENIZERS = ("LlamaTokenizer", "LlamaTokenizerFast", "T5Tokenizer", "T5TokenizerFast")
REGISTERS = 8  # tokens of the network's own, before those of the text


class AuraFlow(PipelineModel):
    """A ``DiffusionModel`` made of the parts of an AuraFlow pipeline; without state."""

    pipeline_class = "AuraFlowPipeline"
    kinds = Kinds(
        title="AuraFlow text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("AuraFlowTransformer2DModel",)),
            "text_encoder": Kind("transformers", ("UMT5EncoderModel",)),
            "tokenizer": Kind("transformers", _TOKENIZERS),
        },
        precision=Precision("bfloat16", found="float16 overflows in T5"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, and the sides that its table of positions allows."""
        config = parts["transformer"].config
        side, stride = int(config.sample_size), stride_of(parts["vae"])
        positions = math.isqrt(config.pos_embed_max_size)
        return generic_card(
            "AuraFlow",
            side=side * stride,
            largest=positions * config.patch_size * stride,
            cells=(side // config.patch_size) ** 2,
            edits=edits("flowedit", {}),
            sampling=Sampling(50, 3.5, "euler", found="defaults of diffusers' AuraFlowPipeline"),
            precision=cls.kinds.precision,
        )

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of T5; padding is zeros, and read like any other token."""
        states, *_ = self._pipeline.encode_prompt(
            prompts, do_classifier_free_guidance=False, device=self.device
        )
        return Conditioning(tuple(prompts), states)

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``."""
        refuse_compiled(self.network)
        config, tokens = self._network.config, text.embeddings.shape[1]
        layer = Layer.joint(self.grid(z), tokens, text_first=True, first=REGISTERS)
        return tuple([layer] * (config.num_mmdit_layers + config.num_single_dit_layers))

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        answer: Tensor = self._network(
            x, encoder_hidden_states=text.embeddings.to(x), timestep=times / 1000
        ).sample
        return answer


FAMILY = AuraFlow.family()
