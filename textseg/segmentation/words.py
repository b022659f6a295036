"""Where a network looks at the words of a text while it answers: cross-attention as a map.

What DAAM (arXiv:2210.04885, section 3) and DiffSegmenter (arXiv:2309.02773) read from a network is
had on the way, without a further evaluation: the probabilities with which the cells of chosen
layers look at the tokens of a word, averaged over heads, layers and tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.card import WordLayers
from textseg.diffusion.layers import Layer, attentive
from textseg.diffusion.model import (
    Cells,
    Conditioning,
    DiffusionModel,
    Levels,
    Prediction,
    cells_of,
)
from textseg.diffusion.stand_in import StandIn
from textseg.errors import UnsupportedError


class WordWatcher(StandIn):
    """Answers as its model does, to the bit, and keeps where each row looked at its words.

    Attributes:
        seen: of each row of the latest call (words, h, w) at the size of the latents; None where
            nobody can tell which tokens the words of its text are.
        trouble: why the attention of this model cannot be seen; "" where it can. It answers all the
            same then, and nothing is seen from there on.
    """

    def __init__(self, model: DiffusionModel, layers: WordLayers | None) -> None:
        """Take a model, and which of its attentions count; None: there is nothing to see."""
        super().__init__(model)
        self.seen: list[Tensor | None] = []
        self.trouble = ""
        self._layers = layers

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        """Return what the model does."""
        self.seen = [None] * len(z)
        if self._layers is not None and not self.trouble:
            try:
                return self._watch(self._layers, z, sigma, text)
            except UnsupportedError as error:
                self.trouble = str(error)
                self.seen = [None] * len(z)
        return self._model.predict(z, sigma, text)

    def _watch(
        self, layers: WordLayers, z: Tensor, sigma: Levels, text: Conditioning
    ) -> Prediction:
        every = attentive(self._model).attention_layers(z, text)
        chosen = choose_layers(every, layers, cells_of(z))
        rows = [row for row, words in enumerate(text.words) if set(words) - {None}]
        found: list[list[Tensor]] = []

        def control(call: Attention) -> Attention:
            if call.index in chosen and rows:
                looks = zip(rows, call.looks_at_text(rows), strict=True)
                words = [_of_words(each, text.words[row]) for row, each in looks]
                found.append([_enlarge(each, call.layer.grid, cells_of(z)) for each in words])
            return call

        answer = attending(self._model, control).predict(z, sigma, text)
        for row, each in zip(rows, zip(*found, strict=True), strict=True):
            self.seen[row] = torch.stack(each).mean(0)
        return answer


def choose_layers(every: Sequence[Layer], layers: WordLayers, cells: Cells) -> frozenset[int]:
    """Return the numbers of the attentions that count, for latents of ``cells``.

    Raises:
        UnsupportedError: there are none.
    """
    grids = {(-(-cells[0] // stride), -(-cells[1] // stride)) for stride in layers.strides}
    looking = [k for k, layer in enumerate(every) if layer.text is not None]
    first = int(layers.depth[0] * len(looking))
    last = max(first + 1, int(layers.depth[1] * len(looking)))
    found = frozenset(k for k in looking[first:last] if not grids or every[k].grid in grids)
    if not found:
        raise UnsupportedError("none of its attentions is one that its card names")
    return found


def _of_words(looks: Tensor, words: Sequence[int | None]) -> Tensor:
    """Return looks at tokens (cells, tokens) as those at words (words, cells)."""
    numbers = sorted({word for word in words if word is not None})
    tokens = [[k for k, each in enumerate(words) if each == number] for number in numbers]
    return torch.stack([looks[:, each].mean(1) for each in tokens])


def _enlarge(looks: Tensor, grid: Cells, cells: Cells) -> Tensor:
    values = looks.reshape(1, len(looks), *grid)
    found = torch.nn.functional.interpolate(values, cells, mode="bilinear", align_corners=False)
    return found[0]
