"""HiDream-I1: joint attention with a mixture of experts (HiDream.ai 2025, arXiv:2505.22705).

The text is what T5 says, and the layers of Llama 3.1, one for each block; two CLIPs give one
vector. The network answers with the way to the picture: its velocity runs the other way. A picture
that is not square is filled up to as many tokens as the largest has, and what fills it is seen.
No gradient comes through the experts that tokens are led to: diffusers takes them for inference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.tokens import (
    PLAIN_TOKENIZERS,
    describe_cut,
    find_words,
    read_cut,
    shorten,
    tokenize,
)
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import NO_GUIDANCE, edits, few_step_edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning

LLAMA = "llama"  # (n, layers, tokens, dim)
MU = 1.15  # of the pipeline for the 4096 tokens of its largest picture, whatever the picture
FULL = Sampling(50, 5.0, "euler", found="defaults of diffusers' HiDreamImagePipeline")
FEW = Sampling(28, NO_GUIDANCE, "euler", found="model card of HiDream-I1-Dev; Fast makes 16 steps")
_CLIP = Kind("transformers", ("CLIPTextModelWithProjection",))
_CLIP_WORDS = Kind("transformers", ("CLIPTokenizer", "CLIPTokenizerFast"))
_LLAMA_WORDS = ("LlamaTokenizer", "LlamaTokenizerFast", *PLAIN_TOKENIZERS)


class HiDream(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a HiDream-I1 pipeline; without state."""

    pipeline_class = "HiDreamImagePipeline"
    kinds = Kinds(
        title="HiDream-I1 text-to-image checkpoints in diffusers format, with Llama 3.1 as "
        "text_encoder_4 and its tokenizer as tokenizer_4",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("HiDreamImageTransformer2DModel",)),
            "text_encoder": _CLIP,
            "tokenizer": _CLIP_WORDS,
            "text_encoder_2": _CLIP,
            "tokenizer_2": _CLIP_WORDS,
            "text_encoder_3": Kind("transformers", ("T5EncoderModel",)),
            "tokenizer_3": Kind("transformers", ("T5Tokenizer", "T5TokenizerFast")),
            "text_encoder_4": Kind("transformers", ("LlamaForCausalLM",)),
            "tokenizer_4": Kind("transformers", _LLAMA_WORDS),
        },
        precision=Precision("bfloat16", found="float16 overflows in T5"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers, or those of a distilled network.

        Dev and Fast are known by their scheduler. The largest side is that of the largest square:
        longer ones would fit in narrow pictures only.
        """
        config, stride = parts["transformer"].config, stride_of(parts["vae"])
        side = min(config.max_resolution)
        few = type(parts["scheduler"]).__name__ == "FlowMatchLCMScheduler"
        return generic_card(
            "HiDream-I1, few steps" if few else "HiDream-I1",
            side=side * stride,
            largest=side * stride,
            cells=(side // config.patch_size) ** 2,
            edits=few_step_edits(FEW.steps) if few else edits("flowedit", {}),
            sampling=FEW if few else FULL,
            precision=cls.kinds.precision,
        )

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline does: the scheduler spaces its levels, whatever the size."""
        shift = {"mu": MU} if config.get("use_dynamic_shifting") else {}
        return {"num_inference_steps": steps, **shift}

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the states of T5 and of all layers of Llama, padding too, and CLIP's vectors."""
        t5, _, llama, _, pooled, _ = self._pipeline.encode_prompt(
            prompts, device=self.device, do_classifier_free_guidance=False
        )
        return Conditioning(tuple(prompts), t5, pooled, further={LLAMA: llama.transpose(0, 1)})

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of T5; what it did not read is told apart from what nobody has."""
        t5, llama = self._parts["tokenizer_3"], self._parts["tokenizer_4"]
        found, row = tokenize(t5, prompt), tokenize(llama, prompt).input_ids
        notes = []
        if lost := read_cut(t5, found.input_ids, tokens):
            notes.append(f"T5 reads {tokens} tokens: {lost!r} was read by Llama at best")
        if len(row) > tokens:
            notes.append(describe_cut(shorten(llama.decode(row[tokens:])), tokens))
        return PromptReading(find_words(prompt, found, tokens), tuple(notes))

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``.

        The words are those of T5; two layers of Llama stand behind them, without words.
        """
        refuse_compiled(self.network)
        config, grid, words = self._network.config, self.grid(z), text.embeddings.shape[1]
        cells = grid[0] * grid[1]
        filled = cells if grid[0] == grid[1] else int(self._network.max_seq)
        layer = Layer(
            "joint",
            grid,
            slice(0, cells),
            slice(filled, filled + words),
            padding=2 * text.further[LLAMA].shape[2],
        )
        return (layer,) * int(config.num_layers + config.num_single_layers)

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        assert text.pooled is not None
        answer: Tensor = self._network(
            hidden_states=x,
            timesteps=times,
            encoder_hidden_states_t5=text.embeddings.to(x),
            encoder_hidden_states_llama3=text.further[LLAMA].transpose(0, 1).to(x),
            pooled_embeds=text.pooled.to(x),
        ).sample
        return -answer


FAMILY = HiDream.family()
