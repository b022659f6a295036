"""The one way in which a model is asked about noised copies of a picture: in batches of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import torch
from torch import Tensor

from textseg.diffusion.card import WordLayers
from textseg.diffusion.model import Conditioning, DiffusionModel, per_row
from textseg.errors import OutOfMemoryError
from textseg.segmentation.draws import Draw
from textseg.segmentation.words import WordWatcher

BATCH_SIZE = 16


@dataclass(frozen=True)
class Row:
    """One question: which draw, and which text of the table."""

    draw: Draw
    text: int


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a model said of one row: its estimate of the noise (c, h, w), and the true one.

    ``words`` (words, h, w) is where it looked at the words of the text, if that was watched.
    """

    row: Row
    eps: Tensor
    noise: Tensor
    words: Tensor | None


class Estimator:
    """Asks a model about one picture and a table of texts.

    ``batch_size`` is the most rows that go through the network at once, halved by itself where
    memory runs out; ``evaluations`` counts the rows that were answered; ``watcher`` sees where the
    model looks at words.
    """

    def __init__(
        self,
        model: DiffusionModel,
        latents: Tensor,
        texts: Conditioning,
        *,
        batch_size: int,
        words: WordLayers | None = None,
    ) -> None:
        """Take a picture's latents (1, c, h, w) and the texts that rows are about.

        ``words`` says in which attentions words are looked for; ``None``: in none.
        """
        self.model, self.latents, self.texts = model, latents, texts
        self.batch_size, self.evaluations = batch_size, 0
        self.watcher = WordWatcher(model, words)

    def answers(self, rows: Iterable[Row]) -> Iterator[list[Estimate]]:
        """Yield the estimates of rows of any level and text, batch by batch, in their order.

        Rows are taken when their batch is made, so that ``rows`` may depend on what came before.

        Raises:
            OutOfMemoryError: not even one row fits.
        """
        left = iter(rows)
        while batch := list(islice(left, self.batch_size)):
            noises = {draw: draw.noise(self.latents) for draw in {row.draw for row in batch}}
            noise = torch.stack([noises[row.draw] for row in batch])
            try:
                found = self._ask(batch, noise)
            except MemoryError as error:
                self._halve(batch, error)
                left = chain(batch, left)
                continue
            self.evaluations += len(batch)
            every = zip(batch, found, noise, self.watcher.seen, strict=True)
            yield [Estimate(*each) for each in every]

    def _ask(self, batch: Sequence[Row], noise: Tensor) -> Tensor:
        sigma = self.latents.new_tensor([row.draw.sigma for row in batch])
        level = per_row(sigma, noise)
        z = (1 - level) * self.latents + level * noise
        return self.watcher.predict(z, sigma, self.texts[[row.text for row in batch]]).eps

    def _halve(self, batch: Sequence[Row], error: MemoryError) -> None:
        if len(batch) == 1:
            raise OutOfMemoryError(
                f"not even one row of latents {tuple(self.latents.shape[1:])} fits on "
                f"{self.latents.device}",
                hint="use a smaller picture or another device",
            ) from error
        self.batch_size = len(batch) // 2
