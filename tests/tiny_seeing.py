"""Tiny checkpoints that take more than noised latents: a picture, or a hole in one."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from diffusers import (
    DiffusionPipeline,
    FluxFillPipeline,
    FluxKontextPipeline,
    QwenImageEditPipeline,
    QwenImageEditPlusPipeline,
    QwenImageTransformer2DModel,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLInstructPix2PixPipeline,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Tokenizer

from tests.tiny_families import build_flux, build_qwen, quiet
from tests.tiny_parts import build_scheduler, stir

P = TypeVar("P", bound=DiffusionPipeline)
LATENTS, STRIDE, PATCH = 4, 2, 2  # of all of them
# tests.tiny lists what is here, so that its builders are imported when they are asked for


def around(kind: type[P], parts: dict[str, Any], **options: Any) -> P:
    """A pipeline of other parts, as far as it takes them, without a bar."""
    taken = inspect.signature(kind).parameters
    found = {name: part for name, part in parts.items() if name in taken}
    return quiet(lambda: kind(**found, **options))


def build_ip2p(
    kind: type[P] = StableDiffusionInstructPix2PixPipeline, *, channels: int = 2 * LATENTS
) -> P:
    from tests.tiny import build_sd

    scheduler = build_scheduler(set_alpha_to_one=True)
    pipeline = build_sd(scheduler=scheduler, unet={"in_channels": channels})
    return around(kind, pipeline.components, requires_safety_checker=False)


def build_ip2p_xl(
    kind: type[P] = StableDiffusionXLInstructPix2PixPipeline, *, channels: int = 2 * LATENTS
) -> P:
    from tests.tiny import build_xl

    return around(kind, build_xl(in_channels=channels).components, add_watermarker=False)


def build_inpainting(kind: type[P] = StableDiffusionInpaintPipeline) -> P:
    return build_ip2p(kind, channels=2 * LATENTS + 1)


def build_inpainting_xl(kind: type[P] = StableDiffusionXLInpaintPipeline) -> P:
    return build_ip2p_xl(kind, channels=2 * LATENTS + 1)


def build_kontext(kind: type[P] = FluxKontextPipeline) -> P:
    return around(kind, build_flux().components)


def build_fill(kind: type[P] = FluxFillPipeline) -> P:
    latents = PATCH**2 * LATENTS
    taken = 2 * latents + (PATCH * STRIDE) ** 2
    return around(kind, build_flux(channels=(taken, latents)).components)


def build_qwen_edit(kind: type[P] = QwenImageEditPipeline, **transformer: Any) -> P:
    """As ``build_qwen``, around a text encoder that reads pictures too."""
    from tests.tiny_editors import SPECIAL, PictureReader, vision_language

    def build() -> P:
        parts = build_qwen().components
        config = {**parts["transformer"].config, **transformer}
        words = [*SPECIAL, *sorted(ByteLevel.alphabet())]
        reader = PictureReader()
        reader.tokenizer = Qwen2Tokenizer(
            vocab={word: k for k, word in enumerate(words)},
            pad_token="<pad>",
            unk_token="<unk>",
            extra_special_tokens=SPECIAL[2:],
        )
        parts |= {
            "transformer": stir(QwenImageTransformer2DModel.from_config(config).eval()),
            "text_encoder": vision_language(),
            "tokenizer": reader.tokenizer,
            "processor": reader,
        }
        return around(kind, parts)

    return quiet(build)


def build_qwen_plus(kind: type[P] = QwenImageEditPlusPipeline) -> P:
    """As that of 2511: the picture is told that it has no noise."""
    return build_qwen_edit(kind, zero_cond_t=True, _use_default_values=[])
