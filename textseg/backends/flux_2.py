"""FLUX.2 dev and klein, without a picture: FLUX.1 that reads a language model (2025, 2026).

What three layers of a language model say is the text, with its padding, which is read; of dev that
is Mistral 3, of klein Qwen 3. The network of dev was distilled to be told its guidance; of that of
klein two answers are mixed, or it was distilled to four steps without guidance.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn.functional import pad

from textseg.backends.autoencoders import stride_of
from textseg.backends.flow import ask_evenly
from textseg.backends.flux import told_edits
from textseg.backends.packed import PATCH, PackedModel, positions
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PromptReading
from textseg.backends.templates import read_templated
from textseg.backends.tokens import PLAIN_TOKENIZERS
from textseg.diffusion.card import Edits, ModelCard, Precision, Sampling
from textseg.diffusion.generic import NO_GUIDANCE, edits, few_step_edits, generic_card
from textseg.diffusion.guidance import TOLD, ClassifierFree, Embedded, Guide, told
from textseg.diffusion.model import Conditioning

SIDE = 128  # latent cells, ``default_sample_size`` of the pipelines
FEW, MANY = (8.73809524e-05, 1.89833333), (0.00016927, 0.45666666)  # mu = slope * tokens + start
FEW_STEPS, MANY_STEPS, LARGE = 10, 200, 4300  # the steps of the two lines; tokens
DEV = Sampling(50, 4.0, "euler", found="defaults of diffusers' Flux2Pipeline")
KLEIN = Sampling(50, 4.0, "euler", found="defaults of diffusers' Flux2KleinPipeline")
DISTILLED = Sampling(4, NO_GUIDANCE, "euler", found="model card of FLUX.2-klein-4B")


def fitted_mu(tokens: int, steps: int) -> float:
    """Return the shift of levels that FLUX.2's own sampler was fitted to, as the pipelines have it.

    It lies between a line in ``tokens`` for few steps and one for many; large pictures have the
    latter.
    """
    few, many = (slope * tokens + start for slope, start in (FEW, MANY))
    if tokens > LARGE:
        return many
    return few + (many - few) * (steps - FEW_STEPS) / (MANY_STEPS - FEW_STEPS)


class Flux2(PackedModel):
    """A ``DiffusionModel`` made of the parts of a FLUX.2 dev pipeline; without state."""

    pipeline_class = "Flux2Pipeline"
    kinds = Kinds(
        title="FLUX.2 dev text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKLFlux2",)),
            "transformer": Kind("diffusers", ("Flux2Transformer2DModel",)),
            "text_encoder": Kind("transformers", ("Mistral3ForConditionalGeneration",)),
            "tokenizer": Kind("transformers", ("PixtralProcessor", *PLAIN_TOKENIZERS)),
        },
        precision=Precision("bfloat16", found="its blocks clip what float16 cannot hold"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, and FLUX.1's for FlowEdit: there are no others."""
        return cls._card_of("FLUX.2", parts, told_edits(DEV), DEV)

    @classmethod
    def _card_of(
        cls,
        name: str,
        parts: Mapping[str, Any],  # Any: classes of diffusers
        changes: Edits,
        sampling: Sampling,
    ) -> ModelCard:
        return generic_card(
            name,
            side=SIDE * stride_of(parts["vae"]),
            cells=(SIDE // PATCH) ** 2,
            edits=changes,
            sampling=sampling,
            precision=cls.kinds.precision,
        )

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline does: even levels, shifted with size and number of steps."""
        return ask_evenly(config, steps, mu=fitted_mu(tokens, steps))

    @property
    def guide(self) -> Guide:
        """How it follows a text: by being told, where the network takes a scale."""
        return Embedded() if self._network.config.guidance_embeds else ClassifierFree()

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of the language model side by side, padding too."""
        states, _ = self._pipeline.encode_prompt(prompts, device=self.device)
        text = Conditioning(tuple(prompts), states)
        return told(text, NO_GUIDANCE) if self._network.config.guidance_embeds else text

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return which words the tokens are, of which the template has some."""
        tokenizer = self._parts["tokenizer"]
        words = getattr(tokenizer, "tokenizer", tokenizer)  # of a processor
        return read_templated(prompt, words, self._template, tokens=tokens)

    def _template(self, prompt: str) -> str:
        pipeline = importlib.import_module(type(self._pipeline).__module__)
        messages = pipeline.format_input([prompt], system_message=self._pipeline.system_message)
        found: str = self._parts["tokenizer"].apply_chat_template(messages[0], tokenize=False)
        return found

    def _ask_tokens(
        self, tokens: Tensor, times: Tensor, text: Conditioning, *, grid: tuple[int, int]
    ) -> Tensor:
        words = positions((1, text.embeddings.shape[1]), tokens.device)
        answer: Tensor = self._network(
            hidden_states=tokens,
            timestep=times / 1000,
            guidance=text.further.get(TOLD),
            encoder_hidden_states=text.embeddings.to(tokens),
            txt_ids=pad(words, (1, 0)),  # 0, 0, 0, place in the text
            img_ids=pad(positions(grid, tokens.device), (0, 1)),  # 0, row, column, 0
        ).sample
        return answer


class Flux2Klein(Flux2):
    """The same made of the parts of a FLUX.2 klein pipeline."""

    pipeline_class = "Flux2KleinPipeline"
    kinds = Kinds(
        title="FLUX.2 klein text-to-image checkpoints in diffusers format",
        parts={
            **Flux2.kinds.parts,
            "text_encoder": Kind("transformers", ("Qwen3ForCausalLM",)),
            "tokenizer": Kind("transformers", ("Qwen2Tokenizer", "Qwen2TokenizerFast")),
        },
        precision=Flux2.kinds.precision,
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, or those of a network distilled to few steps."""
        if parts.get("is_distilled"):
            few = few_step_edits(DISTILLED.steps)
            return cls._card_of("FLUX.2 klein, few steps", parts, few, DISTILLED)
        return cls._card_of("FLUX.2 klein", parts, edits("flowedit", {}), KLEIN)

    def _template(self, prompt: str) -> str:
        found: str = self._parts["tokenizer"].apply_chat_template(
            [{"role": "user", "content": prompt}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
        )
        return found


FAMILY = Flux2.family()
KLEIN_FAMILY = Flux2Klein.family()
