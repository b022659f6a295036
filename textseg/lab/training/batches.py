"""What the denoiser trains on: batches of pictures, or windows of them, with fresh captions.

A batch is drawn in two parts. Its rows say which window of which picture is shown with which
caption: small arrays, made on processors. What the losses need is worked out from them where the
network is trained, in fixed shapes, so that a GPU never waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from multiprocessing import get_context

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from textseg.lab.training.corpus import MAX_THINGS, Corpus
from textseg.lab.training.grounding import Regions
from textseg.lab.training.vocabulary import END, MAX_TOKENS, START
from textseg.picturebook.captions import (
    PLACES,
    Caption,
    Described,
    caption,
    related_caption,
)
from textseg.picturebook.scenes import HELD_OUT
from textseg.picturebook.settings import SETTINGS
from textseg.picturebook.shapes import COLORS, KINDS

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


ROW = np.dtype([
    ("scene", np.int64),  # number of the picture
    ("at", np.int64, 2),  # first row and column of the window, in cells
    ("ids", np.int64, MAX_TOKENS),  # of the caption's tokens
    ("span", np.int64, (MAX_THINGS, 2)),  # first word and one past the last of each phrase
    ("kind", np.int64, MAX_THINGS),  # that each phrase names, -1 where there is none
    ("color", np.int64, MAX_THINGS),  # that each phrase names, -1 for any
    ("place", np.float32, (MAX_THINGS, 2)),  # columns (from, to) in which it is true
    ("told", np.bool_, (MAX_THINGS, MAX_THINGS)),  # things that each phrase means
    ("setting", np.int64, 2),  # words that name the setting, (0, 0) for none
    ("shares", np.bool_),  # phrases that mean the same thing share it
    ("seen", np.bool_, MAX_THINGS),  # things that captions may name
    ("column", np.float32, MAX_THINGS),  # centres of things, as shares of the window's width
])  # fmt: skip
"""One picture of a batch, or a window of it, with a caption."""


@dataclass(frozen=True)
class CaptionRows:
    """The rows of a batch; those with false captions come first.

    Attributes:
        values: (b,) of `ROW`.
        window: rows and columns of cells that they show.
        wrong: how many of them have a caption that is not true of their picture.
        size: number of the size, where pictures are shown at several.
    """

    values: np.ndarray
    window: tuple[int, int]
    wrong: int
    size: int = 0


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
        wrong: the first so many rows have a caption that is not true of their picture.
    """

    latents: Tensor
    ids: Tensor
    target: Tensor
    words: Tensor
    regions: Regions
    empty: Tensor
    wrong: int


