"""CogView4: joint attention of picture and text, told its time before the shift (Zhipu AI, 2025).

The text is what GLM says last but one. It is filled up to whole 16s ahead, and all of that is read,
so prompts of different lengths are asked about apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textseg.backends.autoencoders import stride_of
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.ragged import ask_by_length, side_by_side
from textseg.backends.tokens import describe_cut, find_words, read_cut, tokenize
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning
from textseg.errors import UnsupportedError

LENGTH = 1024  # tokens, at most
FILLED = 16  # tokens; both of the pipeline
_TOKENIZERS = ("PreTrainedTokenizerFast", "TokenizersBackend")


class CogView4(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a CogView4 pipeline; without state."""

    pipeline_class = "CogView4Pipeline"
    kinds = Kinds(
        title="CogView4 text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("CogView4Transformer2DModel",)),
            "text_encoder": Kind("transformers", ("GlmModel",)),
            "tokenizer": Kind("transformers", _TOKENIZERS),
        },
        precision=Precision("bfloat16", found="the precision of its model card"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers."""
        config = parts["transformer"].config
        side = int(config.sample_size)
        return generic_card(
            "CogView4",
            side=side * stride_of(parts["vae"]),
            cells=(side // config.patch_size) ** 2,
            edits=edits("flowedit", {}),
            sampling=Sampling(50, 5.0, "euler", found="defaults of diffusers' CogView4Pipeline"),
            precision=cls.kinds.precision,
        )

    @classmethod
    def ask_scheduler(
        cls, config: Mapping[str, Any], steps: int, tokens: int
    ) -> Mapping[str, object]:
        """Return what the pipeline does: whole timesteps, shifted with the size."""
        most = config["num_train_timesteps"]
        whole = np.linspace(most, 1.0, steps).astype(np.int64).astype(np.float32)
        return {"sigmas": whole / most, "mu": _mu(config, tokens)}

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the last states but one of GLM, each prompt as it is read alone."""
        rows = [self._encode(prompt) for prompt in prompts]
        return side_by_side(prompts, rows)

    def _encode(self, prompt: str) -> Tensor:
        states, _ = self._pipeline.encode_prompt(
            [prompt],
            do_classifier_free_guidance=False,
            device=self.device,
            max_sequence_length=LENGTH,
        )
        row: Tensor = states[0]
        return row

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of a prompt, behind what fills it up."""
        tokenizer = self._parts["tokenizer"]
        found = tokenize(tokenizer, prompt)
        cut = read_cut(tokenizer, found.input_ids, LENGTH)
        read = find_words(prompt, found, min(len(found.input_ids), LENGTH))
        ahead, behind = -len(read) % FILLED, tokens - -(-len(read) // FILLED) * FILLED
        words = (*(None,) * ahead, *read, *(None,) * behind) if read else ()
        return PromptReading(words, (describe_cut(cut, LENGTH),) if cut else ())

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``."""
        refuse_compiled(self.network)
        if text.mask is not None and not text.mask.all():
            raise UnsupportedError(
                f"{self.name!r} is asked about texts of different lengths apart, so that its "
                "attention cannot be seen in one call",
                hint=f"use texts that fill as many times {FILLED} tokens",
            )
        layer = Layer.joint(self.grid(z), text.embeddings.shape[1], text_first=True)
        return (layer,) * int(self._network.config.num_layers)

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        rows, columns = self.grid(x)
        scheduler = self._parts["scheduler"]
        told = 1000 * _unshifted(times / 1000, _shift(scheduler.config, rows * columns))
        return ask_by_length(self._ask_alike, x, told, text)

    def _ask_alike(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        size = times.new_tensor([side * self.latent_stride for side in x.shape[2:]])
        size = size.expand(len(x), -1)
        answer: Tensor = self._network(
            hidden_states=x,
            encoder_hidden_states=text.embeddings.to(x),
            timestep=times,
            original_size=size,
            target_size=size,
            crop_coords=torch.zeros_like(size),
        ).sample
        return answer


def _mu(config: Mapping[str, Any], tokens: int) -> float:  # Any: a config of diffusers
    """Return the shift of CogView4: a root in the number of tokens."""
    root = math.sqrt(tokens / config.get("base_image_seq_len", 256))
    return float(config.get("base_shift", 0.25) + config.get("max_shift", 0.75) * root)


def _shift(config: Mapping[str, Any], tokens: int) -> float:  # Any: a config of diffusers
    """Return m of sigma = m t / (1 - t + m t), by which the scheduler shifts its levels."""
    if not config.get("use_dynamic_shifting"):
        return float(config["shift"])
    mu = _mu(config, tokens)
    return mu if config.get("time_shift_type") == "linear" else math.exp(mu)


def _unshifted(sigma: Tensor, shift: float) -> Tensor:
    """Return t in [0, 1] of levels sigma = m t / (1 - t + m t)."""
    return sigma / (sigma + shift * (1 - sigma))


FAMILY = CogView4.family()
