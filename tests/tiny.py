"""Tiny random-weight checkpoints of the real classes, one for each supported family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AuraFlowPipeline,
    AuraFlowTransformer2DModel,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    UMT5Config,
    UMT5EncoderModel,
)

from tests.tiny_families import build_chroma, build_flux, build_qwen, build_z_image
from tests.tiny_families_2 import MORE
from tests.tiny_families_3 import build_flux2, build_hidream, build_hunyuan_image, build_klein
from tests.tiny_parts import (
    T5_SIZES,
    TEXT_WIDTH,
    build_scheduler,
    build_t5,
    build_t5_tokenizer,
    build_text_config,
    build_tokenizer,
    build_unet,
    build_vae,
    stir,
)
from tests.tiny_seeing import build_fill, build_inpainting, build_inpainting_xl, build_kontext


def build_sd(
    *, scheduler: Any = None, unet: Mapping[str, Any] | None = None, **vae: Any
) -> StableDiffusionPipeline:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tokenizer = build_tokenizer()
        pipeline = StableDiffusionPipeline(
            vae=build_vae(**vae),
            unet=build_unet(**(unet or {})),
            text_encoder=CLIPTextModel(build_text_config(tokenizer)).eval(),
            tokenizer=tokenizer,
            scheduler=scheduler or build_scheduler(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def build_sd2(**options: Any) -> StableDiffusionPipeline:
    """Predicts v, starts from pure noise, ends at the clean picture."""
    scheduler = build_scheduler(
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
    )
    return build_sd(**{"scheduler": scheduler, **options})


def build_xl(
    *, force_zeros_for_empty_prompt: bool = True, **options: Any
) -> StableDiffusionXLPipeline:
    """``options`` are the UNet's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second = build_tokenizer(), build_tokenizer(pad_token="!")
        unet = build_unet(
            cross_attention_dim=2 * TEXT_WIDTH,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + TEXT_WIDTH,
            transformer_layers_per_block=(1, 2),
            use_linear_projection=True,
            **options,
        )
        pipeline = StableDiffusionXLPipeline(
            vae=build_vae(scaling_factor=0.13),
            unet=unet,
            text_encoder=CLIPTextModel(build_text_config(first)).eval(),
            text_encoder_2=CLIPTextModelWithProjection(build_text_config(second)).eval(),
            tokenizer=first,
            tokenizer_2=second,
            scheduler=build_scheduler(set_alpha_to_one=True),
            force_zeros_for_empty_prompt=force_zeros_for_empty_prompt,
            add_watermarker=False,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def build_sd3(*, t5: bool = True, transformer: Mapping[str, Any] | None = None, **scheduler: Any):
    settings = {
        "sample_size": 16,
        "patch_size": 2,
        "in_channels": 16,
        "out_channels": 16,
        "num_layers": 2,
        "attention_head_dim": 8,
        "num_attention_heads": 4,
        "caption_projection_dim": 32,
        "joint_attention_dim": 3 * TEXT_WIDTH,
        "pooled_projection_dim": 2 * TEXT_WIDTH,
        "pos_embed_max_size": 20,
        "dual_attention_layers": (0,),
        "qk_norm": "rms_norm",
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second, third = build_tokenizer(), build_tokenizer(pad_token="!"), None
        if t5:
            third = build_t5_tokenizer()
        pipeline = StableDiffusion3Pipeline(
            transformer=stir(SD3Transformer2DModel(**{**settings, **(transformer or {})}).eval()),
            scheduler=FlowMatchEulerDiscreteScheduler(**(scheduler or {"shift": 3.0})),
            vae=build_vae(latent_channels=16, scaling_factor=1.5305, shift_factor=0.0609),
            text_encoder=CLIPTextModelWithProjection(build_text_config(first)).eval(),
            tokenizer=first,
            text_encoder_2=CLIPTextModelWithProjection(build_text_config(second)).eval(),
            tokenizer_2=second,
            text_encoder_3=build_t5(third) if third else None,
            tokenizer_3=third,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def build_aura() -> AuraFlowPipeline:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tokenizer = build_t5_tokenizer()
        settings = {**T5_SIZES, "vocab_size": len(tokenizer)}
        pipeline = AuraFlowPipeline(
            transformer=stir(
                AuraFlowTransformer2DModel(
                    sample_size=16,
                    patch_size=2,
                    in_channels=4,
                    out_channels=4,
                    num_mmdit_layers=1,
                    num_single_dit_layers=1,
                    attention_head_dim=8,
                    num_attention_heads=4,
                    caption_projection_dim=32,
                    joint_attention_dim=T5_SIZES["d_model"],
                    pos_embed_max_size=20 * 20,
                ).eval()
            ),
            scheduler=FlowMatchEulerDiscreteScheduler(shift=1.73),
            vae=build_vae(scaling_factor=0.13),
            text_encoder=UMT5EncoderModel(UMT5Config(**settings)).eval(),
            tokenizer=tokenizer,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


FAMILIES: Mapping[str, Callable[[], DiffusionPipeline]] = {
    "sd1": build_sd,
    "sd2": build_sd2,
    "xl": build_xl,
    "sd3": build_sd3,
    "aura": build_aura,
    "flux": build_flux,
    "chroma": build_chroma,
    "qwen": build_qwen,
    "z_image": build_z_image,
    "flux2": build_flux2,
    "klein": build_klein,
    "hunyuan_image": build_hunyuan_image,
    "hidream": build_hidream,
    "inpainting": build_inpainting,
    "inpainting_xl": build_inpainting_xl,
    "kontext": build_kontext,
    "fill": build_fill,
    **MORE,
}


def network_of(pipeline: Any) -> Any:
    """What denoises: the UNet or the transformer."""
    return getattr(pipeline, "unet", None) or pipeline.transformer


def block_of(network: Any) -> Any:
    """A part of a network that every answer goes through."""
    blocks = (
        "mid_block",
        "transformer_blocks",
        "joint_transformer_blocks",
        "double_stream_blocks",
        "blocks",
        "layers",
        "down_blocks",
        "up_blocks",
    )
    found = next(getattr(network, name) for name in blocks if getattr(network, name, None))
    return found[0] if isinstance(found, torch.nn.ModuleList) else found


def change_weights(part: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the one safetensors file in the folder of a network."""
    (file,) = part.glob("*.safetensors")
    weights = load_file(file)
    change(weights)
    save_file(weights, file, metadata={"format": "pt"})


def drop_a_bias(part: Path) -> str:
    """Take a single bias from the checkpoint of a network, and return its name."""
    dropped: list[str] = []

    def drop(weights: dict[str, torch.Tensor]) -> None:
        dropped.append(next(name for name in sorted(weights) if name.endswith(".bias")))
        del weights[dropped[0]]

    change_weights(part, drop)
    return dropped[0]


def in_training(pipeline: Any) -> Any:
    """The pipeline in training mode, with dropout wherever its networks have a place for it."""
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            with_dropout(part).train()
    return pipeline


def with_dropout(network: Any) -> Any:
    """The network with half of everything dropped while it is trained."""
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
        elif isinstance(vars(module).get("dropout"), float):  # of the attention of CLIP
            module.dropout = 0.5
    return network
