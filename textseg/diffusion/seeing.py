"""Models that look at a picture besides its noised copy: those that follow instructions.

What they say of a text is about that picture, so the picture is bound where it is encoded
(``textseg.encoded``): nobody who asks such a model afterwards has to know. With it the difference
that a text makes is the relevance of an instruction, where it would change the picture: Watch Your
Steps (arXiv:2308.08947), |eps(instruction, picture) - eps("", picture)|.
"""

from __future__ import annotations

from typing import Protocol, TypeGuard

from torch import Tensor

from textseg.diffusion.model import DiffusionModel


class Seeing(Protocol):
    """What a ``DiffusionModel`` has as well when it looks at a picture."""

    def beside(self, latents: Tensor, image: Tensor) -> DiffusionModel:
        """Return the model that looks at this picture, in place of one that it looked at before.

        ``latents`` (1, c, h, w) are what ``encode_image`` made of it; it is asked about such ones
        only. ``image`` is the picture at its own size, (1, 3, H, W) in [0, 1]. The text that it is
        asked about has to be embedded anew.
        """


def sees(model: DiffusionModel) -> TypeGuard[Seeing]:
    """Return whether a model, or what it stands in for, looks at a picture."""
    return callable(getattr(model, "beside", None))
