"""Well-known checkpoints by a short name, with what people ask before they fetch one.

Sizes are those of the weights in half precision, text encoders and autoencoder included: two bytes
for each parameter that the classes of diffusers and transformers have with the published configs.
What memory is taken on an accelerator is that, and a little more for the work; files may be larger.
Licences are those that the pages of the hub name.
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
        license: of the weights.
        gigabytes: of all its weights in half precision; a processor takes twice that in float32.
        side: of the pictures that it makes, in pixels.
        gated: whether its licence has to be accepted on its page first.
        found: where size, licence and gate come from, but for what is said above.
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
        found="860 + 123 + 84 million parameters; licence of the page that it mirrors, "
        "runwayml/stable-diffusion-v1-5",
    ),
    "sdxl": CheckpointInfo(
        "stabilityai/stable-diffusion-xl-base-1.0",
        "Stable Diffusion XL base 1.0",
        "CreativeML OpenRAIL++-M",
        6.9,
        1024,
        found="2567 + 123 + 695 + 84 million parameters; 6.94 GB in float16 "
        "(DDUF/stable-diffusion-xl-base-1.0-DDUF)",
    ),
    "sd35": CheckpointInfo(
        "stabilityai/stable-diffusion-3.5-large",
        "Stable Diffusion 3.5 Large",
        "Stability AI Community",
        27.4,
        1024,
        gated=True,
        found="8.06 + 0.12 + 0.69 + 4.76 + 0.08 billion parameters; 27.9 GB in its folders, which "
        "have tables of positions and one of T5's twice",
    ),
    "flux-dev": CheckpointInfo(
        "black-forest-labs/FLUX.1-dev",
        "FLUX.1 dev",
        "FLUX.1 dev Non-Commercial",
        33.7,
        1024,
        gated=True,
        found="11.90 + 0.12 + 4.76 + 0.08 billion parameters",
    ),
    "flux-schnell": CheckpointInfo(
        "black-forest-labs/FLUX.1-schnell",
        "FLUX.1 schnell, 1 to 4 steps",
        "Apache 2.0",
        33.7,
        1024,
        gated=True,
        found="11.89 billion parameters, all else as FLUX.1 dev; gated since April 2025 "
        "(mudler/LocalAI#5190, modal-labs/modal-examples#1301)",
    ),
    "sana": CheckpointInfo(
        "Efficient-Large-Model/Sana_1600M_1024px_diffusers",
        "SANA 1.6B",
        "NVIDIA NSCL v2-custom; Gemma's terms for its text encoder",
        9.7,
        1024,
        found="1.60 + 2.61 billion parameters, and an autoencoder of 1.25 GB that stays in "
        "float32; licence of the page of Sana_1600M_1024px, in the original format",
    ),
    "z-image": CheckpointInfo(
        "Tongyi-MAI/Z-Image-Turbo",
        "Z-Image Turbo, 8 steps",
        "Apache 2.0",
        20.5,
        1024,
        found="6.15 + 4.02 + 0.08 billion parameters",
    ),
    "qwen-image": CheckpointInfo(
        "Qwen/Qwen-Image",
        "Qwen-Image",
        "Apache 2.0",
        57.7,
        1024,
        found="20.43 + 8.29 + 0.13 billion parameters; its transformer is 40.9 GB in a copy "
        "(frankjoshua/Qwen-Image)",
    ),
}
