"""Tiny random-weight checkpoints of the real classes, one for each supported family."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AuraFlowPipeline,
    AuraFlowTransformer2DModel,
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

TEXT_LENGTH = 24
TEXT_WIDTH = 32
T5_SIZES: Mapping[str, Any] = {
    "d_model": 3 * TEXT_WIDTH,
    "d_ff": 37,
    "d_kv": 8,
    "num_heads": 4,
    "num_layers": 2,
    "feed_forward_proj": "gated-gelu",
}
SD_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def build_tokenizer(*, pad_token: str = "<|endoftext|>") -> CLIPTokenizer:
    """A byte-pair tokenizer of single characters, in which only "tree" is one token."""
    start, end = "<|startoftext|>", "<|endoftext|>"
    characters = [*string.ascii_lowercase, *string.digits, *"!',.-"]
    merged = ["tr", "ee</w>", "tree</w>"]
    tokens = [start, end, *characters, *(c + "</w>" for c in characters), *merged]
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=[("t", "r"), ("e", "e</w>"), ("tr", "ee</w>")],
        model_max_length=TEXT_LENGTH,
        pad_token=pad_token,
    )


def build_scheduler(**options: Any) -> DDIMScheduler:
    settings = {**SD_BETAS, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
    return DDIMScheduler(**{**settings, **options})


def build_unet(**options: Any) -> UNet2DConditionModel:
    settings = {
        "sample_size": 16,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (16, 32),
        "norm_num_groups": 8,
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": 4,
    }
    return UNet2DConditionModel(**{**settings, **options}).eval()


def build_vae(**options: Any) -> AutoencoderKL:
    settings = {
        "block_out_channels": (8, 16),
        "norm_num_groups": 4,
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "latent_channels": 4,
        "sample_size": 32,
    }
    return AutoencoderKL(**{**settings, **options}).eval()


def build_text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=37,
        projection_dim=TEXT_WIDTH,
        num_attention_heads=4,
        num_hidden_layers=3,
        max_position_embeddings=TEXT_LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


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


def build_xl(*, force_zeros_for_empty_prompt: bool = True) -> StableDiffusionXLPipeline:
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


def build_t5_tokenizer() -> T5Tokenizer:
    """Pieces of single characters, in which only "tree" is one token."""
    pieces = ["\u2581tree", "\u2581", *string.ascii_lowercase, *string.digits, *"!',.-"]
    specials = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return T5Tokenizer(vocab=[*specials, *((piece, -2.0) for piece in pieces)], extra_ids=0)


def build_t5(tokenizer: T5Tokenizer) -> T5EncoderModel:
    return T5EncoderModel(T5Config(vocab_size=len(tokenizer), **T5_SIZES)).eval()


def stir(network: Any) -> Any:
    """The network, with weights that make text and level matter where it starts out with zeros."""
    with torch.no_grad():
        for weight in network.parameters():
            fan = weight[0].numel() if weight.ndim > 1 else 16
            weight.add_(torch.randn_like(weight) / fan**0.5)
    return network


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
}


def network_of(pipeline: Any) -> Any:
    """What denoises: the UNet or the transformer."""
    return getattr(pipeline, "unet", None) or pipeline.transformer


def block_of(network: Any) -> Any:
    """A part of a network that every answer goes through."""
    blocks = ("mid_block", "transformer_blocks", "joint_transformer_blocks")
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
