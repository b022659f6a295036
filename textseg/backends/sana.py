"""SANA: a transformer with linear attention on strongly compressed latents (NVIDIA).

E. Xie et al. 2024, "SANA: Efficient High-Resolution Image Synthesis with Linear Diffusion
Transformers" (arXiv:2410.10629). It reads what Gemma says of a prompt behind an instruction
(section 2.3). "" alone goes without one, so that masks are compared with a blank, which has it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
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

LENGTH = 300  # tokens: the first one, and the last ones with the prompt


class Sana(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a SANA pipeline; without state."""

    pipeline_class = "SanaPipeline"
    encode_options: ClassVar[Mapping[str, object]] = {"do_classifier_free_guidance": False}
    kinds = Kinds(
        title="SANA text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderDC",)),
            "transformer": Kind("diffusers", ("SanaTransformer2DModel",)),
            "text_encoder": Kind("transformers", ("Gemma2Model",)),
            "tokenizer": Kind("transformers", ("GemmaTokenizer", "GemmaTokenizerFast")),
        },
        precision=Precision("bfloat16", found="what its newer checkpoints are published in"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, and the solver of its scheduler."""
        config = parts["transformer"].config
        side = int(config.sample_size)
        return generic_card(
            "SANA",
            side=side * stride_of(parts["vae"]),
            cells=(side // config.patch_size) ** 2,
            edits=edits("flowedit", {}),
            sampling=Sampling(
                20,
                4.5,
                "dpm_solver_2m",
                found="defaults of diffusers' SanaPipeline, and its scheduler",
            ),
            precision=cls.kinds.precision,
            blank=" ",
        )

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of Gemma, behind the pipeline's instruction for all but ""."""
        rows = [self._encode(prompt) for prompt in prompts]
        states, masks = (torch.cat(each) for each in zip(*rows, strict=True))
        return without_padding(prompts, states, masks)

    def _encode(self, prompt: str) -> tuple[Tensor, Tensor]:
        states, mask, *_ = self._pipeline.encode_prompt(
            prompt,
            **self.encode_options,
            device=self.device,
            max_sequence_length=LENGTH,
            complex_human_instruction=self._instruction if prompt else None,
        )
        return states, mask

    @property
    def _instruction(self) -> list[str]:
        call = inspect.signature(type(self._pipeline).__call__)
        instruction: list[str] = call.parameters["complex_human_instruction"].default
        return instruction

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of a prompt, which the last tokens of instruction and prompt are."""
        if not prompt:
            return PromptReading((None,) * tokens, ())
        tokenizer, instruction = self._parts["tokenizer"], "\n".join(self._instruction)
        read = read_templated(
            prompt.strip(),  # as the pipeline does
            tokenizer,
            lambda text: instruction + text.lower(),
            skip=len(tokenizer(instruction).input_ids) - 1,
            tokens=tokens - 1,
        )
        return PromptReading((None, *read.words) if read.words else (), read.notes)

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return where cells look at words; they look at one another without a softmax."""
        refuse_compiled(self.network)
        layer = Layer.cross(self.grid(z), text.embeddings.shape[1])
        return (layer,) * int(self._network.config.num_layers)

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        answer: Tensor = self._network(
            x,
            encoder_hidden_states=text.embeddings.to(x),
            encoder_attention_mask=text.mask,
            timestep=times * self._network.config.timestep_scale,
        ).sample
        return answer


FAMILY = Sana.family()
