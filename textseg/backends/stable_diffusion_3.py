"""Stable Diffusion 3 and 3.5: a transformer on latents, trained by flow matching.

P. Esser et al. 2024, "Scaling Rectified Flow Transformers" (arXiv:2403.03206). Text and picture are
one sequence to it (section 4); text is what two CLIP encoders say, side by side, and then T5, which
may be missing. The pipeline's own ``encode_prompt`` reads the text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from textseg.backends.autoencoders import halvings
from textseg.backends.evaluation import evaluating
from textseg.backends.family import Family
from textseg.backends.finite import check_finite
from textseg.backends.flow import Flow, line_mu
from textseg.backends.latent import LatentModel
from textseg.backends.loading import explained_memory
from textseg.backends.parts import (
    Kind,
    Kinds,
    Loaded,
    check_place,
    load_all,
    name_of,
    take_apart,
)
from textseg.backends.tokens import (
    checked_prompts,
    cut_note,
    cut_off,
    no_warnings,
    tokens_of,
    unknown_in,
    unknown_notes,
    words_of,
)
from textseg.diffusion.card import ModelCard, Precision, Sampling, read_card
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning
from textseg.errors import UnsupportedError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

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


class StableDiffusion3(LatentModel):
    """A ``DiffusionModel`` made of the parts of a Stable Diffusion 3 pipeline; without state."""

    def __init__(
        self,
        loaded: Loaded,
        pipeline: DiffusionPipeline,
        *,
        name: str,
        source: str | os.PathLike[str] = "",
    ) -> None:
        """Check that the parts fit together; ``pipeline`` has them, and reads the text.

        ``source`` is the folder that they come from, where a card of its own may lie; "" is the
        name. Raises ``UnsupportedError``.
        """
        parts = loaded.parts
        _check_channels(parts, name)
        super().__init__(
            parts["transformer"],
            parts["vae"],
            Flow.of(parts["scheduler"], _asked),
            name=name,
            device=loaded.device,
            card=read_card(Path(source or name), _card(parts)),
        )
        self._pipeline: Any = pipeline  # diffusers does not type its pipelines
        self._parts = parts

    @property
    def patch(self) -> int:
        """Latent cells that are one token, along each side."""
        return int(self._network.config.patch_size)

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts; "" is the empty prompt, read like any other.

        The tokens are those of CLIP, then those of T5, which are zeros where there is no T5. The
        notes say, per prompt, what was cut off and which words are unknown.
        """
        prompts = checked_prompts(prompts)
        encoders = [part for name, part in self._parts.items() if name.startswith("text_encoder")]
        with evaluating(*encoders), explained_memory(), no_warnings():
            states, _, pooled, _ = self._pipeline.encode_prompt(
                prompts, None, None, device=self.device, do_classifier_free_guidance=False
            )
        check_finite(states, "text encoder", model=self.name, dtype=encoders[0].dtype)
        unknown = unknown_in(prompts, self.card.language.known_words)
        told = unknown_notes(unknown, self.card.language.known_words)
        read = [_read(prompt, self._parts, tokens=states.shape[1]) for prompt in prompts]
        return Conditioning(
            prompts=tuple(prompts),
            embeddings=states.float(),
            pooled=pooled.float(),
            notes=tuple((*t, *r.notes) for t, r in zip(told, read, strict=True)),
            unknown=unknown,
            words=tuple(r.words for r in read),
        )

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``."""
        network = self.network
        refuse_compiled(network)
        rows, columns = z.shape[2:]
        grid = rows // self.patch, columns // self.patch
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


@dataclass(frozen=True)
class _Read:
    """Of one prompt: which word each token belongs to, and remarks on what was cut off."""

    words: tuple[int | None, ...]
    notes: tuple[str, ...]


def _read(prompt: str, parts: Mapping[str, Any], *, tokens: int) -> _Read:  # Any: as in Loaded
    tokenizers = [parts["tokenizer"], parts["tokenizer_2"]]
    length, third = int(tokenizers[0].model_max_length), parts.get("tokenizer_3")
    clip = [tokens_of(tokenizer, prompt) for tokenizer in tokenizers]
    first, second = (words_of(prompt, each, length) for each in clip)
    lost = [
        cut_off(tokenizer, each.input_ids, length)
        for tokenizer, each in zip(tokenizers, clip, strict=True)
    ]
    rest = tokens - length  # of T5
    last: tuple[int | None, ...] = (None,) * rest
    if third is None:
        notes = [cut_note(text, length) for text in lost if text]
    else:
        notes = [
            f"CLIP reads {length} tokens: {text!r} was read by T5 alone" for text in lost if text
        ]
        t5 = tokens_of(third, prompt)
        last = words_of(prompt, t5, rest)
        if unread := cut_off(third, t5.input_ids, rest):
            notes.append(cut_note(unread, rest))
    known = first and last and first == second
    return _Read((*first, *last) if known else (), tuple(dict.fromkeys(notes)))


def _asked(config: Mapping[str, Any], steps: int, tokens: int) -> Mapping[str, object]:
    # Any: a config of diffusers; what the pipeline hands to its scheduler
    if not config.get("use_dynamic_shifting"):
        return {"num_inference_steps": steps}
    return {"num_inference_steps": steps, "mu": line_mu(config, tokens, max_shift=MAX_SHIFT)}


def _card(parts: Mapping[str, Any]) -> ModelCard:  # Any: as in Loaded
    config = parts["transformer"].config
    side = int(config.sample_size)
    stride = halvings(parts["vae"].config.block_out_channels)
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
    )


def _check_channels(parts: Mapping[str, Any], name: str) -> None:  # Any: as in Loaded
    config, latent = parts["transformer"].config, parts["vae"].config.latent_channels
    if (config.in_channels, config.out_channels) != (latent, latent):
        raise UnsupportedError(
            f"the model {name!r} is not supported: its transformer takes {config.in_channels} "
            f"channels and returns {config.out_channels}, where the latents have {latent}",
            hint=f"use {KINDS.title}, but not their inpainting variants",
        )


def load_sd3_model(
    source: str | os.PathLike[str],
    *,
    device: str = "auto",
    dtype: str = "auto",
    local_files_only: bool = False,
    name: str | None = None,
) -> StableDiffusion3:
    """Load a diffusers folder or hub id; arguments as ``load_family`` takes them.

    ``dtype`` "auto" is float32 on a cpu, bfloat16 elsewhere. Raises ``ModelError`` and
    ``UnsupportedError``.
    """
    from diffusers import StableDiffusion3Pipeline

    loaded = load_all(source, KINDS, device=device, dtype=dtype, local_files_only=local_files_only)
    parts = {part: loaded.parts.get(part) for part in (*KINDS.parts, "scheduler")}
    return StableDiffusion3(
        loaded,
        StableDiffusion3Pipeline(**parts),
        name=name or str(source),
        source=source,
    )


def wrap_sd3_pipeline(
    pipeline: DiffusionPipeline, *, device: str = "auto", dtype: str = "auto"
) -> StableDiffusion3:
    """Use a loaded pipeline where it is and as it is; nothing in it is changed.

    Raises ``InvalidInputError`` when ``device`` or ``dtype`` ask for something other than what it
    has.
    """
    loaded = take_apart(pipeline, KINDS)
    check_place(device, dtype, has=loaded.device, in_dtype=loaded.parts["transformer"].dtype)
    return StableDiffusion3(loaded, pipeline, name=name_of(pipeline))


FAMILY = Family(load_sd3_model, wrap_sd3_pipeline)
