"""What the denoiser trains on: batches of pictures, or windows of them, with fresh captions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from textseg.picturebook.captions import Caption, Described, caption, related_caption
from textseg.picturebook.corpus import MAX_THINGS, Corpus
from textseg.picturebook.grounding import Regions
from textseg.picturebook.scenes import HELD_OUT
from textseg.picturebook.settings import SETTINGS
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.picturebook.vocabulary import END, MAX_TOKENS, START

EMPTY_SHARE = 0.12
"""Share of captions that are dropped: it makes the empty prompt the unconditional model."""
LOCALITY_ROWS = 4
"""The locality loss looks at one row in so many: each costs a further forward pass."""
FALSE_SHARE = 0.5
"""How many of those rows have a caption that is not true."""
MIN_CELLS = 1.5
"""Things that cover less, in latent cells, take no part in the contrast."""
WINDOW_SHARE = 0.35
"""Share of the batches that show wide or tall windows of the pictures."""
WINDOWS = ((0.75, 1.0), (1.0, 0.75), (0.5, 1.0), (1.0, 0.5))
"""Rows and columns of the windows, as shares of the whole; few, since each is compiled anew."""
_WINDOW_STEP = 4  # cells; the denoiser halves its input twice
_SEEN = 0.4  # share of a thing inside a window from which on captions may name it
_CLEARLY_IN, _CLEARLY_OUT, _TRIES = 0.85, 0.05, 8

_CAPTIONS: dict[int, Callable[[Sequence[Described], str, np.random.Generator], Caption]] = {
    1: caption,
    2: related_caption,
}


@dataclass(frozen=True)
class Batch:
    """What one step trains on.

    Attributes:
        latents: (b, c, h, w), scaled to unit deviation.
        ids: (b, tokens) token ids.
        target: (b, groups, h, w) share of each cell that belongs to a group of words; group 0 is
            the rest, which belongs to the start token.
        words: (b, groups, tokens) which tokens make up each group.
        regions: the things and phrases of the batch.
        empty: (1, tokens) token ids of the empty caption.
        false: (b,) bool, rows whose caption is not true of their picture.
    """

    latents: Tensor
    ids: Tensor
    target: Tensor
    words: Tensor
    regions: Regions
    empty: Tensor
    false: Tensor

    def to(self, device: torch.device) -> Batch:
        """Returns the batch on a device."""
        regions = Regions(*(tensor.to(device) for tensor in vars(self.regions).values()))
        return Batch(
            self.latents.to(device),
            self.ids.to(device),
            self.target.to(device),
            self.words.to(device),
            regions,
            self.empty.to(device),
            self.false.to(device),
        )


@dataclass(frozen=True, eq=False)
class _View:
    """A picture of the corpus, or a window of it, and what is to be seen there.

    Attributes:
        rows: of the latents.
        columns: of the latents.
        things: (kind, colour, column as a share of the width) of what captions may name.
        coverage: (things, h, w), the visible share of each cell.
        setting: a name of `SETTINGS`.
        world: the version that the picture, and with it the captions, are of.
    """

    rows: slice
    columns: slice
    things: list[Described]
    coverage: np.ndarray
    setting: str
    world: int


class CaptionedLatents:
    """Draws batches: pictures with fresh captions at every step."""

    def __init__(
        self,
        corpus: Corpus,
        latents: Tensor,
        tokenizer: CLIPTokenizer,
        *,
        worlds: np.ndarray | None = None,
        windows: float = WINDOW_SHARE,
    ) -> None:
        """Draw from latents (n, c, h, w) of the corpus, in its order, scaled to unit deviation.

        Each picture has captions of its world, of `worlds` (n,) or version 1. A share of the
        batches, `windows`, shows parts of the pictures.
        """
        self._worlds = np.ones(len(latents), np.int8) if worlds is None else worlds
        self._corpus, self._latents, self._windows = corpus, latents, windows
        self._vocabulary = tokenizer.get_vocab()
        self._kinds, self._colors = list(KINDS), list(COLORS)
        self._settings = list(SETTINGS)

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Returns a random batch."""
        picks = rng.integers(0, len(self._latents), size)
        window = self._window(rng)
        ids = np.empty((size, MAX_TOKENS), np.int64)
        target = np.zeros((size, MAX_THINGS + 2, *window), np.float32)
        words = np.zeros((size, MAX_THINGS + 2, MAX_TOKENS), np.float32)
        views, said = [], []
        false = np.arange(size) < int(FALSE_SHARE * compared_rows(size))
        for row, index in enumerate(picks):
            views.append(self._view(int(index), window, rng))
            said.append(self._caption(views[row], rng, false=bool(false[row])))
            ids[row] = self.token_ids(said[row].words)
            _ground(said[row], views[row], target[row], words[row])
        chosen = zip(picks, views, strict=True)
        latents = [self._latents[int(k), :, view.rows, view.columns] for k, view in chosen]
        return Batch(
            torch.stack(latents).float(),
            torch.from_numpy(ids),
            torch.from_numpy(target),
            torch.from_numpy(words),
            _regions(views, said),
            torch.tensor([self.token_ids(())]),
            torch.from_numpy(false),
        )

    def token_ids(self, words: tuple[str, ...]) -> list[int]:
        """Returns the ids of a caption of known words, as the tokenizer would give them."""
        body = [self._vocabulary[word + "</w>"] for word in words]
        start, end = self._vocabulary[START], self._vocabulary[END]
        return [start, *body, *[end] * (MAX_TOKENS - 1 - len(body))]

    def _window(self, rng: np.random.Generator) -> tuple[int, int]:
        """Returns rows and columns of what a batch shows: the whole, or one of the windows."""
        whole = self._corpus.coverage.shape[-1]
        if rng.random() >= self._windows:
            return whole, whole
        rows, columns = WINDOWS[int(rng.integers(len(WINDOWS)))]
        steps = whole // _WINDOW_STEP
        return round(rows * steps) * _WINDOW_STEP, round(columns * steps) * _WINDOW_STEP

    def _view(self, index: int, window: tuple[int, int], rng: np.random.Generator) -> _View:
        """Returns a window that cuts no thing in a way that leaves open whether it is there."""
        c = self._corpus
        known = c.kinds[index] >= 0
        coverage = c.coverage[index][known].astype(np.float32) / 255
        whole, (rows, columns) = coverage.shape[-1], window
        for _ in range(_TRIES):
            top, left = rng.integers(whole - rows + 1), rng.integers(whole - columns + 1)
            inside = coverage[:, top : top + rows, left : left + columns]
            shares = inside.sum((1, 2)) / np.maximum(coverage.sum((1, 2)), 1e-6)
            if ((shares > _CLEARLY_IN) | (shares < _CLEARLY_OUT)).all():
                break
        seen = (shares > _SEEN) | (window == (whole, whole))  # a hidden thing stays nameable there
        labels = zip(c.kinds[index], c.colors[index], c.columns[index] * whole - left, strict=True)
        things = [
            (self._kinds[k], self._colors[q], min(max(float(x) / columns, 0.0), 1 - 1e-6))
            for k, q, x in labels
            if k >= 0
        ]
        return _View(
            slice(int(top), int(top) + rows),
            slice(int(left), int(left) + columns),
            [thing for thing, kept in zip(things, seen, strict=True) if kept],
            inside[seen],
            self._settings[c.settings[index]],
            int(self._worlds[index]),
        )

    def _caption(self, view: _View, rng: np.random.Generator, *, false: bool) -> Caption:
        if not false and rng.random() < EMPTY_SHARE:
            return Caption(())
        things = self._misremembered(view.things, rng) if false else view.things
        while True:
            said = _CAPTIONS[view.world](things, view.setting, rng)
            if len(said.words) <= MAX_TOKENS - 2:
                return said

    def _misremembered(self, things: list[Described], rng: np.random.Generator) -> list[Described]:
        """Returns other things: wrong in colour, in kind, or all from another picture."""
        if not things or rng.random() < 1 / 3:
            cells = self._corpus.coverage.shape[-1]
            return self._view(int(rng.integers(len(self._latents))), (cells, cells), rng).things
        changed = []
        for kind, color, column in things:
            while True:
                other = (kind, str(rng.choice(self._colors)))
                if rng.random() < 0.5:
                    other = (str(rng.choice(self._kinds)), color)
                if other != (kind, color) and other[::-1] not in HELD_OUT:
                    break
            changed.append((*other, column))
        return changed


