"""A picture as a model has read it, and the texts that the model has read about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.images import Padding, Picture, pad_to_multiple, to_tensor
from textseg.scene.opening import encode_image, fit_image
from textseg.segmentation.guide import CellGrid, GuideImage

TEXT_CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class ReadPicture:
    """A picture with the latents that a model made of it.

    Attributes:
        model: what read it.
        picture: at its own size.
        rgb: (H, W, 3) as a viewer shows it.
        latents: (1, c, h, w).
        padding: what was added to the picture for the model.
    """

    model: DiffusionModel
    picture: Picture
    rgb: NDArray[np.float32]
    latents: Tensor
    padding: Padding

    @property
    def cell_pixels(self) -> float:
        """The side of a latent cell in pixels of the picture."""
        return self.model.latent_stride * self.picture.size[0] / self.padding.size[0]

    @property
    def grid(self) -> CellGrid:
        """How latent cells lie on the picture."""
        stride = self.model.latent_stride
        return CellGrid(
            size=self.picture.size,
            cells=(self.padding.size[0] / stride, self.padding.size[1] / stride),
        )

    @cached_property
    def guide_image(self) -> GuideImage:
        """The picture as masks take their edges from it, with what it keeps for later ones."""
        return GuideImage(self.rgb, self.grid)


def read_picture(model: DiffusionModel, picture: Picture, working_size: int | None) -> ReadPicture:
    """Return the picture as the model reads it, at a size that it takes; see ``Scene.open``."""
    fit = fit_image(model, to_tensor(picture.visible()), working_size)
    picture = replace(picture, notes=(*picture.notes, *fit.notes))
    padded, padding = pad_to_multiple(fit.image, model.size_multiple)
    return ReadPicture(model, picture, picture.visible(), encode_image(model, padded), padding)


@dataclass
class Texts:
    """What a model made of texts; those that it has read before are not embedded again."""

    model: DiffusionModel
    _known: dict[str, Conditioning] = field(default_factory=dict)

    def embed(self, prompts: Sequence[str]) -> Conditioning:
        """Return the conditioning of the prompts, in their order."""
        missing = [prompt for prompt in prompts if prompt not in self._known]
        if missing:
            with torch.no_grad():
                made = self.model.embed_text(missing)
            self._known |= {prompt: made[k] for k, prompt in enumerate(missing)}
        found = Conditioning.cat([self._known[prompt] for prompt in prompts])
        while sum(text.nbytes for text in self._known.values()) > TEXT_CACHE_BYTES:
            del self._known[next(iter(self._known))]
        return found

    def __len__(self) -> int:
        """Return the number of texts that are kept."""
        return len(self._known)
