"""Noise levels told as log-SNR, the coordinate in which models are alike."""

from __future__ import annotations

import math


def log_snr(sigma: float) -> float:
    """Return the log-SNR of a level in (0, 1); it falls as ``sigma`` rises."""
    return 2 * math.log((1 - sigma) / sigma)


def sigma_at(value: float) -> float:
    """Return the level that has this log-SNR."""
    return 1 / (1 + math.exp(value / 2))