def _ground(said: Caption, view: _View, target: np.ndarray, words: np.ndarray) -> None:
    """Fills the groups of one picture: 0 the rest, then the phrases, last the setting."""
    means = [phrase.means(*thing) for phrase in said.phrases for thing in view.things]
    told = np.array(means, bool).reshape(len(said.phrases), len(view.things))
    portion = 1 / np.maximum(told.sum(0), 1) if said.shares else np.ones(len(view.things))
    parts = view.coverage * portion.astype(np.float32)[:, None, None]
    for group, phrase in enumerate(said.phrases, start=1):
        free = 1 - target[1 : MAX_THINGS + 1].sum(0)  # two phrases may mean the same thing
        target[group] = np.minimum(parts[told[group - 1]].sum(0), np.clip(free, 0, 1))
        words[group, phrase.words[0] + 1 : phrase.words[1] + 1] = 1
    if said.setting is not None:
        target[-1] = np.clip(1 - view.coverage.sum(0), 0, 1)
        words[-1, said.setting[0] + 1 : said.setting[1] + 1] = 1
    target[0] = np.clip(1 - target[1:].sum(0), 0, 1)
    words[0, 0] = 1


def _regions(views: Sequence[_View], said: Sequence[Caption]) -> Regions:
    """Lists the things that are large enough and the phrases of a batch."""
    phrases = [(row, phrase) for row, text in enumerate(said) for phrase in text.phrases]
    things, coverage = [], []
    for row, view in enumerate(views):
        for thing, share in zip(view.things, view.coverage, strict=True):
            if share.sum() > MIN_CELLS:
                things.append((row, thing))
                coverage.append(share)
    match = [
        phrase.means(*thing) if row == own else phrase.fits(*thing)
        for own, thing in things
        for row, phrase in phrases
    ]
    return Regions(
        torch.tensor([row for row, _ in things], dtype=torch.long),
        torch.from_numpy(np.array(coverage, np.float32).reshape(-1, *views[0].coverage.shape[1:])),
        torch.tensor([row for row, _ in phrases], dtype=torch.long),
        # the start token is number 0, so one past the last word is the noun
        torch.tensor([phrase.words[1] for _, phrase in phrases], dtype=torch.long),
        torch.tensor(match, dtype=torch.bool).reshape(len(things), len(phrases)),
    )


def compared_rows(size: int) -> int:
    """Returns how many rows of a batch, the first ones, the locality loss looks at."""
    return max(1, size // LOCALITY_ROWS)
