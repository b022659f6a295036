"""Tiny editors of the real pipeline classes, with random weights: what ``external`` is tried on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import diffusers
import torch
from diffusers import (
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    Flux2Transformer2DModel,
    FluxTransformer2DModel,
    LongCatImageTransformer2DModel,
    QwenImageTransformer2DModel,
    ZImageTransformer2DModel,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    BatchFeature,
    CLIPTextModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLProcessor,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from tests.tiny import (
    T5_SIZES,
    build_sd,
    build_sd3,
    build_t5,
    build_t5_tokenizer,
    build_text_config,
    build_tokenizer,
    build_vae,
    build_xl,
    stir,
)

SPECIAL = ["<pad>", "<unk>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"]
SPECIAL += ["<|video_pad|>"]
VOCAB = len(SPECIAL) + 256
CHAT = "{% for m in messages %}{{ m.content }}{% endfor %}"
SHIFTED: Mapping[str, Any] = {"use_dynamic_shifting": True, "shift": 3.0}


def byte_tokenizer(**options: Any) -> PreTrainedTokenizerFast:
    """Bytes as tokens; pictures and padding have tokens of their own."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {word: k for k, word in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=SPECIAL[2:],
        model_max_length=4000,
        chat_template=CHAT,
        **options,
    )


def built(name: str, parts: Mapping[str, Any]) -> DiffusionPipeline:
    """A pipeline of that class, quiet."""
    pipeline = getattr(diffusers, name)(**parts)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def around_sd(name: str, channels: int) -> DiffusionPipeline:
    parts = build_sd(unet={"in_channels": channels}).components
    return built(name, {**parts, "requires_safety_checker": False})


def around_xl(name: str) -> DiffusionPipeline:
    return built(name, {**build_xl().components, "add_watermarker": False})


def around_sd3(name: str) -> DiffusionPipeline:
    return built(name, build_sd3(transformer={"pos_embed_max_size": 32}).components)


def around_flux(name: str, channels: int = 16) -> DiffusionPipeline:
    first, second = build_tokenizer(), build_t5_tokenizer()
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=channels,
        out_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=T5_SIZES["d_model"],
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=True,
    )
    return built(
        name,
        {
            "transformer": stir(transformer.eval()),
            "scheduler": FlowMatchEulerDiscreteScheduler(**SHIFTED),
            "vae": build_vae(scaling_factor=0.3611, shift_factor=0.1159),
            "text_encoder": CLIPTextModel(build_text_config(first)).eval(),
            "tokenizer": first,
            "text_encoder_2": build_t5(second),
            "tokenizer_2": second,
        },
    )


def vision_language(width: int = 16) -> Qwen2_5_VLForConditionalGeneration:
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "type": "default"}
    text = {
        "hidden_size": width,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "vocab_size": VOCAB,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "rope_theta": 1e6,
        "rope_scaling": rope,
    }
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": width,
    }
    tokens = {f"{word}_token_id": SPECIAL.index(f"<|{word}|>") for word in ("vision_start",)}
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        vision_end_token_id=SPECIAL.index("<|vision_end|>"),
        image_token_id=SPECIAL.index("<|image_pad|>"),
        video_token_id=SPECIAL.index("<|video_pad|>"),
        **tokens,
    )
    return Qwen2_5_VLForConditionalGeneration(config).eval()


