"""How pipelines that look at a picture are asked for the same as we are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

from diffusers import (
    FluxKontextPipeline,
    QwenImageEditPipeline,
    QwenImageEditPlusPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionXLInstructPix2PixPipeline,
)
from diffusers.image_processor import VaeImageProcessor
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit as edit
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as plus
from torch import Tensor

from tests.equivalence.more_families import level_of_vp, state_of_vp, velocity_of_eps
from tests.equivalence.pipelines import Case, embedded, packed_case, true_cfg, zeroed
from tests.tiny_seeing import (
    build_ip2p,
    build_ip2p_xl,
    build_kontext,
    build_qwen_edit,
    build_qwen_plus,
)


class SizedPix2Pix(StableDiffusionInstructPix2PixPipeline):
    """The pipeline that is told a size, where it takes that of the picture."""

    def __call__(self, *, height: int, width: int, **asked: Any) -> Any:
        return super().__call__(**asked)


class AnyPix2PixXL(StableDiffusionXLInstructPix2PixPipeline):
    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass


class AnyKontext(FluxKontextPipeline):
    """The pipeline at the size that is asked for."""

    def __call__(self, *, height: int, width: int, **asked: Any) -> Any:
        size = {"height": height, "width": width, "max_area": height * width}
        return super().__call__(**size, **asked, _auto_resize=False)


def sized(module: Any, full: int, height: int, width: int) -> Any:
    """What makes a Qwen pipeline work at this size, where it brings all pictures to one area.

    What its text encoder reads it brings to an area as ever.
    """
    usual = module.calculate_dimensions

    def calculate(area: int, ratio: float) -> tuple[int | None, ...]:
        own = usual(area, ratio)
        return (width, height, *own[2:]) if area == full else own

    return mock.patch.object(module, "calculate_dimensions", calculate)


class SizedEdit(QwenImageEditPipeline):
    """The pipeline at the size of the picture; what is read has the area that it has there."""

    def __call__(self, *, image: Any, height: int, width: int, **asked: Any) -> Any:
        full = edit.calculate_dimensions(1024**2, width / height)
        self.read = self.image_processor.resize(image, full[1], full[0])
        with sized(edit, 1024**2, height, width):
            return super().__call__(image=image, height=height, width=width, **asked)

    def encode_prompt(self, prompt: Any, image: Any, **options: Any) -> Any:
        return super().encode_prompt(prompt, getattr(self, "read", image), **options)


class SizedPlus(QwenImageEditPlusPipeline):
    def __call__(self, *, height: int, width: int, **asked: Any) -> Any:
        with sized(plus, plus.VAE_IMAGE_SIZE, height, width):
            return super().__call__(height=height, width=width, **asked)


def shown(image: Tensor) -> Mapping[str, Any]:
    return {"image": image}


def shown_as_pil(image: Tensor) -> Mapping[str, Any]:
    return {"image": VaeImageProcessor.numpy_to_pil(image.permute(0, 2, 3, 1).numpy())[0]}


KONTEXT = packed_case(lambda: build_kontext(AnyKontext), embedded)  # makes pictures of text as well
PIX2PIX = Case(
    lambda: build_ip2p(SizedPix2Pix),
    zeroed,
    level=level_of_vp,
    state=state_of_vp,
    velocity=velocity_of_eps,
    shown=shown,
)
FAMILIES: Mapping[str, Case] = {
    "ip2p": PIX2PIX,
    "ip2p_xl": replace(PIX2PIX, build=lambda: build_ip2p_xl(AnyPix2PixXL)),
    "kontext": replace(KONTEXT, shown=shown),
    "qwen_edit": replace(
        packed_case(lambda: build_qwen_edit(SizedEdit), true_cfg), shown=shown_as_pil
    ),
    "qwen_edit, plus": replace(
        packed_case(lambda: build_qwen_plus(SizedPlus), true_cfg), shown=shown_as_pil
    ),
}
