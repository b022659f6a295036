"""Ridge logistic regression, of which calibrations are made."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special


def fit_logistic(
    table: NDArray[np.float64],
    truth: NDArray[np.bool_],
    *,
    ridge: float,
    counts: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Return the weight of each column and the bias that best tell true rows from false ones.

    Args:
        table: (rows, columns).
        truth: (rows,).
        ridge: penalty on the squared coefficients of standardised columns, against the mean
            log-loss.
        counts: (rows,) how much each row counts; None: all the same.
    """
    mean, scale = table.mean(0), np.maximum(table.std(0), 1e-9)
    rows = np.column_stack([(table - mean) / scale, np.ones(len(table))])
    sign = np.where(truth, 1.0, -1.0)
    share = np.full(len(rows), 1 / len(rows)) if counts is None else counts / counts.sum()
    penalty = np.append(np.full(table.shape[1], ridge), 0.0)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (rows @ weights)
        value = share @ np.logaddexp(0, -margin) + (penalty * weights**2).sum() / 2
        slope = -(sign * special.expit(-margin) * share) @ rows + penalty * weights
        return float(value), slope

    found = optimize.minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x
    weights = found[:-1] / scale
    return weights, float(found[-1] - weights @ mean)
