"""Well-known checkpoints by a short name, with what people ask before they fetch one.

Sizes are those of the files in half precision, text encoders and autoencoder included, as the pages
of the hub list them or as the numbers of parameters make them. What memory is taken on an
accelerator is that, and a little more for the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class CheckpointInfo:
    """A checkpoint on the hub.

    Attributes:
        repository: hub id.
        title: what people call it.
        license: of the weights; "" where its page has to be read.
        gigabytes: of all its weights in half precision; a processor takes twice that in float32.
        side: of the pictures that it makes, in pixels.
        gated: whether its licence has to be accepted on its page first.
        found: where the numbers come from.
    """

    repository: str
    title: str
    license: str
    gigabytes: float
    side: int
    gated: bool = False
    found: str = ""

    @property
    def needs(self) -> str:
        """What has to be there first, in words; "" where nothing has."""
        return "accept the licence on its page, then hf auth login" if self.gated else ""


CHECKPOINTS: Mapping[str, CheckpointInfo] = {
    "sd15": CheckpointInfo(
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "Stable Diffusion 1.5",
        "CreativeML OpenRAIL-M",
        2.1,
        512,
        found="860 + 123 + 84 million parameters",
    ),
    "sdxl": CheckpointInfo(
        "stabilityai/stable-diffusion-xl-base-1.0",
        "Stable Diffusion XL base 1.0",
        "CreativeML OpenRAIL++-M",
        6.9,
        1024,
        found="6.94 GB in float16 (DDUF/stable-diffusion-xl-base-1.0-DDUF)",
    ),
    "sd35": CheckpointInfo(
        "stabilityai/stable-diffusion-3.5-large",
        "Stable Diffusion 3.5 Large",
        "Stability AI Community",
        27.9,
        1024,
        gated=True,
        found="16.3 + 9.8 + 1.4 + 0.2 + 0.2 GB in its folders",
    ),
    "flux-dev": CheckpointInfo(
        "black-forest-labs/FLUX.1-dev",
        "FLUX.1 dev",
        "FLUX.1 dev Non-Commercial",
        34,
        1024,
        gated=True,
        found="11.9 billion parameters (diffusers/benchmarks), and T5, CLIP and autoencoder",
    ),
    "flux-schnell": CheckpointInfo(
        "black-forest-labs/FLUX.1-schnell",
        "FLUX.1 schnell, 1 to 4 steps",
        "Apache 2.0",
        34,
        1024,
        found="as FLUX.1 dev",
    ),
    "sana": CheckpointInfo(
        "Efficient-Large-Model/Sana_1600M_1024px_diffusers",
        "SANA 1.6B",
        "",
        9.7,
        1024,
        found="3.2 + 5.2 + 1.3 GB in its folders",
    ),
    "z-image": CheckpointInfo(
        "Tongyi-MAI/Z-Image-Turbo",
        "Z-Image Turbo, 8 steps",
        "Apache 2.0",
        20.5,
        1024,
        found="12.3 (bfloat16) + 8.1 + 0.2 GB in its folders",
    ),
    "qwen-image": CheckpointInfo(
        "Qwen/Qwen-Image",
        "Qwen-Image",
        "Apache 2.0",
        54,
        1024,
        found="20 + 7 billion parameters",
    ),
}
