"""Stable Diffusion 3 and 3.5: a transformer on latents, trained by flow matching.

P. Esser et al. 2024, "Scaling Rectified Flow Transformers" (arXiv:2403.03206). Text and picture are
one sequence to it (section 4); text is what two CLIP encoders say, side by side, and then T5, which
may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.flow import line_mu
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.tokens import describe_cut, find_words, read_cut, tokenize
from textseg.diffusion.card import ModelCard, Precision, Sampling, WordLayers
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning

MAX_SHIFT = 1.16  # of the pipeline, for schedulers whose config has none
_CLIP = Kind("transformers", ("CLIPTextModelWithProjection",))
_CLIP_WORDS = Kind("transformers", ("CLIPTokenizer", "CLIPTokenizerFast"))
KINDS = Kinds(
    title="Stable Diffusion 3 and 3.5 text-to-image checkpoints in diffusers format",
    parts={
        "vae": Kind("diffusers", ("AutoencoderKL",)),
        "transformer": Kind("diffusers", ("SD3Transformer2DModel",)),
        "text_encoder": _CLIP,
        "tokenizer": _CLIP_WORDS,
        "text_encoder_2": _CLIP,
        "tokenizer_2": _CLIP_WORDS,
        "text_encoder_3": Kind("transformers", ("T5EncoderModel",), "text_encoder_3"),
        "tokenizer_3": Kind("transformers", ("T5Tokenizer", "T5TokenizerFast"), "text_encoder_3"),
    },
    precision=Precision("bfloat16", found="float16 overflows in transformers trained in bfloat16"),
)


class StableDiffusion3(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a Stable Diffusion 3 pipeline; without state."""

    kinds = KINDS
    pipeline_class = "StableDiffusion3Pipeline"

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: as in Loaded
        """Return the pipeline's own numbers, and the sides that its table of positions allows."""
        config = parts["transformer"].config
        side, stride = int(config.sample_size), stride_of(parts["vae"])
        return generic_card(
            "Stable Diffusion 3",
            side=side * stride,
            largest=int(config.pos_embed_max_size * config.patch_size) * stride,
            cells=(side // config.patch_size) ** 2,
            edits=edits("flowedit", {}),
            sampling=Sampling(
                28, 7.0, "euler", found="defaults of diffusers' StableDiffusion3Pipeline"
            ),
            precision=KINDS.precision,
            words=WordLayers(
                depth=(9 / 24, 10 / 24),
                cells=(int(config.patch_size),),
                found="the block that Seg4Diff (arXiv:2509.18096) found in Stable Diffusion 3",
            ),
        )

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline does; some checkpoints shift their levels with the size."""
        if not config.get("use_dynamic_shifting"):
            return {"num_inference_steps": steps}
        return {"num_inference_steps": steps, "mu": line_mu(config, tokens, max_shift=MAX_SHIFT)}

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the tokens of CLIP, then those of T5, which are zeros where there is no T5."""
        states, _, pooled, _ = self._pipeline.encode_prompt(
            prompts, None, None, device=self.device, do_classifier_free_guidance=False
        )
        return Conditioning(tuple(prompts), states, pooled)

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of both; what only T5 has read is told apart from what nobody has."""
        tokenizers, third = self._clip_tokenizers, self._parts.get("tokenizer_3")
        length = int(tokenizers[0].model_max_length)
        clip = [tokenize(tokenizer, prompt) for tokenizer in tokenizers]
        first, second = (find_words(prompt, each, length) for each in clip)
        lost = [
            read_cut(tokenizer, each.input_ids, length)
            for tokenizer, each in zip(tokenizers, clip, strict=True)
        ]
        rest = tokens - length  # of T5
        last: tuple[int | None, ...] = (None,) * rest
        if third is None:
            notes = [describe_cut(text, length) for text in lost if text]
        else:
            notes = [
                f"CLIP reads {length} tokens: {text!r} was read by T5 alone"
                for text in lost
                if text
            ]
            t5 = tokenize(third, prompt)
            last = find_words(prompt, t5, rest)
            if unread := read_cut(third, t5.input_ids, rest):
                notes.append(describe_cut(unread, rest))
        known = first and last and first == second
        return PromptReading((*first, *last) if known else (), tuple(dict.fromkeys(notes)))

    @property
    def _clip_tokenizers(self) -> tuple[Any, Any]:  # Any: as in Loaded
        return self._parts["tokenizer"], self._parts["tokenizer_2"]

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``."""
        refuse_compiled(self.network)
        grid = self.grid(z)
        joint = Layer.joint(grid, text.embeddings.shape[1], text_first=False)
        dual = self._network.config.dual_attention_layers
        blocks = range(self._network.config.num_layers)
        return tuple(
            layer for k in blocks for layer in ([joint, Layer.own(grid)] if k in dual else [joint])
        )

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        assert text.pooled is not None
        answer: Tensor = self._network(
            hidden_states=x,
            timestep=times,
            encoder_hidden_states=text.embeddings.to(x),
            pooled_projections=text.pooled.to(x),
        ).sample
        return answer


FAMILY = StableDiffusion3.family()
