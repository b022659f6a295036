"""Where a network looks at the words of a text while it answers: cross-attention as a map.

What DAAM (arXiv:2210.04885, section 3) and DiffSegmenter (arXiv:2309.02773) read from a network is
had on the way, without a further evaluation: the probabilities with which the cells of chosen
layers look at the tokens of a word, averaged over heads, layers and tokens. As in DiffSegmenter
they can be led along the attention of cells to one another, which tells what belongs together.
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
        own = choose_own(every, layers, cells_of(z)) if layers.propagate else frozenset[int]()
        rows = [row for row, words in enumerate(text.words) if set(words) - {None}]
        found: list[list[Tensor]] = []
        belonging: list[Tensor] = []

        def control(call: Attention) -> Attention:
            layer = call.layer
            if call.index in chosen and rows and layer.text is not None:
                looks = zip(rows, call.looks_of_cells(rows, layer.text), strict=True)
                words = [_of_words(each, text.words[row]) for row, each in looks]
                found.append([_resize(each, layer.grid, cells_of(z)) for each in words])
            if call.index in own and rows:
                looks_at_cells = call.looks_of_cells(rows, layer.picture)
                shares = looks_at_cells / looks_at_cells.sum(-1, keepdim=True)
                belonging[:] = [belonging[0] + shares] if belonging else [shares]
            return call

        answer = attending(self._model, control).predict(z, sigma, text)
        for k, (row, each) in enumerate(zip(rows, zip(*found, strict=True), strict=True)):
            seen = torch.stack(each).mean(0)
            if belonging:
                grid = every[min(own)].grid
                seen = _propagate(seen, belonging[0][k] / len(own), grid, times=layers.propagate)
            self.seen[row] = seen
        return answer


def choose_layers(every: Sequence[Layer], layers: WordLayers, cells: Cells) -> frozenset[int]:
    """Return the numbers of the attentions in which words are seen, for latents of ``cells``.

    Raises:
        UnsupportedError: there are none.
    """
    grids = _grids(layers.strides, cells)
    looking = [k for k, layer in enumerate(every) if layer.text is not None]
    first = int(layers.depth[0] * len(looking))
    last = max(first + 1, int(layers.depth[1] * len(looking)))
    found = frozenset(k for k in looking[first:last] if not grids or every[k].grid in grids)
    if not found:
        raise UnsupportedError("none of its attentions is one that its card names")
    return found


def choose_own(every: Sequence[Layer], layers: WordLayers, cells: Cells) -> frozenset[int]:
    """Return the numbers of the attentions in which cells look at cells, those of most cells.

    Raises:
        UnsupportedError: there are none.
    """
    grids = _grids(layers.cells, cells)
    found = [k for k, layer in enumerate(every) if layer.kind != "cross" and layer.grid in grids]
    if not found:
        raise UnsupportedError("its card names no attention among cells that it has")
    most = max(every[k].cells for k in found)
    return frozenset(k for k in found if every[k].cells == most)


def _grids(strides: Sequence[int], cells: Cells) -> set[Cells]:
    return {(-(-cells[0] // stride), -(-cells[1] // stride)) for stride in strides}


def _propagate(seen: Tensor, belonging: Tensor, grid: Cells, *, times: int) -> Tensor:
    """Return A^times c: maps (words, h, w) after cells took what those have that they look at.

    ``belonging`` (cells, cells) is A, whose rows sum to one.
    """
    found = _resize(seen, cells_of(seen), grid).flatten(1).T  # (cells, words)
    for _ in range(times):
        found = belonging @ found
    return _resize(found.T, grid, cells_of(seen))


def _of_words(looks: Tensor, words: Sequence[int | None]) -> Tensor:
    """Return looks at tokens (cells, tokens) as those at words (words, cells)."""
    numbers = sorted({word for word in words if word is not None})
    tokens = [[k for k, each in enumerate(words) if each == number] for number in numbers]
    return torch.stack([looks[:, each].mean(1) for each in tokens])


def _resize(maps: Tensor, grid: Cells, cells: Cells) -> Tensor:
    """Return maps (n, cells of the grid) as (n, h, w) with other cells."""
    values = maps.reshape(1, len(maps), *grid)
    found = torch.nn.functional.interpolate(values, cells, mode="bilinear", align_corners=False)
    return found[0]
