"""HunyuanImage 2.1: joint attention on 32-fold compressed pictures (Tencent, 2025).

The text is what Qwen 2.5-VL says inside a template, and what stands in quotation marks is read by
ByT5 too, letter by letter, so that it can be drawn. From its seventh step on the pipeline follows a
text by what earlier steps gave (arXiv:2410.02416); here classifier-free guidance goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.ragged import without_padding
from textseg.backends.templates import read_templated
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning
from textseg.errors import UnsupportedError

SIDE = 64  # latent cells, ``default_sample_size`` of the pipeline
GLYPHS, WRITTEN = "glyphs", "written"  # (n, 128, dim) of ByT5, and (n, 128) bool, which are there


class HunyuanImage(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a HunyuanImage 2.1 pipeline; without state."""

    pipeline_class = "HunyuanImagePipeline"
    kinds = Kinds(
        title="HunyuanImage 2.1 text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKLHunyuanImage",)),
            "transformer": Kind("diffusers", ("HunyuanImageTransformer2DModel",)),
            "text_encoder": Kind("transformers", ("Qwen2_5_VLForConditionalGeneration",)),
            "tokenizer": Kind("transformers", ("Qwen2Tokenizer", "Qwen2TokenizerFast")),
            "text_encoder_2": Kind("transformers", ("T5EncoderModel",)),
            "tokenizer_2": Kind("transformers", ("ByT5Tokenizer",)),
        },
        precision=Precision(
            "bfloat16", found="float16 overflows in transformers trained in bfloat16"
        ),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, and the scale that its guider begins with."""
        return generic_card(
            "HunyuanImage 2.1",
            side=SIDE * stride_of(parts["vae"]),
            cells=SIDE**2,
            edits=edits("flowedit", {}),
            sampling=Sampling(
                50, 3.5, "euler", found="defaults of diffusers' HunyuanImagePipeline and its guider"
            ),
            precision=cls.kinds.precision,
        )

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline does: even levels."""
        return {"sigmas": np.linspace(1.0, 1 / steps, steps)}

    @property
    def patch(self) -> int:
        """Latent cells that are one token, along each side."""
        rows, columns = self._network.config.patch_size
        assert rows == columns
        return int(rows)

    def _check_channels(self) -> None:
        super()._check_channels()
        if self._network.config.use_meanflow or self._network.config.guidance_embeds:
            raise UnsupportedError(
                f"the model {self.name!r} is not supported: its network was distilled to answer "
                "for jumps between two noise levels, where masks and edits ask about one",
                hint="use HunyuanImage 2.1 as it was before it was distilled",
            )

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of the language model after the template's beginning, and of ByT5."""
        states, mask, glyphs, written = self._pipeline.encode_prompt(
            prompts, device=self.device, batch_size=len(prompts)
        )
        text = without_padding(prompts, states, mask)
        return replace(text, further={GLYPHS: glyphs, WRITTEN: written.bool()})

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of a prompt in the template."""
        return read_templated(
            prompt,
            self._parts["tokenizer"],
            self._pipeline.prompt_template_encode.format,
            skip=self._pipeline.prompt_template_encode_start_idx,
            tokens=tokens,
        )

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``.

        What ByT5 says stands before the words of its row only, so no place is all words'. Raises
        ``UnsupportedError`` for texts with quotation marks.
        """
        refuse_compiled(self.network)
        if text.further[WRITTEN].any():
            raise UnsupportedError(
                "attention to texts with words in quotation marks cannot be seen or changed",
                hint="ask without quotation marks, or use a method that does without attention",
            )
        config, words = self._network.config, text.embeddings.shape[1]
        joint = Layer.joint(self.grid(z), words, text_first=False)
        among_words = Layer.among_words(words, padding=0)
        blocks = int(config.num_layers + config.num_single_layers)
        return (among_words,) * int(config.num_refiner_layers) + (joint,) * blocks

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        written = text.further[WRITTEN]
        glyphs = text.further[GLYPHS].to(x) if written.any() else None
        answer: Tensor = self._network(
            hidden_states=x,
            timestep=times.to(x),
            encoder_hidden_states=text.embeddings.to(x),
            encoder_attention_mask=text.mask,
            encoder_hidden_states_2=glyphs,
            encoder_attention_mask_2=written,
        ).sample
        return answer


FAMILY = HunyuanImage.family()
