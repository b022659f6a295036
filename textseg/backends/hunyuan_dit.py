"""HunyuanDiT: a transformer on latents that reads a bilingual CLIP and T5 (arXiv:2405.08748).

It predicts v (section 2.4), and its variance besides, which no step here needs. It was trained with
a token of its own in the place of all padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from textseg.backends.autoencoders import stride_of
from textseg.backends.parts import Kind, Kinds
from textseg.backends.pipelines import PipelineModel, PromptReading
from textseg.backends.processes import VariancePreserving
from textseg.backends.tokens import describe_cut, find_words, read_cut, tokenize
from textseg.diffusion.card import ModelCard, Precision, Sampling
from textseg.diffusion.generic import edits, generic_card
from textseg.diffusion.layers import Layer, refuse_compiled
from textseg.diffusion.model import Conditioning

LENGTHS = 77, 256  # tokens that BERT and T5 read; of the pipeline
TRAINED = 1024  # pixels a side, which the pipeline tells as the size that a picture had
ROTARY_CELLS = 64  # latent cells a side that its positions are laid out over: 512 pixels


class HunyuanDiT(PipelineModel):
    """A ``DiffusionModel`` made of the parts of a HunyuanDiT pipeline; without state."""

    pipeline_class = "HunyuanDiTPipeline"
    make_process = VariancePreserving.of
    pipeline_options = {  # noqa: RUF012  # never changed
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }
    kinds = Kinds(
        title="HunyuanDiT text-to-image checkpoints in diffusers format",
        parts={
            "vae": Kind("diffusers", ("AutoencoderKL",)),
            "transformer": Kind("diffusers", ("HunyuanDiT2DModel",)),
            "text_encoder": Kind("transformers", ("BertModel",)),
            "tokenizer": Kind("transformers", ("BertTokenizer", "BertTokenizerFast")),
            "text_encoder_2": Kind("transformers", ("T5EncoderModel",)),
            "tokenizer_2": Kind("transformers", ("T5Tokenizer", "T5TokenizerFast")),
        },
        precision=Precision("float16", found="the precision of its model card"),
    )

    @classmethod
    def make_card(cls, parts: Mapping[str, Any]) -> ModelCard:  # Any: classes of diffusers
        """Return the pipeline's own numbers."""
        config = parts["transformer"].config
        side = int(config.sample_size)
        return generic_card(
            "HunyuanDiT",
            side=side * stride_of(parts["vae"]),
            cells=(side // config.patch_size) ** 2,
            edits=edits("diffedit", {}),
            sampling=Sampling(
                50,
                5.0,
                "euler",
                found="defaults of diffusers' HunyuanDiTPipeline; euler: the steps of DDIM",
            ),
            precision=cls.kinds.precision,
        )

    def encode_prompts(self, prompts: list[str]) -> Conditioning:
        """Return the tokens of BERT, filled up to the width of T5, then those of T5."""
        read = [self._encode(prompts, encoder) for encoder in range(len(LENGTHS))]
        width = max(states.shape[2] for states, _ in read)
        states = [pad(states, (0, width - states.shape[2])) for states, _ in read]
        masks = torch.cat([mask for _, mask in read], dim=1)
        return Conditioning(tuple(prompts), torch.cat(states, dim=1), mask=masks.bool())

    def _encode(self, prompts: list[str], encoder: int) -> tuple[Tensor, Tensor]:
        states, _, mask, _ = self._pipeline.encode_prompt(
            prompts,
            do_classifier_free_guidance=False,
            device=self.device,
            max_sequence_length=LENGTHS[encoder],
            text_encoder_index=encoder,
        )
        return states, mask

    def read_prompt(self, prompt: str, tokens: int) -> PromptReading:
        """Return the words of both; what only T5 has read is told apart from what nobody has."""
        (bert, t5), notes = (self._parts[name] for name in ("tokenizer", "tokenizer_2")), []
        found = [tokenize(tokenizer, prompt) for tokenizer in (bert, t5)]
        if lost := read_cut(bert, found[0].input_ids, LENGTHS[0]):
            notes.append(f"BERT reads {LENGTHS[0]} tokens: {lost!r} was read by T5 alone")
        if lost := read_cut(t5, found[1].input_ids, LENGTHS[1]):
            notes.append(describe_cut(lost, LENGTHS[1]))
        words = [find_words(prompt, *each) for each in zip(found, LENGTHS, strict=True)]
        return PromptReading((*words[0], *words[1]) if all(words) else (), tuple(notes))

    def attention_layers(self, z: Tensor, text: Conditioning) -> tuple[Layer, ...]:
        """Return the attentions of the transformer, in their order; see ``Attentive``."""
        refuse_compiled(self.network)
        grid = self.grid(z)
        block = (Layer.own(grid), Layer.cross(grid, text.embeddings.shape[1]))
        return block * int(self._network.config.num_layers)

    def _ask(self, x: Tensor, times: Tensor, text: Conditioning) -> Tensor:
        assert text.mask is not None
        config, (bert, t5) = self._network.config, text.embeddings.to(x).split(LENGTHS, dim=1)
        t5 = t5[..., : config.cross_attention_dim_t5].contiguous()  # the network takes views of it
        bert_mask, t5_mask = text.mask.split(LENGTHS, dim=1)
        height, width = (side * self.latent_stride for side in x.shape[2:])
        # original size, target size, top left corner of the crop: a whole picture
        sizes = x.new_tensor([[TRAINED, TRAINED, height, width, 0, 0]])
        answer: Tensor = self._network(
            x,
            times.to(x),  # all its embeddings are in the precision of this
            encoder_hidden_states=bert[..., : config.cross_attention_dim],
            text_embedding_mask=bert_mask,
            encoder_hidden_states_t5=t5,
            text_embedding_mask_t5=t5_mask,
            image_meta_size=sizes.repeat(len(x), 1),
            style=torch.zeros(len(x), dtype=torch.long, device=x.device),
            image_rotary_emb=self._positions(self.grid(x)),
        ).sample
        return answer[:, : self.latent_channels]

    def _positions(self, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
        from diffusers.models.embeddings import get_2d_rotary_pos_embed
        from diffusers.pipelines.hunyuandit.pipeline_hunyuandit import (
            get_resize_crop_region_for_grid,
        )

        region = get_resize_crop_region_for_grid(grid, ROTARY_CELLS // self.patch)
        config = self._network.config
        sines: tuple[Tensor, Tensor] = get_2d_rotary_pos_embed(
            config.attention_head_dim, region, grid, device=self.device, output_type="pt"
        )
        return sines


FAMILY = HunyuanDiT.family()
