"""Steps with fresh noise, as DDPM's sampler makes them (arXiv:2006.11239; eta = 1 of 2010.02502).

They are told in shares of the noise, so that they are the same for every model: of the noise of
the level that is reached, a part is the estimate's and the rest is drawn.
"""

from __future__ import annotations

import math

from torch import Tensor

from textseg.diffusion.model import Prediction
from textseg.diffusion.snr import log_snr


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
