"""InstructPix2Pix: a Stable Diffusion UNet that is shown a picture and told what to change in it.

arXiv:2211.09800. Four further channels take the mean that the autoencoder makes of the picture, not
scaled; zeros are no picture, as a part of its training had it (section 3.2). So guidance has two
scales: away from no picture, and away from no instruction (section 3.2.1, eq. 3). The models of SD
1.5 and of XL differ in their text alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from textseg.backends.diffusers_unet import DiffusersUNet, unet_family
from textseg.backends.seen import seen_beside
from textseg.backends.unet_card import unet_card
from textseg.backends.unet_parts import Parts
from textseg.diffusion.card import ModelCard, Sampling
from textseg.diffusion.generic import instructed_card
from textseg.diffusion.guidance import Guide, Scale
from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction, covered, per_row
from textseg.diffusion.solvers import Denoiser

SHOWN = "shown"  # among ``Conditioning.further``: (n,), 1 with the picture and 0 without
PICTURE_GUIDANCE = 1.5  # of both pipelines of diffusers; the paper has 1 to 1.5


class InstructPix2Pix(DiffusersUNet):
    """A ``DiffusionModel`` that looks at a picture; see ``textseg.diffusion.seeing``."""

    _seen: Tensor | None = None

    @classmethod
    def make_card(cls, parts: Parts, name: str) -> ModelCard:
        """Return the pipelines' own numbers."""
        large = len(parts.text_encoders) == 2
        sampling = Sampling(
            100,
            5.0 if large else 7.5,
            "euler",
            found="steps and guidance: defaults of diffusers' StableDiffusion"
            f"{'XL' if large else ''}InstructPix2PixPipeline; euler: the steps of DDIM",
        )
        title = f"InstructPix2Pix{', XL' if large else ''}"
        return instructed_card(unet_card(parts, name), name=title, sampling=sampling)

    @classmethod
    def channels_taken(cls, latent: int) -> int:
        """Return how many channels its UNet takes: latents, and those of the picture."""
        return 2 * latent

    @property
    def guide(self) -> Guide:
        """How it follows an instruction: with two scales."""
        return TwoGuidances()

    def beside(self, latents: Tensor, image: Tensor) -> Self:
        """Return the model that looks at the picture of ``latents``; see ``Seeing``."""
        found = copy.copy(self)
        found._seen = self._autoencoder.unscaled(latents)
        return found

    def embed_text(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the instructions, which are about the picture."""
        return _shown(super().embed_text(prompts), 1.0)

    def _input(self, x: Tensor, text: Conditioning) -> Tensor:
        seen = seen_beside(x, self._seen, model=self.name)
        return torch.cat([x, text.further[SHOWN].to(x)[:, None, None, None] * seen], dim=1)


@dataclass(frozen=True)
class TwoGuidances:
    """Ask with nothing, with the picture and with the instruction too, and mix the velocities.

    The mix is linear with weights that sum to one, so that of velocities is that of noises (eq. 3).
    """

    picture: float = PICTURE_GUIDANCE

    def __call__(
        self, model: DiffusionModel, text: Conditioning, reference: Conditioning, *, scale: Scale
    ) -> Denoiser:
        """Return the denoiser; see ``Guide``. ``scale`` is that of the instruction."""
        three = Conditioning.cat([_shown(reference, 0.0), reference, text])

        def denoise(z: Tensor, sigma: float) -> Prediction:
            level = covered(model, sigma)
            found = model.predict(torch.cat([z, z, z]), level, three).velocity
            nothing, seen, told = found.chunk(3)
            mixed = nothing + self.picture * (seen - nothing) + per_row(scale, z) * (told - seen)
            return Prediction.from_velocity(z, level, mixed)

        return denoise


def _shown(text: Conditioning, share: float) -> Conditioning:
    shares = torch.full((len(text),), share, device=text.embeddings.device)
    return replace(text, further={**text.further, SHOWN: shares})


FAMILY = unet_family(lambda _: InstructPix2Pix)
