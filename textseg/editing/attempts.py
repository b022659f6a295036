"""Several attempts at the same edit, and which of them the model itself believes most.

The noise decides whether an edit comes off, more than any option does, and the model that made the
pictures can tell afterwards: the denoising error, integrated over log-SNR, is -log p of a picture
up to a constant (arXiv:2310.07972, section 3), and what the cells of the mask add to it says how
well they fit the text and all that is around them. Where something is to be there, the evidence
for its name counts, that is by how much the name makes the error smaller; where something is to be
gone, the error without any text, for what should remain is what goes on around. The same counts
where the name holds words that the model does not know: they are no evidence of anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textseg.diffusion.counting import Counter
from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.editing.apply import FollowWalk
from textseg.editing.remaking import Remade, cells_of
from textseg.editing.result import Attempt, Evaluations, composite
from textseg.encoded import EncodedPicture, Texts, encode_image, scale_image
from textseg.errors import TimeLimitError
from textseg.images import pad_to_multiple, to_tensor
from textseg.segmentation.draws import plan_draws
from textseg.segmentation.estimating import BATCH_SIZE, Estimator, Row

LOOK_SEED = 0


@dataclass(frozen=True, eq=False)
class Best:
    """The attempt that was kept, all that were made, and what they cost together.

    ``stopped`` says that the time limit came before the last one.
    """

    seed: int
    remade: Remade
    attempts: tuple[Attempt, ...]
    evaluations: Evaluations
    stopped: bool = False


@dataclass(frozen=True, eq=False)
class Contest:
    """What attempts at an edit are compared by.

    Attributes:
        encoded: the picture before.
        region: (H, W) in [0, 1], where it may change.
        name: what is to be there; "" where something is to be gone.
        texts: what the model has read.
        enough: nats a cell of the region from which on a score ends the contest; None: none does.
    """

    encoded: EncodedPicture
    region: NDArray[np.float32]
    name: str
    texts: Texts
    enough: float | None = None

    def best(
        self,
        make: Callable[[int, FollowWalk], Remade],
        *,
        seed: int,
        attempts: int,
        follow: FollowWalk,
    ) -> Best:
        """Return the best attempt; of equals the first.

        When the time limit comes, the best of those that are finished; the first one is finished
        once it is made, others once they are compared.

        Args:
            make: makes the edit from a seed.
            seed: of the first attempt; decides those of the others, see ``seed_of``.
            attempts: how many at most.
            follow: sees the work, may stop it.

        Raises:
            TimeLimitError: nothing was finished in time.
            Cancelled: ``follow`` stopped it.
        """
        if attempts == 1:
            remade = make(seed, follow)
            return Best(seed, remade, (Attempt(seed, None),), remade.evaluations)
        best: tuple[float | None, int, Remade] | None = None
        made, counter, spent = list[Attempt](), Counter(self.encoded.model), Evaluations()
        stopped, cells = False, float(cells_of(self.encoded, self.region).sum())
        for k in range(attempts):
            here, own = follow.named(f"{k + 1} of {attempts}"), seed_of(seed, k)
            try:
                remade = make(own, here)
                spent = spent.plus(remade.evaluations)
                if best is None:
                    best = None, own, remade
                score = self._score(counter.as_model, remade, here)
            except TimeLimitError:
                if best is None:
                    raise
                stopped = True
                break
            made.append(Attempt(own, score))
            if best[0] is None or score > best[0]:
                best = score, own, remade
            if self.enough is not None and score >= self.enough * cells:
                break
        assert best is not None, "there is at least one attempt"
        return Best(
            best[1],
            best[2],
            tuple(made or [Attempt(best[1], None)]),
            replace(spent, choice=counter.rows),
            stopped,
        )

    def _score(self, model: DiffusionModel, remade: Remade, follow: FollowWalk) -> float:
        picture = composite(self.encoded.picture, remade.rgb, self.region)
        latents, cells = (
            reread(self.encoded, picture.visible()),
            cells_of(self.encoded, self.region),
        )
        blank = model.card.language.blank
        texts = self.texts.embed([blank, self.name] if self.name else [blank])
        if texts.unknown[-1]:
            texts = texts[0]
        empty, *named = denoising_errors(model, latents, texts, cells, follow=follow)
        return empty - named[0] if named else -empty


def seed_of(seed: int, attempt: int) -> int:
    """Return the seed of an attempt, counted from 0; that of the first one is the seed given.

    The others are not those next to it, so that who tries the next seed tries all anew.
    """
    if attempt == 0:
        return seed
    return int(np.random.SeedSequence([seed, attempt]).generate_state(1)[0])


def denoising_errors(
    model: DiffusionModel,
    latents: Tensor,
    texts: Conditioning,
    cells: Tensor,
    *,
    follow: FollowWalk,
) -> list[float]:
    """Return for each text half the squared error of the noise estimate in the cells, in nats.

    It is summed over channels and cells and integrated over the log-SNR that the model's card names
    for attempts; the same noises serve all texts and all pictures, so that differences mean
    something.

    Args:
        model: the network that is asked.
        latents: (1, c, h, w), clean.
        texts: what the picture may show.
        cells: (1, 1, h, w), the weight of each cell.
        follow: sees the draws, may stop them.
    """
    usual = model.card.attempts.levels
    plan = plan_draws(
        usual.draws,
        levels=None,
        sigma_range=usual.sigma_range,
        covered=model.sigma_range,
        seed=LOOK_SEED,
        antithetic=False,
        early=False,
    )
    total = torch.zeros(len(texts))
    estimator = Estimator(model, latents, texts, batch_size=BATCH_SIZE)
    rows = [Row(draw, text) for draw in plan for text in range(len(texts))]
    follow.report("choosing", 0, len(rows))
    with torch.no_grad():
        for batch in estimator.answers(rows):
            for found in batch:
                error = (cells[0] * (found.eps - found.noise).square()).sum()
                total[found.row.text] += found.row.draw.weight / 2 / len(plan) * error.float().cpu()
            follow.report("choosing", estimator.evaluations, len(rows))
    return [float(value) for value in total]


def reread(encoded: EncodedPicture, rgb: NDArray[np.float32]) -> Tensor:
    """Return the latents of another picture (H, W, 3), read as the first one of its size was."""
    pixels = scale_image(to_tensor(rgb), encoded.padding.size)
    return encode_image(encoded.model, pad_to_multiple(pixels, encoded.model.size_multiple)[0])
