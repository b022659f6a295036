"""Where two texts change a model's noise estimate: the raw maps that masks are made from.

The picture is noised N times; each time the model estimates the noise once without text (the
reference) and once with each query. Three statistics come out of the same estimates, cell by
cell:

- ``difference``: the mean of |eps_query - eps_reference| over channels and draws, the map of
  DiffEdit (arXiv:2210.11427, section 3.1), unsigned;
- ``information``: half the squared difference summed over channels and integrated over log-SNR,
  in nats: the (non-negative) information between text and picture (arXiv:2310.07972);
- ``evidence``: the integral of half of |eps - eps_reference|^2 - |eps - eps_query|^2, in nats:
  its signed form, which over the whole range of levels is log p(x | query) - log p(x |
  reference). Positive only where the text explains the picture better than the reference does.

While the model answers, it is seen where it looks at the words of the query (``words``, see
``textseg.segmentation.words``).

Next to them, for three bands of levels, each draw's evidence is added up with its gains and losses
apart: what they would cancel to is in ``evidence`` already.

With z = (1 - sigma) x0 + sigma eps the log-SNR is 2 log((1 - sigma) / sigma). A truncated range
gives the part of the integral that it covers. Every query is compared on its own: what else is
asked in a call changes no map.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.errors import InvalidInputError
from textseg.images import freeze
from textseg.progress import CancelToken, Follow, ProgressCallback
from textseg.segmentation.draws import Draw, log_snr, plan_draws
from textseg.segmentation.estimating import BATCH_SIZE, Estimate, Estimator, Row

REFERENCE = 0  # row of the reference text in the table of texts; query k is row k + 1
LEAST_DRAWS = 4  # before that a spread says too little to stop early
BANDS = 3  # thirds of the log-SNR that the model's card names


@dataclass(frozen=True)
class RawMaps:
    """What the model said about one query, read-only (h, w) float32 arrays at latent size.

    Each ``*_spread`` is the standard error of its map (nan after a single draw). ``bands``
    (3, 3, h, w) has for each band of levels, least noise first, the means of gain (the positive
    part of a single draw's evidence), loss (the negative part, as a positive number) and
    information, on the scale of the whole integral; nan where no draw fell in the band.
    ``words`` (words, h, w) is how much each cell looked at each word of the query, and
    ``words_spread`` belongs to its mean over words; ``None`` where that was not seen. ``unseen``
    says why it was not, though the model's card wants it seen. ``levels`` are the levels used,
    ascending. ``evaluations`` counts the network evaluations that the call spent on these maps,
    ``shared_evaluations`` those among them that served all queries that it asked; both are 0 where
    the maps were known. ``stopped_early`` says that ``tolerance`` was met before the last draw.
    """

    query: str
    difference: NDArray[np.float32]
    information: NDArray[np.float32]
    evidence: NDArray[np.float32]
    difference_spread: NDArray[np.float32]
    information_spread: NDArray[np.float32]
    evidence_spread: NDArray[np.float32]
    bands: NDArray[np.float32]
    levels: tuple[float, ...]
    draws: int
    evaluations: int
    shared_evaluations: int
    batch_size: int
    stopped_early: bool
    words: NDArray[np.float32] | None = None
    words_spread: NDArray[np.float32] | None = None
    unseen: str = ""

    def __post_init__(self) -> None:
        """Let nobody change the maps."""
        freeze(self)

    @property
    def nbytes(self) -> int:
        """Memory that the maps take."""
        return sum(values.nbytes for values in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the maps and their spreads by name."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}

    def cropped(self, rows: int, cols: int) -> RawMaps:
        """Return the first ``rows`` and ``cols`` of all maps."""
        kept: dict[str, Any] = {k: values[..., :rows, :cols] for k, values in self.arrays().items()}
        return replace(self, **kept)  # Any: a mapping of field names has one type for all values


@dataclass(frozen=True)
class EstimateCache:
    """Estimates of one model for one picture, by text, for later calls with the same draws.

    Takes no more once ``limit_bytes`` are reached: what is missing then is evaluated again.
    """

    limit_bytes: int = 256 * 2**20
    _estimates: dict[tuple[str, Draw], Tensor] = field(default_factory=dict, repr=False)

    @property
    def full(self) -> bool:
        """Whether no further estimate is taken."""
        return sum(eps.nbytes for eps in self._estimates.values()) >= self.limit_bytes

    def get(self, text: str, draw: Draw) -> Tensor | None:
        """Return the estimate (c, h, w) of this draw, ``None`` when there is none."""
        return self._estimates.get((text, draw))

    def put(self, text: str, draw: Draw, eps: Tensor) -> None:
        """Keep the estimate of this draw, unless the cache is full."""
        if not self.full:
            self._estimates[text, draw] = eps


def noise_difference(
    model: DiffusionModel,
    latents: Tensor,
    queries: Conditioning,
    reference: Conditioning,
    *,
    draws: int | None = None,
    levels: int | Sequence[float] | None = None,
    sigma_range: tuple[float, float] | None = None,
    seed: int = 0,
    antithetic: bool = False,
    batch_size: int = BATCH_SIZE,
    tolerance: float | None = None,
    propagate: int | None = None,
    cache: EstimateCache | None = None,
    keep: EstimateCache | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> list[RawMaps]:
    """Return one ``RawMaps`` per query for a picture's latents (1, c, h, w).

    Costs draws x (queries + 1) network evaluations, draws x queries where ``cache`` has the
    reference.

    Args:
        model: the network that is asked.
        latents: the clean picture, (1, c, h, w).
        queries: the texts to look for.
        reference: the one text that all queries are compared with, usually the empty prompt.
        draws: noised copies of the picture; even when ``antithetic``; ``None`` for as many as the
            model's card says.
        levels: an ``int`` for that many levels, in the middle of equal strata of ``sigma_range``
            in log-SNR; ``None`` for as many as there are independent noises; or the levels
            themselves, over which draws are spread evenly.
        sigma_range: lowest and highest level, cut to what the model covers; not used with given
            ``levels``; ``None`` for those of the model's card.
        seed: decides all noises.
        antithetic: use every noise a second time with its sign turned, which cancels what is odd
            in the noise.
        batch_size: most rows that go through the network at once, whatever their draw, level and
            text; changes no map, bounds the memory. Halved by itself when memory runs out.
        tolerance: a query's maps are final with the first draw after which the standard error of
            its difference map (root mean square) is below this fraction of the map's own standard
            deviation, and it is not asked again from the next batch on; ``None`` never stops.
            Draws then come in an order in which every beginning covers all levels.
        propagate: how often where words are looked at is led along the network's attention among
            cells, with cells x cells numbers for each row that goes through at once; ``None`` as
            the model's card says.
        cache: reference estimates to use and to add to; it must belong to this model and these
            latents.
        keep: takes the estimates of the queries, for whoever compares them with others.
        progress: told the number of evaluations done after each batch.
        cancel: looked at before each batch.

    Raises:
        InvalidInputError: a number out of its range, or levels that the model does not cover.
        OutOfMemoryError: not even one row fits.
        Cancelled: ``cancel`` was raised.
    """
    _check(latents, queries, reference, seed=seed, batch_size=batch_size, tolerance=tolerance)
    usual = model.card.masks.levels
    plan = plan_draws(
        usual.draws if draws is None else draws,
        levels=levels,
        sigma_range=sigma_range or usual.sigma_range,
        covered=model.sigma_range,
        seed=seed,
        antithetic=antithetic,
        early=tolerance is not None,
    )
    tallies = [_Tally(2 if antithetic else 1, tolerance) for _ in range(len(queries))]
    texts = Conditioning.cat([reference, queries])
    words = model.card.masks.words
    if words is not None and propagate is not None:
        words = replace(words, propagate=propagate)
    estimator = Estimator(model, latents, texts, batch_size=batch_size, words=words)
    comparison = _Comparison(estimator, tallies, plan, cache=cache, keep=keep)
    follow, of = Follow(progress, cancel), comparison.cost()
    follow.report("comparing", 0, of)
    for done in comparison.run():
        follow.report("comparing", done, of)
    if estimator.evaluations < of:
        follow.report("comparing", of, of)
    return comparison.maps()


class _Comparison:
    """The state of one call: the table of texts, reference first, and what was added up."""

    def __init__(
        self,
        estimator: Estimator,
        tallies: Sequence[_Tally],
        plan: Sequence[Draw],
        *,
        cache: EstimateCache | None,
        keep: EstimateCache | None,
    ) -> None:
        self.estimator, self.tallies, self.plan = estimator, tallies, plan
        self.band_edges = estimator.model.card.masks.levels.band_edges
        self.cache = EstimateCache(limit_bytes=0) if cache is None else cache
        self.keep = EstimateCache(limit_bytes=0) if keep is None else keep
        self.base = estimator.latents[0]  # the latest reference estimate

    def cost(self) -> int:
        known = sum(self._cached(draw) is not None for draw in self.plan)
        return len(self.plan) * (len(self.tallies) + 1) - known

    def run(self) -> Iterator[int]:
        """Add up what the model says; yield the number of evaluations after each batch."""
        for batch in self.estimator.answers(self._rows()):
            for estimate in batch:
                self._take(estimate)
            yield self.estimator.evaluations

    def maps(self) -> list[RawMaps]:
        shared = self.estimator.evaluations - sum(tally.evaluations for tally in self.tallies)
        size = self.estimator.batch_size
        return [
            replace(
                tally.maps(query, plan=self.plan, shared=shared, batch_size=size),
                unseen=self.estimator.watcher.trouble,
            )
            for query, tally in zip(self.estimator.texts.prompts[1:], self.tallies, strict=True)
        ]

    def _rows(self) -> Iterator[Row]:
        """Yield the rows draw by draw, the reference before the queries that are not settled."""
        for draw in self.plan:
            if self._cached(draw) is None and not all(tally.settled for tally in self.tallies):
                yield Row(draw, REFERENCE)
            for text, tally in enumerate(self.tallies, start=REFERENCE + 1):
                if not tally.settled:
                    yield Row(draw, text)

    def _cached(self, draw: Draw) -> Tensor | None:
        return self.cache.get(self.estimator.texts.prompts[REFERENCE], draw)

    def _take(self, found: Estimate) -> None:
        row = found.row
        if row.text == REFERENCE:
            self.base = found.eps.clone()  # a view would keep the whole batch alive
            self.cache.put(self.estimator.texts.prompts[REFERENCE], row.draw, self.base)
            return
        if not self.keep.full:
            self.keep.put(self.estimator.texts.prompts[row.text], row.draw, found.eps.clone())
        # rows come in the order of the plan: what is not in the cache is the latest reference
        known = self._cached(row.draw)
        base = self.base if known is None else known
        statistics = measure_change(found.eps, base, found.noise, row.draw.weight)
        band = sum(log_snr(row.draw.sigma) < edge for edge in self.band_edges)
        self.tallies[row.text - 1].add(statistics, band, found.words)


class _Tally:
    """Running mean and spread of one query's statistics (3 or 4, h, w), in float32.

    A unit is one draw, or the mean of an antithetic pair. Half the mean squared difference
    between successive units is their variance; as neighbours in the plan have similar levels, how
    a statistic changes along the levels does not count as noise (J. von Neumann 1941,
    doi:10.1214/aoms/1177731677).
    """

    def __init__(self, draws_per_unit: int, tolerance: float | None) -> None:
        self.draws_per_unit, self.tolerance = draws_per_unit, tolerance
        self.evaluations = self.units = 0
        self.settled = False
        self.mean = self.last = self.roughness = self.pending = torch.zeros(())
        self.banded = [torch.zeros(()) for _ in range(BANDS)]
        self.in_band = [0] * BANDS
        self.words = torch.zeros(())

    def add(self, values: Tensor, band: int, words: Tensor | None) -> None:
        """Take the statistics (3, h, w) of the next draw, whose level lies in this band.

        ``words`` (words, h, w) is where the words of the query were looked at, if that was seen; it
        is so for all draws or for none.
        """
        self.evaluations += 1
        if self.settled:
            return
        _, information, evidence = values
        if words is not None:
            values = torch.cat([values, words.mean(0, keepdim=True)])
            self.words = self.words + (words - self.words) / self.evaluations
        parts = torch.stack([evidence.clamp(min=0), (-evidence).clamp(min=0), information])
        self.banded[band], self.in_band[band] = self.banded[band] + parts, self.in_band[band] + 1
        self.pending = self.pending + values / self.draws_per_unit
        if self.evaluations % self.draws_per_unit:
            return
        unit, self.pending = self.pending, torch.zeros(())
        self.units += 1
        if self.units > 1:
            self.roughness = self.roughness + (unit - self.last).square()
        self.last, self.mean = unit, self.mean + (unit - self.mean) / self.units
        self.settled = self._is_settled()

    def spread(self) -> Tensor:
        """Return the standard error of the mean, in its shape."""
        if self.units < 2:
            return torch.full_like(self.mean, math.nan)
        return (self.roughness / (2 * (self.units - 1) * self.units)).sqrt()

    def maps(self, query: str, *, plan: Sequence[Draw], shared: int, batch_size: int) -> RawMaps:
        difference, information, evidence, *seen = self.mean.cpu().numpy()
        spreads = self.spread().cpu().numpy()
        bands = [
            total / count if count else torch.full_like(self.mean[:3], math.nan)
            for total, count in zip(self.banded, self.in_band, strict=True)
        ]
        draws = self.units * self.draws_per_unit
        return RawMaps(
            query=query,
            difference=difference,
            information=information,
            evidence=evidence,
            difference_spread=spreads[0],
            information_spread=spreads[1],
            evidence_spread=spreads[2],
            bands=torch.stack(bands).cpu().numpy(),
            levels=tuple(sorted({draw.sigma for draw in plan[:draws]})),
            draws=draws,
            evaluations=self.evaluations + shared,
            shared_evaluations=shared,
            batch_size=batch_size,
            stopped_early=draws < len(plan),
            words=self.words.cpu().numpy() if seen else None,
            words_spread=spreads[3] if seen else None,
        )

    def _is_settled(self) -> bool:
        if self.tolerance is None or self.units < LEAST_DRAWS:
            return False
        error = self.spread()[0].square().mean().sqrt()
        return bool(error <= self.tolerance * self.mean[0].std())


def measure_change(eps: Tensor, reference: Tensor, noise: Tensor, weight: float) -> Tensor:
    """Return difference, information and evidence of one draw, (3, h, w)."""
    change = eps - reference
    difference = change.abs().mean(0)
    information = weight / 2 * change.square().sum(0)
    # |noise - reference|^2 - |noise - eps|^2 = 2 change (noise - (eps + reference) / 2), without
    # cancellation
    evidence = weight * (change * (noise - (eps + reference) / 2)).sum(0)
    return torch.stack([difference, information, evidence])


def _check(
    latents: Tensor,
    queries: Conditioning,
    reference: Conditioning,
    *,
    seed: int,
    batch_size: int,
    tolerance: float | None,
) -> None:
    if latents.ndim != 4 or len(latents) != 1:
        raise InvalidInputError(
            f"latents of one picture are (1, c, h, w), got {tuple(latents.shape)}"
        )
    if len(queries) < 1 or len(reference) != 1:
        raise InvalidInputError(
            f"needs at least one query and exactly one reference, got {len(queries)} "
            f"and {len(reference)}"
        )
    if seed < 0 or batch_size < 1 or (tolerance is not None and tolerance <= 0):
        raise InvalidInputError(
            f"seed must be >= 0, batch_size >= 1 and tolerance > 0 or None, "
            f"got {seed}, {batch_size} and {tolerance}"
        )
