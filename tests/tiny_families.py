"""Tiny checkpoints of the transformers on latents, and of their own autoencoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLHunyuanImage,
    AutoencoderKLQwenImage,
    ChromaPipeline,
    ChromaTransformer2DModel,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPTextModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3Model,
)

from tests.tiny_parts import (
    T5_SIZES,
    TEXT_WIDTH,
    build_t5,
    build_t5_tokenizer,
    build_text_config,
    build_tokenizer,
    build_vae,
    stir,
)

P = TypeVar("P", bound=DiffusionPipeline)
DYNAMIC = {"use_dynamic_shifting": True, "shift": 3.0}  # by default along the line of FLUX.1


def quiet(build: Callable[[], P]) -> P:
    """The pipeline, always with the same weights, and without a bar."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipeline = build()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def build_kl() -> AutoencoderKL:
    return build_vae(scaling_factor=0.3611, shift_factor=0.1159)


def build_flux(
    *,
    scheduler: Mapping[str, Any] = DYNAMIC,
    guidance_embeds: bool = True,
    channels: tuple[int, int | None] = (16, None),
) -> FluxPipeline:
    """As dev has it; ``channels`` are those that the transformer takes and gives."""

    def build() -> FluxPipeline:
        first, second = build_tokenizer(), build_t5_tokenizer()
        return FluxPipeline(
            transformer=stir(
                FluxTransformer2DModel(
                    in_channels=channels[0],
                    out_channels=channels[1],
                    num_layers=1,
                    num_single_layers=1,
                    attention_head_dim=16,
                    num_attention_heads=2,
                    joint_attention_dim=T5_SIZES["d_model"],
                    pooled_projection_dim=TEXT_WIDTH,
                    axes_dims_rope=(4, 4, 8),
                    guidance_embeds=guidance_embeds,
                ).eval()
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(**scheduler),
            vae=build_kl(),
            text_encoder=CLIPTextModel(build_text_config(first)).eval(),
            tokenizer=first,
            text_encoder_2=build_t5(second),
            tokenizer_2=second,
        )

    return quiet(build)


def build_schnell() -> FluxPipeline:
    return build_flux(scheduler={"shift": 1.0}, guidance_embeds=False)


def build_chroma(kind: type[ChromaPipeline] = ChromaPipeline) -> ChromaPipeline:
    def build() -> ChromaPipeline:
        tokenizer = build_t5_tokenizer()
        return kind(
            transformer=stir(
                ChromaTransformer2DModel(
                    in_channels=16,
                    num_layers=1,
                    num_single_layers=1,
                    attention_head_dim=16,
                    num_attention_heads=2,
                    joint_attention_dim=T5_SIZES["d_model"],
                    axes_dims_rope=(4, 4, 8),
                    approximator_hidden_dim=32,
                    approximator_layers=1,
                    approximator_num_channels=16,
                ).eval()
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(**DYNAMIC),
            vae=build_kl(),
            text_encoder=build_t5(tokenizer),
            tokenizer=tokenizer,
        )

    return quiet(build)


def build_qwen_tokenizer(**options: Any) -> Qwen2Tokenizer:
    """A token for each byte, but for those that a template is made of."""
    alphabet = sorted(ByteLevel.alphabet())
    special = ["<|im_start|>", "<|im_end|>"]
    return Qwen2Tokenizer(
        vocab={token: k for k, token in enumerate(["<|endoftext|>", *alphabet])},
        extra_special_tokens=special,
        **options,
    )


def build_qwen() -> QwenImagePipeline:
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6}
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2}

    def build() -> QwenImagePipeline:
        tokenizer = build_qwen_tokenizer()
        text = {**sizes, **heads, "vocab_size": len(tokenizer), "rope_parameters": rope}
        return QwenImagePipeline(
            transformer=stir(
                QwenImageTransformer2DModel(
                    in_channels=16,
                    out_channels=4,
                    num_layers=2,
                    attention_head_dim=16,
                    num_attention_heads=2,
                    joint_attention_dim=16,
                    axes_dims_rope=(8, 4, 4),
                ).eval()
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(**DYNAMIC, shift_terminal=0.02),
            vae=build_vae_qwen(),
            text_encoder=Qwen2_5_VLForConditionalGeneration(
                Qwen2_5_VLConfig(text_config=text, vision_config={**vision, "out_hidden_size": 16})
            ).eval(),
            tokenizer=tokenizer,
        )

    return quiet(build)


def build_z_image() -> ZImagePipeline:
    chat = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )

    def build() -> ZImagePipeline:
        tokenizer = build_qwen_tokenizer(chat_template=chat)
        transformer = ZImageTransformer2DModel(
            in_channels=4,
            dim=32,
            n_layers=2,
            n_refiner_layers=2,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=16,
            axes_dims=[8, 4, 4],
            axes_lens=[1024, 64, 64],
        ).eval()
        for token in (transformer.x_pad_token, transformer.cap_pad_token):
            torch.nn.init.zeros_(token)  # older diffusers leave in them what lay in memory
        return ZImagePipeline(
            transformer=stir(transformer),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=build_kl(),
            text_encoder=Qwen3Model(
                Qwen3Config(
                    hidden_size=16,
                    intermediate_size=16,
                    num_hidden_layers=3,
                    num_attention_heads=2,
                    num_key_value_heads=2,
                    vocab_size=len(tokenizer),
                    head_dim=8,
                )
            ).eval(),
            tokenizer=tokenizer,
        )

    return quiet(build)


def build_vae_dc() -> AutoencoderDC:
    """Halves the sides twice, as deep compression of SANA does five times."""
    blocks, widths = ("ResBlock", "ResBlock", "EfficientViTBlock"), (8, 8, 8)
    return AutoencoderDC(
        in_channels=3,
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=blocks,
        decoder_block_types=blocks,
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        encoder_qkv_multiscales=((), (), (5,)),
        decoder_qkv_multiscales=((), (), (5,)),
        encoder_layers_per_block=(1, 1, 1),
        decoder_layers_per_block=(1, 1, 1),
        downsample_block_type="conv",
        upsample_block_type="interpolate",
        decoder_norm_types="rms_norm",
        decoder_act_fns="silu",
        scaling_factor=0.41407,
    ).eval()


def build_vae_qwen() -> AutoencoderKLQwenImage:
    return AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 2],
        num_res_blocks=1,
        temperal_downsample=[True],
        latents_mean=[0.3, -0.2, 0.1, 0.0],
        latents_std=[1.5, 0.8, 1.2, 2.0],
    ).eval()


def build_vae_flux2() -> AutoencoderKLFlux2:
    """With statistics of patches that differ, as training leaves them."""
    vae = AutoencoderKLFlux2(
        sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 16),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
    ).eval()
    vae.bn.running_mean.copy_(torch.linspace(-1, 1, 16))
    vae.bn.running_var.copy_(torch.linspace(0.5, 2, 16))
    return vae


def build_vae_hunyuan() -> AutoencoderKLHunyuanImage:
    return AutoencoderKLHunyuanImage(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=(32, 64),
        layers_per_block=1,
        spatial_compression_ratio=2,
        sample_size=32,
        scaling_factor=0.476986,
        downsample_match_channel=True,
        upsample_match_channel=True,
    ).eval()