@dataclass(frozen=True, eq=False)
class _View:
    """A picture of the corpus, or a window of it, and what is to be seen there.

    Attributes:
        rows: of the latents.
        columns: of the latents.
        things: (kind, colour, column as a share of the width) of what captions may name.
        slots: their numbers in the corpus.
        setting: a name of `SETTINGS`.
        world: the version that the picture, and with it the captions, are of.
    """

    rows: slice
    columns: slice
    things: list[Described]
    slots: np.ndarray
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

        Batches lie where the latents lie. Each picture has captions of its world, of `worlds` (n,)
        or version 1. A share of the batches, `windows`, shows parts of the pictures.
        """
        self._worlds = np.ones(len(latents), np.int8) if worlds is None else worlds
        self._corpus, self._latents, self._windows = corpus, latents, windows
        self._vocabulary = tokenizer.get_vocab()
        self._kinds, self._colors = list(KINDS), list(COLORS)
        self._settings = list(SETTINGS)
        device = latents.device
        self._coverage = torch.as_tensor(corpus.coverage, device=device)
        self._kind_of = torch.as_tensor(corpus.kinds.astype(np.int64), device=device)
        self._color_of = torch.as_tensor(corpus.colors.astype(np.int64), device=device)
        self._empty = torch.tensor([self.token_ids(())], device=device)

    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Return a random batch."""
        return self.assembled(self.rows(size, rng))

    def rows(self, size: int, rng: np.random.Generator) -> CaptionRows:
        """Return the rows of a random batch."""
        picks = rng.integers(0, len(self._latents), size)
        window = self._window(rng)
        wrong = int(FALSE_SHARE * compared_rows(size))
        values = np.zeros(size, ROW)
        for number, index in enumerate(picks):
            view = self._view(int(index), window, rng)
            self._fill(values[number], view, self._caption(view, rng, false=number < wrong))
        values["scene"] = picks
        return CaptionRows(values, window, wrong)

    def _fill(self, row: np.void, view: _View, said: Caption) -> None:
        row["at"] = view.rows.start, view.columns.start
        row["ids"] = self.token_ids(said.words)
        row["setting"], row["shares"] = said.setting or (0, 0), said.shares
        row["seen"][view.slots] = True
        row["column"][view.slots] = [column for _, _, column in view.things]
        row["kind"][:] = -1
        for k, phrase in enumerate(said.phrases):
            row["span"][k] = phrase.words
            row["kind"][k] = self._kinds.index(phrase.kind)
            row["color"][k] = -1 if phrase.color is None else self._colors.index(phrase.color)
            row["place"][k] = (0, 2) if phrase.place is None else PLACES[phrase.place]
            row["told"][k][view.slots] = [phrase.means(*thing) for thing in view.things]

    def assembled(self, rows: CaptionRows) -> Batch:
        """Return the batch that rows stand for, worked out where the latents lie."""
        device = self._latents.device
        r = {
            name: torch.from_numpy(np.ascontiguousarray(rows.values[name])).to(device)
            for name in ROW.names or ()
        }
        coverage = self._cut(self._coverage, r, rows.window).float() / 255  # (b, things, h, w)
        coverage = coverage * r["seen"][..., None, None]
        target, words = _grounds(r, coverage)
        return Batch(
            self._cut(self._latents, r, rows.window).float(),
            r["ids"],
            target,
            words,
            self._regions(r, coverage),
            self._empty,
            rows.wrong,
        )

    def _cut(self, of: Tensor, r: Mapping[str, Tensor], window: tuple[int, int]) -> Tensor:
        """Return the windows of the rows (b, ...) from what there is of all pictures (n, ...)."""
        rows, columns = (
            r["at"][:, axis, None] + torch.arange(side, device=of.device)
            for axis, side in enumerate(window)
        )
        channels = torch.arange(of.shape[1], device=of.device)[None, :, None, None]
        scenes = r["scene"][:, None, None, None]
        return of[scenes, channels, rows[:, None, :, None], columns[:, None, None, :]]

    def _regions(self, r: Mapping[str, Tensor], coverage: Tensor) -> Regions:
        b, device = len(coverage), coverage.device
        thing = r["seen"] & (coverage.sum((2, 3)) > MIN_CELLS)
        phrase = r["kind"] >= 0
        kind, color = (of[r["scene"]][..., None, None] for of in (self._kind_of, self._color_of))
        column, place = r["column"][..., None, None], r["place"]
        fits = kind == r["kind"]  # (b, things, b, phrases)
        fits &= (color == r["color"]) | (r["color"] < 0)
        fits &= (place[..., 0] <= column) & (column < place[..., 1])
        own = torch.arange(b, device=device)
        fits[own, :, own, :] = r["told"].transpose(1, 2)  # what is said of others counts there
        return Regions(
            coverage,
            r["span"][..., 1],  # the start token is number 0, so one past the last word is the noun
            fits & thing[..., None, None] & phrase,
            thing,
            phrase,
        )

    def token_ids(self, words: tuple[str, ...]) -> list[int]:
        """Return the ids of a caption of known words, as the tokenizer would give them."""
        body = [self._vocabulary[word + "</w>"] for word in words]
        start, end = self._vocabulary[START], self._vocabulary[END]
        return [start, *body, *[end] * (MAX_TOKENS - 1 - len(body))]

    def _window(self, rng: np.random.Generator) -> tuple[int, int]:
        """Return rows and columns of what a batch shows: the whole, or one of the windows."""
        whole = self._corpus.coverage.shape[-1]
        if rng.random() >= self._windows:
            return whole, whole
        rows, columns = WINDOWS[int(rng.integers(len(WINDOWS)))]
        steps = whole // _WINDOW_STEP
        return round(rows * steps) * _WINDOW_STEP, round(columns * steps) * _WINDOW_STEP

    def _view(self, index: int, window: tuple[int, int], rng: np.random.Generator) -> _View:
        """Return a window that cuts no thing in a way that leaves open whether it is there."""
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
            np.flatnonzero(known)[seen],
            self._settings[c.settings[index]],
            int(self._worlds[index]),
        )

    def _caption(self, view: _View, rng: np.random.Generator, *, false: bool) -> Caption:
        if not false and rng.random() < EMPTY_SHARE:
            return Caption(())
        things = self._misremembered(view.things, rng) if false else view.things
        while True:
            said = _CAPTIONS[view.world](things, view.setting, rng)
            if len(said.words) <= MAX_TOKENS - 2 and len(said.phrases) <= MAX_THINGS:
                return said

    def _misremembered(self, things: list[Described], rng: np.random.Generator) -> list[Described]:
        """Return other things: wrong in colour, in kind, or all from another picture."""
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


