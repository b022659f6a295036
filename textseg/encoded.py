"""A picture as a model has read it, and the texts that the model has read about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textseg.diffusion.extras import notes_of
from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.diffusion.seeing import sees
from textseg.errors import OutOfMemoryError
from textseg.images import Padding, Picture, pad_to_multiple, size_words, to_tensor
from textseg.segmentation.guide import CellGrid, GuideImage

TEXT_CACHE_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class EncodedPicture:
    """A picture with the latents that a model made of it.

    Attributes:
        model: what read it; one that looks at pictures looks at this one.
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

    def __post_init__(self) -> None:
        """Show the picture to a model that looks at pictures."""
        if sees(self.model):
            shown = self.model.beside(self.latents, to_tensor(self.rgb))
            object.__setattr__(self, "model", shown)

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


def encode_picture(
    model: DiffusionModel, picture: Picture, working_size: int | None
) -> EncodedPicture:
    """Return the picture as the model reads it, at a size that it takes; see ``Scene.open``."""
    fit = fit_image(model, to_tensor(picture.visible()), working_size)
    notes = (*picture.notes, *fit.notes, *notes_of(model))
    picture = replace(picture, notes=tuple(dict.fromkeys(notes)))
    padded, padding = pad_to_multiple(fit.image, model.size_multiple)
    return EncodedPicture(model, picture, picture.visible(), encode_image(model, padded), padding)


@dataclass(frozen=True, eq=False)
class Fitted:
    """An image (1, 3, H, W) as large as a model reads it, and remarks on that for people."""

    image: Tensor
    notes: tuple[str, ...] = ()


def fit_image(model: DiffusionModel, image: Tensor, side: int | None) -> Fitted:
    """Return the image (1, 3, H, W) at a size that the model takes, in its own proportions.

    It has at most side^2 pixels; ``None`` takes what the model was made for. Only where the model
    cannot take that either, since a side would be too long for it, is there a remark.
    """
    height, width = image.shape[-2:]
    sizes = model.card.sizes
    side, longest = sizes.native if side is None else side, sizes.largest
    liked = 1.0 if side is None else min(1.0, side / (height * width) ** 0.5)
    possible = 1.0 if longest is None else longest / max(height, width)
    shrink = min(liked, possible)
    if shrink >= 1:
        return Fitted(image)
    small = scale_image(image, (max(1, round(height * shrink)), max(1, round(width * shrink))))
    if liked <= possible:
        return Fitted(small)
    return Fitted(
        small,
        (
            f"scaled down to {size_words(small.shape[-2:])} for {model.name}, "
            f"which takes sides of at most {longest} pixels",
        ),
    )


def scale_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the image (1, 3, H, W) at another size, bicubic; itself where it has that size."""
    if image.shape[-2:] == size:
        return image
    found = torch.nn.functional.interpolate(
        image, size=size, mode="bicubic", antialias=True, align_corners=False
    )
    return found.clamp(0, 1)


def encode_image(model: DiffusionModel, image: Tensor) -> Tensor:
    """Return the latents of an image (1, 3, H, W); raises ``OutOfMemoryError``."""
    try:
        with torch.no_grad():
            return model.encode_image(image.to(model.device))
    except MemoryError as error:
        raise OutOfMemoryError(
            f"a picture of {size_words(image.shape[-2:])} does not fit on {model.device}",
            hint="use a smaller picture or working_size, or another device",
        ) from error


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
