"""A tiny Kolors checkpoint, whose text encoder and tokenizer are files of diffusers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import EulerDiscreteScheduler
from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline
from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig, ChatGLMModel
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from tests.tiny_families import quiet
from tests.tiny_families_2 import build_glm_tokenizer
from tests.tiny_parts import TEXT_WIDTH, build_unet, build_vae, stir

KOLORS_SCHEDULER: Mapping[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.014,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1100,
    "steps_offset": 1,
    "timestep_spacing": "leading",
}


class ChatGLMTokenizer(PreTrainedTokenizerFast):
    """Pads ahead and counts its tokens, as the one of this name does, which needs sentencepiece."""

    __module__ = "diffusers.pipelines.kolors.tokenizer"  # a class of one's own counts as its base

    def __call__(self, *args: Any, **options: Any) -> Any:
        found = super().__call__(*args, **options)
        if isinstance(found["attention_mask"], Tensor):
            found["position_ids"] = (found["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        return found


def emptied(network: ChatGLMModel) -> ChatGLMModel:
    """The network with zeros for weights, which are whatever stood in memory."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
    return network


def build_kolors(kind: type[KolorsPipeline] = KolorsPipeline) -> KolorsPipeline:
    """In memory only, for its tokenizer is another one."""

    def build() -> KolorsPipeline:
        plain = build_glm_tokenizer()
        tokenizer = ChatGLMTokenizer(
            tokenizer_object=plain.backend_tokenizer,
            pad_token=plain.pad_token,
            unk_token=plain.unk_token,
            padding_side="left",
        )
        encoder = ChatGLMConfig(
            num_layers=3,
            padded_vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            ffn_hidden_size=32,
            kv_channels=8,
            num_attention_heads=4,
            seq_length=256,
            multi_query_attention=True,
            multi_query_group_num=2,
            add_qkv_bias=True,
            rmsnorm=True,
            post_layer_norm=True,
            original_rope=True,
        )
        return kind(
            unet=build_unet(
                cross_attention_dim=16,
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=TEXT_WIDTH + 6 * 8,
                encoder_hid_dim=TEXT_WIDTH,
                encoder_hid_dim_type="text_proj",
            ),
            scheduler=EulerDiscreteScheduler(**KOLORS_SCHEDULER),
            vae=build_vae(scaling_factor=0.13025),
            text_encoder=stir(emptied(ChatGLMModel(encoder).eval())),
            tokenizer=tokenizer,
        )

    return quiet(build)
