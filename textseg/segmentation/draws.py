"""At which noise levels, and with which noises, a picture is looked at.

Levels are spread over log-SNR, which for z = (1 - sigma) x0 + sigma eps is
2 log((1 - sigma) / sigma): there, every stretch of the same width counts the same in the integrals
of arXiv:2310.07972.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from textseg.diffusion.sampling import draw_noise
from textseg.diffusion.snr import log_snr as log_snr
from textseg.diffusion.snr import sigma_at as sigma_at
from textseg.errors import InvalidInputError


@dataclass(frozen=True)
class Draw:
    """One noised copy of the picture: which noise, with which sign, at which level.

    ``weight`` is the width in log-SNR that the draw stands for, times the number of draws: the
    mean of the weighted values over all draws is the integral.
    """

    seed: int
    sign: float
    sigma: float
    weight: float

    def noise(self, latents: Tensor) -> Tensor:
        """Return the noise (c, h, w), drawn again from the seed instead of being kept."""
        return self.sign * draw_noise(latents.shape[1:], seed=self.seed).to(latents.device)


def plan_draws(
    draws: int,
    *,
    levels: int | Sequence[float] | None,
    sigma_range: tuple[float, float],
    covered: tuple[float, float],
    seed: int,
    antithetic: bool,
    early: bool,
) -> list[Draw]:
    """Return the draws by level, or for ``early`` stops so that any beginning covers all levels.

    ``covered`` are the lowest and highest level of the model; the rest is as ``noise_difference``
    takes it. Antithetic draws follow one another.

    Raises:
        InvalidInputError: numbers that do not fit together, or levels that are not covered.
    """
    units = _independent(draws, antithetic)
    spaced = _spaced(levels, units, sigma_range, covered)
    places = [unit * len(spaced) // units for unit in range(units)]
    order = sorted(range(units), key=_bit_reversed if early else None)
    return [
        Draw(
            seed=int(np.random.SeedSequence((seed, unit)).generate_state(1)[0]),
            sign=sign,
            sigma=spaced[places[unit]].sigma,
            weight=spaced[places[unit]].width * units / places.count(places[unit]),
        )
        for unit in order
        for sign in ((1.0, -1.0) if antithetic else (1.0,))
    ]


@dataclass(frozen=True)
class _Level:
    sigma: float
    width: float  # in log-SNR


def _independent(draws: int, antithetic: bool) -> int:
    if draws < 1 or (antithetic and draws % 2):
        kind = "an even number of at least 2" if antithetic else "at least 1"
        raise InvalidInputError(f"draws must be {kind}, got {draws}")
    return draws // 2 if antithetic else draws


def _spaced(
    levels: int | Sequence[float] | None,
    units: int,
    sigma_range: tuple[float, float],
    covered: tuple[float, float],
) -> list[_Level]:
    """Return the levels, ascending in sigma, with the width in log-SNR that each stands for."""
    if levels is None or isinstance(levels, int):
        found = _strata(units if levels is None else levels, sigma_range, covered)
    else:
        found = _widen_levels(levels, covered)
    if not 1 <= len(found) <= units:
        raise InvalidInputError(f"{units} independent noises cannot cover {len(found)} levels")
    return found


def _strata(
    count: int, sigma_range: tuple[float, float], covered: tuple[float, float]
) -> list[_Level]:
    lowest, highest = max(sigma_range[0], covered[0]), min(sigma_range[1], covered[1])
    if not 0 < lowest < highest < 1:
        raise InvalidInputError(
            f"sigma_range {sigma_range} leaves nothing between 0 and 1 of the levels {covered} "
            "that the model covers"
        )
    width = (log_snr(lowest) - log_snr(highest)) / max(count, 1)
    return [_Level(sigma_at(log_snr(lowest) - (k + 0.5) * width), width) for k in range(count)]


def _widen_levels(levels: Sequence[float], covered: tuple[float, float]) -> list[_Level]:
    """Return these levels, each reaching half the way to its neighbours; alone it counts 1."""
    sigmas = sorted(set(levels))
    outside = [sigma for sigma in sigmas if not max(covered[0], 0) <= sigma <= min(covered[1], 1)]
    if outside or {0, 1} & set(sigmas):
        raise InvalidInputError(f"levels {sigmas} must lie inside (0, 1) and the model's {covered}")
    if len(sigmas) < 2:
        return [_Level(sigma, 1.0) for sigma in sigmas]
    steps = [log_snr(low) - log_snr(high) for low, high in itertools.pairwise(sigmas)]
    widths = [
        (before + after) / 2 for before, after in itertools.pairwise([steps[0], *steps, steps[-1]])
    ]
    return [_Level(sigma, width) for sigma, width in zip(sigmas, widths, strict=True)]


def _bit_reversed(index: int) -> int:
    return int(f"{index:032b}"[::-1], 2)
