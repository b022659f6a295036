"""FLUX.1 dev and schnell: joint attention (Black Forest Labs, 2024).

The text is what T5 says, with its padding, and one vector of CLIP. The network of dev was distilled
to be told its guidance (``textseg.diffusion.guidance.Embedded``); schnell's to four steps without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.packed import PATCH, PackedModel, positions
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PromptReading
from textseg.backends.tokens import describe_cut, find_words, read_cut, tokenize
from textseg.diffusion.card import Edits, ModelCard, Options, Precision, Sampling, WordLayers
from textseg.diffusion.generic import NO_GUIDANCE, edits, few_step_edits, generic_card
from textseg.diffusion.guidance import TOLD, ClassifierFree, Embedded, Guide, told
from textseg.diffusion.model import Conditioning

SIDE = 128  # latent cells, ``default_sample_size`` of the pipeline
LENGTH, SHORT_LENGTH = 512, 256  # tokens of T5; schnell takes 256, as diffusers' manual says
DEV = Sampling(28, 3.5, "euler", found="defaults of diffusers' FluxPipeline")
SCHNELL = Sampling(4, NO_GUIDANCE, "euler", found="model card of FLUX.1-schnell")
FLOWEDIT: Options = {  # arXiv:2412.08629, section 5: as for FLUX.1 dev
    "steps": 28,
    "strength": 24 / 28,
    "guidance": 5.5,
    "source_guidance": 1.5,
}
WORDS = WordLayers(
    depth=(15 / 57, 19 / 57),
    cells=(PATCH,),
    found="the last four of the 19 blocks in which text and picture have weights of their own, as "
    "ConceptAttention (arXiv:2502.04320) reads them in FLUX.1; 38 blocks follow",
)


class Flux(PackedModel):
    """A ``DiffusionModel`` made of the parts of a FLUX.1 pipeline; without state."""

    pipeline_class = "FluxPipeline"
    kinds = Kinds(
        title="FLUX.1 text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("FluxTransformer2DModel",)),
            "text_encoder": Kind("transformers", ("CLIPTextModel",)),
            "tokenizer": Kind("transformers", ("CLIPTokenizer", "CLIPTokenizerFast")),
            "text_encoder_2": Kind("transformers", ("T5EncoderModel",)),
            "tokenizer_2": Kind("transformers", ("T5Tokenizer", "T5TokenizerFast")),
        },
        precision=Precision("bfloat16", found="its blocks clip what float16 cannot hold"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, or those of schnell."""
        few = _is_schnell(parts)
        return generic_card(
            "FLUX.1, few steps" if few else "FLUX.1",
            side=SIDE * stride_of(parts["vae"]),
            cells=(SIDE // PATCH) ** 2,
            edits=few_step_edits(SCHNELL.steps) if few else told_edits(DEV),
            sampling=SCHNELL if few else DEV,
            precision=cls.kinds.precision,
            words=WORDS,
        )

    @property
    def guide(self) -> Guide:
        """How it follows a text: by being told, or by two answers where it cannot be."""
        return Embedded() if self._network.config.guidance_embeds else ClassifierFree()

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of T5, padding too, which is read, and the vector of CLIP."""
        states, pooled, _ = self._pipeline.encode_prompt(
            prompts,
            None,
            device=self.device,
            max_sequence_length=SHORT_LENGTH if _is_schnell(self._parts) else LENGTH,
        )
        text = Conditioning(tuple(prompts), states, pooled)
        return told(text, NO_GUIDANCE) if self._network.config.guidance_embeds else text

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of T5; what CLIP did not read is told apart from what nobody has."""
        clip, t5 = self._parts["tokenizer"], self._parts["tokenizer_2"]
        short, found = int(clip.model_max_length), tokenize(t5, prompt)
        notes = []
        if lost := read_cut(clip, tokenize(clip, prompt).input_ids, short):
            notes.append(f"CLIP reads {short} tokens: {lost!r} was read by T5 alone")
        if lost := read_cut(t5, found.input_ids, tokens):
            notes.append(describe_cut(lost, tokens))
        return PromptReading(find_words(prompt, found, tokens), tuple(notes))

    def _ask_tokens(
        self, tokens: Tensor, times: Tensor, text: Conditioning, *, grid: tuple[int, int]
    ) -> Tensor:
        assert text.pooled is not None
        answer: Tensor = self._network(
            hidden_states=tokens,
            timestep=times / 1000,
            guidance=text.further.get(TOLD),
            pooled_projections=text.pooled.to(tokens),
            encoder_hidden_states=text.embeddings.to(tokens),
            txt_ids=times.new_zeros(text.embeddings.shape[1], 3),
            img_ids=self._places(grid, tokens.device),
        ).sample
        return answer

    def _places(self, grid: tuple[int, int], device: torch.device) -> Tensor:
        """Return where the tokens stand, (tokens, 3)."""
        return positions(grid, device)


def _is_schnell(parts: Mapping[str, Any]) -> bool:  # Any: classes of diffusers
    """Tell it from dev, and from what undid dev's distillation: that shifts its levels as dev."""
    told_guidance = bool(parts["transformer"].config.guidance_embeds)
    return not told_guidance and not parts["scheduler"].config.get("use_dynamic_shifting")


def told_edits(usual: Sampling) -> Edits:
    """Return how a network that is told its guidance edits: what the paper found for FLUX.1 dev."""
    habit: Options = {"steps": usual.steps, "guidance": usual.guidance}
    return edits("flowedit", FLOWEDIT, blending=habit, every=habit, methods={"flowedit": FLOWEDIT})


FAMILY = Flux.family()
