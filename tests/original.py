"""The weights of tiny pipelines under the names of the original code, as single files have them.

What diffusers does to such files, backwards; for networks of two levels with one layer each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextModelWithProjection

from tests.tiny import TEXT_WIDTH, build_text_config, build_unet, build_xl

Rules = tuple[tuple[str, str], ...]
UNET: Rules = (
    (r"^time_embedding\.linear_1", "time_embed.0"),
    (r"^time_embedding\.linear_2", "time_embed.2"),
    (r"^add_embedding\.linear_1", "label_emb.0.0"),
    (r"^add_embedding\.linear_2", "label_emb.0.2"),
    (r"^conv_in", "input_blocks.0.0"),
    (r"^conv_norm_out", "out.0"),
    (r"^conv_out", "out.2"),
    (r"^down_blocks\.0\.resnets\.0", "input_blocks.1.0"),
    (r"^down_blocks\.0\.downsamplers\.0\.conv", "input_blocks.2.0.op"),
    (r"^down_blocks\.1\.resnets\.0", "input_blocks.3.0"),
    (r"^down_blocks\.1\.attentions\.0", "input_blocks.3.1"),
    (r"^mid_block\.resnets\.0", "middle_block.0"),
    (r"^mid_block\.attentions\.0", "middle_block.1"),
    (r"^mid_block\.resnets\.1", "middle_block.2"),
    (r"^up_blocks\.0\.resnets\.(\d)", r"output_blocks.\1.0"),
    (r"^up_blocks\.0\.attentions\.(\d)", r"output_blocks.\1.1"),
    (r"^up_blocks\.0\.upsamplers\.0\.conv", "output_blocks.1.2.conv"),
    (r"^up_blocks\.1\.resnets\.0", "output_blocks.2.0"),
    (r"^up_blocks\.1\.resnets\.1", "output_blocks.3.0"),
    (r"norm1(?=\.\w+$)", "in_layers.0"),
    (r"conv1(?=\.\w+$)", "in_layers.2"),
    (r"norm2(?=\.\w+$)", "out_layers.0"),
    (r"conv2(?=\.\w+$)", "out_layers.3"),
    (r"time_emb_proj", "emb_layers.1"),
    (r"conv_shortcut", "skip_connection"),
)
VAE: Rules = (
    (r"conv_norm_out", "norm_out"),
    (r"down_blocks\.(\d)\.resnets", r"down.\1.block"),
    (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
    (r"up_blocks\.0\.resnets", "up.1.block"),
    (r"up_blocks\.1\.resnets", "up.0.block"),
    (r"up_blocks\.0\.upsamplers\.0", "up.1.upsample"),
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
    (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
    (r"mid_block\.attentions\.0\.to_", "mid.attn_1."),
    (r"conv_shortcut", "nin_shortcut"),
)
OPEN_CLIP: Rules = (
    (r"^text_model\.encoder\.layers", "transformer.resblocks"),
    (r"^text_model\.embeddings\.position_embedding\.weight", "positional_embedding"),
    (r"^text_model\.embeddings\.token_embedding", "token_embedding"),
    (r"^text_model\.final_layer_norm", "ln_final"),
    (r"^text_projection\.weight", "text_projection"),
    (r"layer_norm(\d)", r"ln_\1"),
    (r"fc1", "c_fc"),
    (r"fc2", "c_proj"),
    (r"self_attn", "attn"),
)


def renamed(
    weights: Mapping[str, Tensor], rules: Rules, prefix: str
) -> Iterator[tuple[str, Tensor]]:
    for name, weight in weights.items():
        plain = ".transformer_blocks." in name  # whose names are the same in both
        for pattern, new in rules:
            if not (plain and "(?=" in pattern):
                name = re.sub(pattern, new, name)
        yield prefix + name, weight


def original_vae(vae: Any) -> Iterator[tuple[str, Tensor]]:
    for name, weight in renamed(vae.state_dict(), VAE, "first_stage_model."):
        linear = ".mid.attn_1." in name and weight.ndim == 2  # a convolution there
        yield name, weight[:, :, None, None] if linear else weight


def original_open_clip(encoder: Any, prefix: str) -> Iterator[tuple[str, Tensor]]:
    found = dict(renamed(encoder.state_dict(), OPEN_CLIP, prefix))
    for name in [name for name in found if ".attn.q_proj." in name]:
        three = [found.pop(name.replace("q_proj.", f"{each}_proj.")) for each in "qkv"]
        found[name.replace("q_proj.", "in_proj_")] = torch.cat(three)
    found[f"{prefix}text_projection"] = found[f"{prefix}text_projection"].T
    yield from found.items()


def original_weights(pipeline: Any) -> dict[str, Tensor]:
    """All weights of a pipeline of Stable Diffusion 1 or XL under their original names."""
    found = dict(renamed(pipeline.unet.state_dict(), UNET, "model.diffusion_model."))
    found |= dict(original_vae(pipeline.vae))
    first = pipeline.text_encoder.state_dict()
    second = getattr(pipeline, "text_encoder_2", None)
    start = "cond_stage_model" if second is None else "conditioner.embedders.0"
    found |= {f"{start}.transformer.text_model.{name}": weight for name, weight in first.items()}
    if second is not None:
        found |= dict(original_open_clip(second, "conditioner.embedders.1.model."))
    return {name: weight.contiguous() for name, weight in found.items()}


def save_original(pipeline: Any, path: Path) -> Path:
    save_file(original_weights(pipeline), path)
    return path


def build_wide_xl() -> Any:
    """An XL pipeline whose second encoder is wider: diffusers tells the two by that."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipeline = build_xl()
        config = build_text_config(pipeline.tokenizer_2)
        config.hidden_size = 2 * TEXT_WIDTH
        pipeline.text_encoder_2 = CLIPTextModelWithProjection(config).eval()
        kept = pipeline.unet.config
        options = {name: value for name, value in kept.items() if not name.startswith("_")}
        pipeline.unet = build_unet(**{**options, "cross_attention_dim": 3 * TEXT_WIDTH})
    return pipeline
