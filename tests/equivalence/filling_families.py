"""How pipelines that fill a hole are asked for the same as we are: to fill all of the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from diffusers import (
    FluxFillPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)
from PIL import Image
from torch import Tensor

from tests.equivalence.more_families import level_of_vp, state_of_vp, velocity_of_eps
from tests.equivalence.pipelines import Case, only_told, packed_case, zeroed
from tests.tiny_seeing import build_fill, build_inpainting, build_inpainting_xl

ALL: Mapping[str, Any] = {  # what is in the picture does not count: none of it is left
    "image": Image.radial_gradient("L").convert("RGB"),
    "mask_image": Image.new("L", (8, 8), 255),
    "strength": 1.0,
}


class MeanInpaint(StableDiffusionInpaintPipeline):
    """The pipeline that shows the mean of the autoencoder, where it draws from its distribution."""

    def _encode_vae_image(self, image: Tensor, generator: Any) -> Tensor:
        # in another layout the sums of a picture without contrast end otherwise, by 1e-4
        mean = self.vae.encode(image.contiguous()).latent_dist.mode()
        return mean * self.vae.config.scaling_factor


class MeanXLInpaint(StableDiffusionXLInpaintPipeline):
    """The same at any size."""

    _encode_vae_image = MeanInpaint._encode_vae_image

    def check_inputs(self, *args: Any, **options: Any) -> None:
        pass


class MeanFill(FluxFillPipeline):
    """The same."""

    def prepare_mask_latents(self, mask: Tensor, masked_image: Tensor, *args: Any) -> Any:
        mean = self.vae.encode(masked_image.contiguous()).latent_dist.mode()
        return super().prepare_mask_latents(mask, mean, *args)


def filling(scale: float, negative: str) -> Mapping[str, Any]:
    return {**zeroed(scale, negative), **ALL}


def filling_as_told(scale: float, negative: str) -> Mapping[str, Any]:
    return {**only_told(scale, negative), **ALL}


VP = Case(
    lambda: build_inpainting(MeanInpaint),
    filling,
    level=level_of_vp,
    state=state_of_vp,
    velocity=velocity_of_eps,
)
FAMILIES: Mapping[str, Case] = {
    "inpainting": VP,
    "inpainting_xl": replace(VP, build=lambda: build_inpainting_xl(MeanXLInpaint)),
    "fill": packed_case(lambda: build_fill(MeanFill), filling_as_told),
}