class PictureReader(Qwen2VLProcessor):
    """The processor without videos, for which it would need torchvision."""

    def __init__(self) -> None:
        limits = {"shortest_edge": 28 * 28, "longest_edge": 4 * 28 * 28}
        self.image_processor = Qwen2VLImageProcessorPil(size=limits)
        self.tokenizer = byte_tokenizer()

    def __call__(self, *, text: list[str], images: Any, **options: Any) -> BatchFeature:
        seen = self.image_processor(images=images, return_tensors="pt")
        tokens = [int(grid.prod()) // 4 for grid in seen["image_grid_thw"]]
        pad = "<|image_pad|>"
        parts = text[0].split(pad)
        filled = [part + pad * k for part, k in zip(parts, [*tokens, 0], strict=True)]
        read = self.tokenizer(["".join(filled)] * len(text), **options)
        return BatchFeature({**read, **seen})


def around_qwen(name: str, *, processor: bool) -> DiffusionPipeline:
    transformer = QwenImageTransformer2DModel(
        patch_size=2,
        in_channels=16,
        out_channels=4,
        num_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(8, 4, 4),
    )
    vae = AutoencoderKLQwenImage(
        base_dim=2,
        z_dim=4,
        dim_mult=[1, 2, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    )
    parts = {
        "transformer": stir(transformer.eval()),
        "scheduler": FlowMatchEulerDiscreteScheduler(**SHIFTED),
        "vae": vae.eval(),
        "text_encoder": vision_language(),
        "tokenizer": byte_tokenizer(),
    }
    return built(name, {**parts, "processor": PictureReader()} if processor else parts)


def around_longcat(name: str) -> DiffusionPipeline:
    transformer = LongCatImageTransformer2DModel(
        patch_size=1,
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        pooled_projection_dim=16,
        axes_dims_rope=[4, 4, 8],
    )
    vae = build_vae(
        latent_channels=16,
        scaling_factor=0.3611,
        shift_factor=0.1159,
        block_out_channels=(4, 4, 4, 4),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )
    return built(
        name,
        {
            "transformer": stir(transformer.eval()),
            "scheduler": FlowMatchEulerDiscreteScheduler(**SHIFTED),
            "vae": vae,
            "text_encoder": vision_language(),
            "tokenizer": byte_tokenizer(),
            "text_processor": PictureReader(),
        },
    )


def qwen3(kind: Any, layers: int) -> Any:
    config = Qwen3Config(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=VOCAB,
        head_dim=8,
    )
    return kind(config).eval()


def around_klein(name: str) -> DiffusionPipeline:
    transformer = Flux2Transformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,
        timestep_guidance_channels=32,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    vae = AutoencoderKLFlux2(
        sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 16),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
    )
    return built(
        name,
        {
            "transformer": stir(transformer.eval()),
            "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
            "vae": vae.eval(),
            "text_encoder": qwen3(Qwen3ForCausalLM, 32),  # of which layers 9, 18 and 27 are read
            "tokenizer": byte_tokenizer(),
        },
    )


def around_z_image(name: str) -> DiffusionPipeline:
    transformer = ZImageTransformer2DModel(
        all_patch_size=(2,),
        all_f_patch_size=(1,),
        in_channels=4,
        dim=32,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[8, 4, 4],
        axes_lens=[1024, 64, 64],
    )
    return built(
        name,
        {
            "transformer": stir(transformer.eval()),
            "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
            "vae": build_vae(scaling_factor=0.3611, shift_factor=0.1159),
            "text_encoder": qwen3(Qwen3Model, 3),
            "tokenizer": byte_tokenizer(),
        },
    )


def _named(name: str, build: Callable[..., DiffusionPipeline], *args: Any, **options: Any) -> Any:
    return name, lambda: build(name, *args, **options)


EDITORS: Mapping[str, Callable[[], DiffusionPipeline]] = dict(
    [
        _named("StableDiffusionInstructPix2PixPipeline", around_sd, 8),
        _named("StableDiffusionInpaintPipeline", around_sd, 9),
        _named("StableDiffusionXLInpaintPipeline", around_xl),
        _named("StableDiffusion3InpaintPipeline", around_sd3),
        _named("FluxKontextPipeline", around_flux),
        _named("FluxKontextInpaintPipeline", around_flux),
        _named("FluxInpaintPipeline", around_flux),
        _named("FluxFillPipeline", around_flux, 16 + 16 + 4 * 4),
        _named("QwenImageInpaintPipeline", around_qwen, processor=False),
        _named("QwenImageEditPipeline", around_qwen, processor=True),
        _named("QwenImageEditPlusPipeline", around_qwen, processor=True),
        _named("QwenImageEditInpaintPipeline", around_qwen, processor=True),
        _named("LongCatImageEditPipeline", around_longcat),
        _named("Flux2KleinPipeline", around_klein),
        _named("Flux2KleinInpaintPipeline", around_klein),
        _named("ZImageInpaintPipeline", around_z_image),
    ]
)


def build_editor(name: str) -> DiffusionPipeline:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return EDITORS[name]()
