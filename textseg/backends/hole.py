"""What inpainting networks are shown besides the noise, where all of the picture is to be filled.

They take the picture without what is to be filled, and a mask of that. To masks and edits they are
asked with all of it to be filled: then they know no more of the picture than what the noise leaves,
as other networks do, and a text has its say; shown the picture they would read their answer from
it, whatever the text. What they are made for, filling a hole, they do as editors
(``textseg.external``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from textseg.backends.autoencoders import Autoencoder
from textseg.diffusion.card import ModelCard
from textseg.diffusion.model import Cells, cells_of

SIZES = 4
GREY = 0.5  # what pipelines put where a picture is to be filled: 0 in [-1, 1]


@dataclass(eq=False)
class Hole:
    """The latents of pictures that are to be filled all over; those of the last sizes are kept.

    An autoencoder makes other latents at the border of a picture than inside. It has attentions,
    which are none of the network's: ``beside`` is asked once before anybody watches those.
    """

    autoencoder: Autoencoder
    _kept: dict[Cells, Tensor] = field(default_factory=dict, repr=False)

    def beside(self, x: Tensor) -> Tensor:
        """Return the latents (b, c, h, w) of the grey picture for each row of ``x``."""
        cells = cells_of(x)
        found = self._kept.get(cells)
        if found is None:
            height, width = (side * self.autoencoder.stride for side in cells)
            found = self.autoencoder.encode(torch.full((1, 3, height, width), GREY)).detach()
            self._kept = dict([*self._kept.items(), (cells, found)][-SIZES:])
        return found.to(x).expand(len(x), -1, -1, -1)


def filling_card(usual: ModelCard, *, training: str) -> ModelCard:
    """Return the card of an inpainting model made of another one.

    Args:
        usual: of the other one.
        training: what is known of how often all was to be filled in its training.
    """
    found = (
        f"asked as if all of the picture were to be filled, {training}; the rest as for "
        f"{usual.name}: {usual.masks.found}"
    )
    return replace(usual, name=f"{usual.name} inpainting", masks=replace(usual.masks, found=found))
