"""A query against its rivals: which of them explains the picture better where the query was found?

Evidence and information of ``textseg.segmentation.difference``, with a rival as the reference: the
first is the part of log p(x | query) - log p(x | rival) that the levels cover, the second what it
is on average where the query is true (arXiv:2310.07972). Their ratio in the region that the query
found is 1 for a model that is right when the query is true and the rival is not, and -1 the other
way round: nothing is fitted. The score of a query is the smallest over its rivals. Noise makes a
minimum smaller, so where to divide depends on their number (``textseg.diffusion.rivalry``).

Whoever loses has lost to something only if the model knows anything at all. So the best of the
query and its rivals has to beat noise: were the region white noise, the best estimate of eps would
be linear in z. A network that was never trained does worse than that, whatever the text, and what
it says of a query counts as lost.

All rivals are looked at with a few draws, the strongest with more, and the last with all of them;
with how many, and where, stands on the model's card (``textseg.diffusion.rivalry.Round``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textseg.diffusion.rivalry import Round
from textseg.progress import Follow
from textseg.segmentation.difference import EstimateCache, measure_change
from textseg.segmentation.draws import Draw
from textseg.segmentation.estimating import Estimator, Row
from textseg.segmentation.presence import LEAST_INFORMATION

NOISE = ""  # the rival that is no text
STAGE = "weighing rivals"


@dataclass(frozen=True, eq=False)
class Challenge:
    """A query, the cells (h, w) where it was found, the draws of its maps, and its rivals."""

    query: str
    region: NDArray[np.bool_]
    draws: tuple[Draw, ...]
    rivals: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """How a query did: its score against the strongest of its rivals.

    ``rival`` is "" where that is noise. ``evaluations`` counts the network evaluations that it
    took, ``shared_evaluations`` those among them that served several queries of the call; both are
    0 where it was known.
    """

    score: float
    rival: str
    evaluations: int = 0
    shared_evaluations: int = 0


def weigh_rivals(
    estimator: Estimator,
    challenges: Sequence[Challenge],
    *,
    rounds: Sequence[Round],
    own: EstimateCache,
    cache: EstimateCache,
    follow: Follow,
) -> list[Standing]:
    """Return how each query did.

    Args:
        estimator: asks about the picture; its texts are all queries and rivals.
        challenges: the queries, no two with the same text.
        rounds: what comes before the last rivals get all draws.
        own: estimates of the queries; what is missing is asked for.
        cache: estimates of rivals, to use and to add to.
        follow: told the number of evaluations done after each batch.

    Raises:
        OutOfMemoryError: not even one row fits.
        Cancelled: ``follow`` stopped it.
    """
    bouts = [_Bout(each, each.rivals, _planned(each.draws, rounds)) for each in challenges]
    arena, left = _Arena(estimator, bouts, follow), [each.left for each in rounds]
    arena.prepare(own, cache, left=left)
    for number, most in enumerate((*left, None)):
        arena.play(arena.wanted(number), cache)
        for bout in arena.bouts:
            bout.narrow(most)
    follow.report(STAGE, arena.of, arena.of)
    return [bout.standing(arena.shared) for bout in arena.bouts]


def _planned(draws: Sequence[Draw], rounds: Sequence[Round]) -> list[list[Draw]]:
    """Return the draws that are new in each round, and behind them all others."""
    last, left = len(draws) - 1, dict(enumerate(sorted(draws, key=lambda draw: draw.sigma)))

    def nearest(place: float) -> Draw:
        return left.pop(min(left, key=lambda number: abs(number - place * last)))

    new = [[nearest(place) for place in each.places if left] for each in rounds]
    return [*new, list(left.values())]


@dataclass(frozen=True, eq=False)
class _At:
    """A draw of a picture: its latents, clean, and their noise, both (c, h, w)."""

    clean: Tensor
    noise: Tensor
    sigma: float
    weight: float

    @classmethod
    def of(cls, draw: Draw, latents: Tensor) -> _At:
        """Return the draw of latents (1, c, h, w)."""
        return cls(latents[0], draw.noise(latents), draw.sigma, draw.weight)

    def nothing(self, region: Tensor) -> Tensor:
        """Return E[eps | z] (c, h, w) if the picture were white noise, as strong as the region."""
        z = (1 - self.sigma) * self.clean + self.sigma * self.noise
        strength = (self.clean.square() * region).sum() / (len(self.clean) * region.sum())
        return self.sigma / ((1 - self.sigma) ** 2 * strength + self.sigma**2) * z


@dataclass(eq=False)
class _Bout:
    """One query: evidence, information and draws (3,) of one text against another, and its cost.

    ``rivals`` are those that are left, the strongest first; ``draws`` are new in each round.
    """

    challenge: Challenge
    rivals: Sequence[str]
    draws: Sequence[Sequence[Draw]]
    totals: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    evaluations: int = 0

    def add(self, pair: tuple[str, str], eps: Tensor, other: Tensor | None, at: _At) -> None:
        """Take the estimates (c, h, w) of two texts in one draw; None: that of no text at all."""
        region = torch.zeros_like(eps[0])
        rows, cols = self.challenge.region.shape
        region[:rows, :cols] = torch.from_numpy(self.challenge.region)
        against = at.nothing(region) if other is None else other
        _, information, evidence = measure_change(eps, against, at.noise, at.weight)
        inside = (torch.stack([evidence, information]) * region).sum((1, 2))
        new = torch.cat([inside, inside.new_ones(1)])
        self.totals[pair] = self.totals.get(pair, torch.zeros_like(new)) + new

    def score(self, text: str, other: str) -> float:
        evidence, information, draws = self.totals[text, other].tolist()
        return float(evidence / (information + LEAST_INFORMATION * draws))

    def narrow(self, left: int | None) -> None:
        """Keep the strongest rivals, by the draws that all of them had; ``None``: all."""
        query = self.challenge.query
        self.rivals = sorted(self.rivals, key=lambda rival: self.score(query, rival))[:left]

    def standing(self, shared: int) -> Standing:
        """Return the result against the rivals that are left, which had all draws."""
        query, rival = self.challenge.query, self.rivals[0]
        score = self.score(query, rival)
        known = max(self.score(text, NOISE) for text in (query, *self.rivals))
        if known < 0:  # a trained model does better than one that knows nothing
            score, rival = min(score, known - 1), NOISE
        return Standing(score, rival, self.evaluations + shared, shared)


_Key = tuple[str, Draw]
_Wanted = dict[_Key, list[_Bout]]


class _Arena:
    """The state of one call: the queries, their estimates, and how much is done."""

    def __init__(self, estimator: Estimator, bouts: Sequence[_Bout], follow: Follow) -> None:
        self.estimator, self.bouts, self.follow = estimator, bouts, follow
        self.places = {text: place for place, text in enumerate(estimator.texts.prompts)}
        self.eps: dict[_Key, Tensor] = {}  # of the queries
        self.shared = self.of = 0

    def prepare(self, own: EstimateCache, cache: EstimateCache, *, left: Sequence[int]) -> None:
        """Gather the estimates of the queries; so many rivals are ``left`` after each round."""
        wanted: _Wanted = {
            (bout.challenge.query, draw): [bout]
            for bout in self.bouts
            for draw in bout.challenge.draws
        }
        to_come = sum(
            min(most, len(bout.rivals)) * len(new)
            for bout in self.bouts
            for most, new in zip(left, bout.draws[1:], strict=True)
        )
        self.of = to_come + sum(
            self._known(key, known) is None
            for keys, known in ((wanted, own), (self.wanted(0), cache))
            for key in keys
        )
        self.follow.report(STAGE, 0, self.of)
        for key, eps in self._gather(wanted, own):
            self.eps[key] = eps
            at = _At.of(key[1], self.estimator.latents)
            wanted[key][0].add((key[0], NOISE), eps, None, at)

    def wanted(self, number: int) -> _Wanted:
        """Return for each text and draw of a round the queries that it is asked for."""
        found: _Wanted = {}
        for bout in self.bouts:
            for draw, text in product(bout.draws[number], bout.rivals):
                found.setdefault((text, draw), []).append(bout)
        return found

    def play(self, wanted: _Wanted, cache: EstimateCache) -> None:
        """Add what the model says of these rivals: each against the queries, and against noise."""
        for (rival, draw), eps in self._gather(wanted, cache):
            at = _At.of(draw, self.estimator.latents)
            for bout in wanted[rival, draw]:
                query = bout.challenge.query
                bout.add((query, rival), self.eps[query, draw], eps, at)
                bout.add((rival, NOISE), eps, None, at)

    def _gather(self, wanted: _Wanted, known: EstimateCache) -> Iterator[tuple[_Key, Tensor]]:
        """Yield the estimates (c, h, w), those that are known first; keep and count the others."""
        missing = []
        for key in wanted:
            eps = self._known(key, known)
            if eps is None:
                missing.append(Row(key[1], self.places[key[0]]))
            else:
                yield key, eps
        for batch in self.estimator.answers(missing):
            for found in batch:
                key = self.estimator.texts.prompts[found.row.text], found.row.draw
                eps = found.eps.clone()  # a view would keep the whole batch alive
                known.put(*key, eps)
                self._count(wanted[key])
                yield key, eps
            self.follow.report(STAGE, self.estimator.evaluations, self.of)

    def _known(self, key: _Key, known: EstimateCache) -> Tensor | None:
        """Return an estimate that need not be asked for: a query may be another's rival."""
        return known.get(*key) if key not in self.eps else self.eps[key]

    def _count(self, bouts: Sequence[_Bout]) -> None:
        if len(bouts) == 1:
            bouts[0].evaluations += 1
        else:
            self.shared += 1
