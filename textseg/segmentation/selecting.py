"""What is meant by a query that was found: which part of it, and what is to be spared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from textseg.segmentation.mask import Mask
from textseg.segmentation.result import Segmentation


def select(
    found: Segmentation,
    *,
    exclude: Segmentation | None = None,
    invert: bool = False,
    region: str = "",
    threshold: float | None = None,
) -> Mask:
    """Return what is meant by a query with all that was said about it, in this order.

    The regions are picked, then ``exclude`` is taken away, then the rest is turned round, as in
    "everything except the left house". What was not found takes nothing away, so that everything
    except it is the whole picture; the same holds for a region that there is not. Where nothing can
    be said about one of the two, because ``present`` is ``None``, nothing is selected.

    Args:
        found: where the query is; empty when it is not present and no threshold is given.
        exclude: what to spare, cut where it was found.
        invert: take everything else.
        region: words for regions of the query; "" for all.
        threshold: where the query is cut; ``None`` as in ``Segmentation``.

    Raises:
        InvalidInputError: words that cannot be understood, a threshold out of range.
    """
    chosen = found.as_mask(threshold).pick(region)
    if exclude is not None:
        chosen = chosen - exclude
    if found.present is None or (exclude is not None and exclude.present is None):
        return replace(chosen, soft=np.zeros_like(chosen.soft), spared=None)
    return ~chosen if invert else chosen
