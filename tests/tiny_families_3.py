"""Tiny checkpoints of FLUX.2, HunyuanImage 2.1 and HiDream-I1."""

from __future__ import annotations

from typing import Any

from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
    HiDreamImagePipeline,
    HiDreamImageTransformer2DModel,
    HunyuanImagePipeline,
    HunyuanImageTransformer2DModel,
)
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as Decoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import TemplateProcessing
from transformers import (
    ByT5Tokenizer,
    CLIPTextModelWithProjection,
    LlamaConfig,
    LlamaForCausalLM,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5EncoderModel,
)

from tests.tiny_families import (
    build_kl,
    build_qwen_tokenizer,
    build_vae_flux2,
    build_vae_hunyuan,
    quiet,
)
from tests.tiny_parts import (
    T5_SIZES,
    TEXT_WIDTH,
    build_t5,
    build_t5_tokenizer,
    build_text_config,
    build_tokenizer,
    stir,
)

SPECIALS = ("<pad>", "<s>", "</s>")
VOCABULARY = {token: k for k, token in enumerate((*SPECIALS, *sorted(ByteLevel.alphabet())))}
CHAT = (
    "{{ bos_token or '' }}{% for m in messages %}[{{ m.role }}] {% if m.content is string %}"
    "{{ m.content }}{% else %}{% for c in m.content %}{{ c.text }}{% endfor %}{% endif %} [end]"
    "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
LANGUAGE_MODEL: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": len(VOCABULARY),
    "pad_token_id": 0,
}


def build_llama_tokenizer(*, side: str = "right", length: int = 2000) -> PreTrainedTokenizerFast:
    """Bytes, each a token, after a beginning of the text."""
    tokenizer = Tokenizer(BPE(vocab=VOCABULARY, merges=[]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = Decoder()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", VOCABULARY["<s>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        model_max_length=length,
        padding_side=side,
        chat_template=CHAT,
    )


def build_flux2_transformer(*, guidance_embeds: bool) -> Flux2Transformer2DModel:
    return stir(
        Flux2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=3 * LANGUAGE_MODEL["hidden_size"],
            timestep_guidance_channels=32,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=guidance_embeds,
        ).eval()
    )


def build_flux2() -> Flux2Pipeline:
    """As dev has it, but for the processor around its tokenizer, which needs torchvision."""

    def build() -> Flux2Pipeline:
        config = Mistral3Config(
            text_config={
                "model_type": "mistral",
                "head_dim": 8,
                "num_hidden_layers": 30,
                **LANGUAGE_MODEL,
            },
            vision_config={
                "model_type": "pixtral",
                "hidden_size": 16,
                "intermediate_size": 16,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
            },
        )
        return Flux2Pipeline(
            transformer=build_flux2_transformer(guidance_embeds=True),
            scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
            vae=build_vae_flux2(),
            text_encoder=Mistral3ForConditionalGeneration(config).eval(),
            tokenizer=build_llama_tokenizer(side="left"),
        )

    return quiet(build)


def build_klein(
    *, is_distilled: bool = False, kind: type[Flux2KleinPipeline] = Flux2KleinPipeline
) -> Flux2KleinPipeline:
    def build() -> Flux2KleinPipeline:
        config = Qwen3Config(head_dim=8, num_hidden_layers=27, **LANGUAGE_MODEL)
        return kind(
            transformer=build_flux2_transformer(guidance_embeds=False),
            scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
            vae=build_vae_flux2(),
            text_encoder=Qwen3ForCausalLM(config).eval(),
            tokenizer=build_qwen_tokenizer(chat_template=CHAT),
            is_distilled=is_distilled,
        )

    return quiet(build)


def build_hunyuan_image(
    kind: type[HunyuanImagePipeline] = HunyuanImagePipeline, **network: Any
) -> HunyuanImagePipeline:
    def build() -> HunyuanImagePipeline:
        rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6}
        text = {**LANGUAGE_MODEL, "num_hidden_layers": 3, "rope_parameters": rope}
        sizes = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2}
        vision = {**sizes, "out_hidden_size": 16}
        letters = ByT5Tokenizer()
        return kind(
            transformer=stir(
                HunyuanImageTransformer2DModel(
                    in_channels=4,
                    out_channels=4,
                    num_attention_heads=4,
                    attention_head_dim=8,
                    num_layers=1,
                    num_single_layers=1,
                    num_refiner_layers=1,
                    patch_size=(1, 1),
                    text_embed_dim=LANGUAGE_MODEL["hidden_size"],
                    text_embed_2_dim=T5_SIZES["d_model"],
                    rope_axes_dim=(4, 4),
                    **network,
                ).eval()
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0),
            vae=build_vae_hunyuan(),
            text_encoder=Qwen2_5_VLForConditionalGeneration(
                Qwen2_5_VLConfig(text_config=text, vision_config=vision)
            ).eval(),
            tokenizer=build_qwen_tokenizer(),
            text_encoder_2=T5EncoderModel(T5Config(vocab_size=len(letters), **T5_SIZES)).eval(),
            tokenizer_2=letters,
        )

    return quiet(build)


def build_hidream(kind: type[HiDreamImagePipeline] = HiDreamImagePipeline) -> HiDreamImagePipeline:
    def build() -> HiDreamImagePipeline:
        first, second, third = build_tokenizer(), build_tokenizer(), build_t5_tokenizer()
        clip = build_text_config(first)
        clip.max_position_embeddings = 128
        return kind(
            transformer=stir(
                HiDreamImageTransformer2DModel(
                    patch_size=2,
                    in_channels=4,
                    out_channels=4,
                    num_layers=1,
                    num_single_layers=1,
                    attention_head_dim=8,
                    num_attention_heads=4,
                    caption_channels=[T5_SIZES["d_model"], LANGUAGE_MODEL["hidden_size"]],
                    text_emb_dim=2 * TEXT_WIDTH,
                    axes_dims_rope=(4, 2, 2),
                    max_resolution=(40, 40),
                    llama_layers=(0, 1),
                ).eval()
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=build_kl(),
            text_encoder=CLIPTextModelWithProjection(clip).eval(),
            tokenizer=first,
            text_encoder_2=CLIPTextModelWithProjection(clip).eval(),
            tokenizer_2=second,
            text_encoder_3=build_t5(third),
            tokenizer_3=third,
            text_encoder_4=LlamaForCausalLM(
                LlamaConfig(num_hidden_layers=2, attn_implementation="eager", **LANGUAGE_MODEL)
            ).eval(),
            tokenizer_4=build_llama_tokenizer(),
        )

    return quiet(build)
