"""Z-Image: one stream of picture and text (Tongyi-MAI 2025, arXiv:2511.22699).

Its network is told how far it is from pure noise, and answers with the way to the picture: time and
velocity both run the other way. Tokens of the picture and of the text are filled up to whole 32s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.flow import ask_evenly, line_mu
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.ragged import side_by_side
from textseg.backends.templates import read_templated
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import NO_GUIDANCE, edits, few_step_edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning

SIDE = 128  # latent cells; the pipeline makes 1024 pixels where nobody says
FILLED = 32  # ``SEQ_MULTI_OF`` of diffusers' network
BASE = Sampling(
    50,
    6.0,
    "euler",
    found="defaults of diffusers' ZImagePipeline, which adds its guidance of 5 to the answer",
)
_TURBO = re.compile(r"z.?image.?turbo", re.IGNORECASE)
TURBO = Sampling(8, NO_GUIDANCE, "euler", found="8 evaluations, arXiv:2511.22699; no guidance")


class ZImage(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a Z-Image pipeline; without state."""

    pipeline_class = "ZImagePipeline"
    kinds = Kinds(
        title="Z-Image text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("ZImageTransformer2DModel",)),
            "text_encoder": Kind("transformers", ("Qwen3Model", "Qwen3ForCausalLM")),
            "tokenizer": Kind("transformers", ("Qwen2Tokenizer", "Qwen2TokenizerFast")),
        },
        precision=Precision("bfloat16", found="the precision of its model card"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, or those of Turbo, which only its name tells."""
        config, stride = parts["transformer"].config, stride_of(parts["vae"])
        turbo = bool(_TURBO.search(str(config.get("_name_or_path"))))
        (patch,) = config.all_patch_size
        return generic_card(
            "Z-Image Turbo" if turbo else "Z-Image",
            side=SIDE * stride,
            largest=min(config.axes_lens[1:]) * patch * stride,
            cells=(SIDE // patch) ** 2,
            edits=few_step_edits(TURBO.steps) if turbo else edits("flowedit", {}),
            sampling=TURBO if turbo else BASE,
            precision=cls.kinds.precision,
        )

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline does: even levels."""
        return ask_evenly(config, steps, mu=line_mu(config, tokens))

    @property
    def patch(self) -> int:
        """Latent cells that are one token, along each side."""
        (patch,) = self._network.config.all_patch_size
        return int(patch)

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the last states but one of the text encoder, of the template too."""
        texts = tuple(prompts)  # the pipeline changes the list
        rows, _ = self._pipeline.encode_prompt(
            prompts, device=self.device, do_classifier_free_guidance=False
        )
        return side_by_side(texts, rows)

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of a prompt in the template."""
        return read_templated(prompt, self._parts["tokenizer"], self._template, tokens=tokens)

    def _template(self, prompt: str) -> str:
        text: str = self._parts["tokenizer"].apply_chat_template(
            [{"role": "user", "content": prompt}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=True,
        )
        return text

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``."""
        refuse_compiled(self.network)
        config, grid, words = self._network.config, self.grid(z), text.embeddings.shape[1]
        cells, filled = grid[0] * grid[1], _filled(grid[0] * grid[1])
        padding = _filled(words) - words
        own = Layer("self", grid, slice(0, cells), padding=filled - cells)
        among_words = Layer.among_words(words, padding=padding)
        joint = Layer(
            "joint", grid, slice(0, cells), slice(filled, filled + words), padding=padding
        )
        refining, blocks = int(config.n_refiner_layers), int(config.n_layers)
        return (own,) * refining + (among_words,) * refining + (joint,) * blocks

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        assert text.mask is not None
        states = text.embeddings.to(x)
        rows = [row[there] for row, there in zip(states, text.mask, strict=True)]
        found = self._network(list(x[:, :, None]), (1000 - times) / 1000, rows).sample
        return -torch.stack(list(found))[:, :, 0]


def _filled(tokens: int) -> int:
    return -(-tokens // FILLED) * FILLED


FAMILY = ZImage.family()
