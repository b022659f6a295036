"""Steps with fresh noise, as DDPM's sampler makes them (arXiv:2006.11239; eta = 1 of 2010.02502).

They are told in shares of the noise, so that they are the same for every model: of the noise of
the level that is reached, a part is the estimate's and the rest is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from textseg.diffusion.model import Prediction
from textseg.diffusion.snr import log_snr
from textseg.diffusion.solvers import Denoiser, Solver


def fresh_share(sigma: float, to: float) -> float:
    """Return which share of the variance of the noise at ``to`` a step from ``sigma`` draws anew.

    It is 1 - SNR(sigma) / SNR(to), in [0, 1] for a step down: 1 from pure noise, and to no noise.
    """
    if sigma >= 1 or to <= 0:
        return 1.0
    return -math.expm1(log_snr(sigma) - log_snr(to))


def stochastic_mean(prediction: Prediction, sigma: float, to: float) -> Tensor:
    """Return the mean (b, c, h, w) of the state at ``to``, which leaves out the fresh noise.

    The state is that plus ``to * sqrt(fresh_share(sigma, to))`` times standard normal noise
    (arXiv:2010.02502, equation 12 with equation 16 for eta = 1).
    """
    kept = math.sqrt(1 - fresh_share(sigma, to))
    return (1 - to) * prediction.x0 + to * kept * prediction.eps


def mapped(path: Mapping[float, Tensor]) -> Solver:
    """Return the rule whose noise is what leads from state to state of a picture.

    That is edit friendly DDPM's (arXiv:2304.06140, algorithm 1). The denoiser is given one row at a
    level and answers about two: the state of ``path`` there, and the row.
    """

    def step(denoise: Denoiser, z: Tensor, sigma: float, to: float) -> tuple[Tensor, Prediction]:
        prediction = denoise(z, sigma)
        away, towards = stochastic_mean(prediction, sigma, to).chunk(2)
        return towards + (path[to] - away), prediction

    return lambda: step
