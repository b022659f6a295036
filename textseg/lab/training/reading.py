"""What the trainings of the captioner and of the judge share: pictures, truth, patch reading.

Text alone would take days to teach a picture encoder what is where. So, while training, three
heads read every patch: which kind, which colour, and which of the things from the left it shows,
as the renderer knows. They are thrown away afterwards.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, one_hot

from textseg.lab.training.corpus import MAX_THINGS, Corpus
from textseg.lab.visible import COLOR_NAMES, KIND_NAMES, MIN_AREA, Visible
from textseg.picturebook.settings import SETTINGS

READER_SIZE = 128
"""Side of the pictures that captioner and judge look at, in pixels."""

SETTING_NAMES = tuple(SETTINGS)

PATCH_CLASSES = (len(KIND_NAMES), len(COLOR_NAMES), MAX_THINGS)
"""For each head, the class that says "no thing"; those before it are kinds, colours and ranks."""

_BACKGROUND_WEIGHT = 0.25  # of patches that show no thing; they are three in four


def left_to_right(corpus: Corpus, index: int, *, mirrored: bool = False) -> list[int]:
    """Return the numbers of a scene's visible things from left to right."""
    areas = corpus.coverage[index].mean((1, 2)) / 255
    columns = corpus.columns[index]
    visible = np.flatnonzero(areas >= MIN_AREA)
    order = visible[np.argsort(columns[visible], kind="stable")]
    return [int(i) for i in (order[::-1] if mirrored else order)]


def seen_in_corpus(corpus: Corpus, index: int, *, mirrored: bool = False) -> Visible:
    """Return what there is to see in picture number `index`, or in its mirror image."""
    things = []
    for i in left_to_right(corpus, index, mirrored=mirrored):
        column = float(corpus.columns[index, i])
        kind, color = corpus.kinds[index, i], corpus.colors[index, i]
        things.append((KIND_NAMES[kind], COLOR_NAMES[color], 1 - column if mirrored else column))
    return Visible(tuple(things), SETTING_NAMES[corpus.settings[index]])


def patch_classes(corpus: Corpus, index: int, *, mirrored: bool = False) -> np.ndarray:
    """Return what each thing is to the heads, (3, things): things too small are "no thing"."""
    classes = np.repeat(np.array(PATCH_CLASSES)[:, None], MAX_THINGS, axis=1)
    for rank, i in enumerate(left_to_right(corpus, index, mirrored=mirrored)):
        classes[:, i] = corpus.kinds[index, i], corpus.colors[index, i], rank
    return classes


class PatchHeads(nn.Module):
    """Reads kind, colour and rank from the left off the patches; for training only."""

    def __init__(self, width: int) -> None:
        """Make one linear layer a question."""
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(width, last + 1) for last in PATCH_CLASSES)

    def loss(self, patches: Tensor, coverage: Tensor, classes: Tensor) -> Tensor:
        """Return the summed cross-entropies.

        Args:
            patches: (b, n, width) what the encoder says of n = side * side patches.
            coverage: (b, things, cells, cells) visible shares of things.
            classes: (b, 3, things) as `patch_classes`.
        """
        shares = adaptive_avg_pool2d(coverage, round(patches.shape[1] ** 0.5)).flatten(2)
        nothing = 1 - shares.sum(1)
        weight = 1 - (1 - _BACKGROUND_WEIGHT) * nothing
        total = torch.zeros((), device=patches.device)
        for head, last, chosen in zip(self.heads, PATCH_CLASSES, classes.unbind(1), strict=True):
            target = shares.transpose(1, 2) @ one_hot(chosen, last + 1).float()  # (b, n, classes)
            target[..., last] += nothing
            errors = -(target * head(patches).float().log_softmax(-1)).sum(-1)
            total = total + (errors * weight).sum() / weight.sum()
        return total


def roughened(images: Tensor) -> Tensor:
    """Return pictures (b, 3, h, w), every fourth one blurred and with some grain.

    Pictures that come out of an autoencoder are softer than rendered ones, and are to be read as
    well.
    """
    chosen = images[::4]
    blurred = avg_pool2d(chosen, 5, stride=1, padding=2, count_include_pad=False)
    share, grain = torch.rand(2, len(chosen), 1, 1, 1)
    rough = chosen + share * (blurred - chosen) + 0.05 * grain * torch.randn_like(chosen)
    found = images.clone()
    found[::4] = rough
    return found