class SeveralSizes:
    """Draws batches of the same pictures at several sizes, each of one size."""

    def __init__(self, sizes: Sequence[CaptionedLatents], shares: Sequence[float]) -> None:
        """Draw from each of `sizes` its share of the batches; they add up to 1."""
        self._sizes, self._shares = sizes, shares

    def rows(self, size: int, rng: np.random.Generator) -> CaptionRows:
        """Return the rows of a random batch."""
        drawn = int(rng.choice(len(self._sizes), p=self._shares))
        return replace(self._sizes[drawn].rows(size, rng), size=drawn)

    def assembled(self, rows: CaptionRows) -> Batch:
        """Return the batch that rows stand for."""
        return self._sizes[rows.size].assembled(rows)


Drawing = CaptionedLatents | SeveralSizes
"""Whatever draws batches."""


def _grounds(r: Mapping[str, Tensor], coverage: Tensor) -> tuple[Tensor, Tensor]:
    """Return the groups of the rows, 0 the rest, then the phrases, last the setting.

    They are the share of each cell (b, groups, h, w), and the tokens (b, groups, tokens).
    """
    told = r["told"].float()  # (b, phrases, things)
    portion = torch.where(r["shares"][:, None], 1 / told.sum(1).clamp(min=1), 1.0)
    parts = coverage * portion[..., None, None]
    free, groups = torch.ones_like(coverage[:, 0]), []
    for k in range(MAX_THINGS):  # two phrases may mean the same thing
        group = (told[:, k, :, None, None] * parts).sum(1).minimum(free.clamp(0, 1))
        groups.append(group)
        free = free - group
    said = (r["setting"][:, 1] > 0)[:, None, None]
    setting = (1 - coverage.sum(1)).clamp(0, 1) * said
    rest = (1 - torch.stack(groups).sum(0) - setting).clamp(0, 1)
    target = torch.stack([rest, *groups, setting], 1)
    token = torch.arange(MAX_TOKENS, device=coverage.device)
    spans = torch.cat([r["span"], r["setting"][:, None]], 1)  # (b, phrases and setting, 2)
    inside = (token > spans[..., :1]) & (token <= spans[..., 1:])  # the start token is number 0
    start = (token == 0).expand(len(spans), 1, -1)
    return target, torch.cat([start, inside], 1).float()


@contextmanager
def rows_ahead(
    data: Drawing, size: int, *, seed: int, first: int, workers: int
) -> Iterator[Iterator[CaptionRows]]:
    """Yield the rows of step after step without end, from step number `first` on.

    They depend on seed and step alone. Processes forked off from this one draw them ahead, or this
    one when they are asked for, if there are no `workers`.
    """
    steps = count(first)
    if not workers:
        yield (_drawn(data, size, seed, step) for step in steps)
        return
    with ProcessPoolExecutor(
        workers, get_context("fork"), initializer=_take, initargs=(data, size, seed)
    ) as pool:
        waiting = deque(pool.submit(_drawn_by_worker, step) for step in islice(steps, 2 * workers))

        def drawn() -> Iterator[CaptionRows]:
            for step in steps:
                waiting.append(pool.submit(_drawn_by_worker, step))
                yield waiting.popleft().result()

        try:
            yield drawn()
        finally:
            pool.shutdown(cancel_futures=True)


_TAKEN: list[tuple[Drawing, int, int]] = []  # of a worker: forked, so nothing is copied


def _take(data: Drawing, size: int, seed: int) -> None:
    _TAKEN.append((data, size, seed))


def _drawn_by_worker(step: int) -> CaptionRows:
    return _drawn(*_TAKEN[-1], step)


def _drawn(data: Drawing, size: int, seed: int, step: int) -> CaptionRows:
    return data.rows(size, np.random.default_rng([seed, 1, step]))


def compared_rows(size: int) -> int:
    """Return how many rows of a batch, the first ones, the locality loss looks at."""
    return max(1, size // LOCALITY_ROWS)
