"""Whether a query is in the picture, told from where the network looks at its words.

Words that are true are looked at more, in the region that the query changes, and all of them at the
same place. How much more is a network's own, and its world's: the numbers are for a calibration.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-6  # of a look; below it there is none
WORD_FEATURES = (
    "words_most",
    "words_inside",
    "words_peak",
    "words_unsure",
    "noun_most",
    "noun_inside",
    "noun_peak",
    "weakest_most",
    "weakest_inside",
    "words_agree",
    "words_several",
)


def word_features(
    words: NDArray[np.float32], spread: NDArray[np.float32], region: NDArray[np.bool_]
) -> dict[str, float]:
    """Return the features of ``WORD_FEATURES``, all finite.

    "most" is the largest look, "inside" the mean in the region, "peak" the largest over the mean,
    each as a logarithm, of the mean of all words, of the noun, and of the word that has least of
    it. "agree" is the correlation of the first word with the noun, 1 for a single word; "unsure"
    the standard error where they are looked at most.

    Args:
        words: (words, h, w) looks at each word of the query; the last one is taken as its noun.
        spread: (h, w) standard error of their mean.
        region: (h, w) the cells that the query changes.
    """
    together, noun = words.mean(0, dtype=np.float64), words[-1]
    return {
        "words_most": _log(together.max()),
        "words_inside": _log(together[region].mean()),
        "words_peak": _log(together.max()) - _log(together.mean()),
        "words_unsure": _log(np.nan_to_num(spread).flat[together.argmax()]),
        "noun_most": _log(noun.max()),
        "noun_inside": _log(noun[region].mean()),
        "noun_peak": _log(noun.max()) - _log(noun.mean()),
        "weakest_most": _log(words.max((1, 2)).min()),
        "weakest_inside": _log(words[:, region].mean(1).min()),
        "words_agree": _correlation(words[0], noun),
        "words_several": float(len(words) > 1),
    }


def _log(value: float | np.floating[Any]) -> float:
    return float(np.log(max(float(value), LEAST)))


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if min(np.ptp(one), np.ptp(other)) == 0:
        return 0.0
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
