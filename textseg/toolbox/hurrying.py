"""Several queries and a time limit: as many are answered as there is time for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from textseg.errors import TimeLimitError
from textseg.progress import Deadline, Follow, Progress

if TYPE_CHECKING:
    from textseg.segmentation.result import Segmentation, Segmentations

Ask = Callable[[Sequence[str], Follow], "Segmentations"]
"""Looks for queries, all in the same batches."""


def ask_in_time(ask: Ask, queries: Sequence[str], follow: Follow) -> Segmentations:
    """Return what was found of as many queries as there is time for, the first ones first.

    In the same batches all are found soonest, and none before the end: as soon as that is seen to
    come too late, they are asked one after the other. What the reference text gave is known then.

    Raises:
        TimeLimitError: not one of them was found in time.
    """
    from textseg.segmentation.result import Segmentations

    if len(queries) == 1:
        return ask(queries, follow)
    with suppress(TimeLimitError):
        return ask(queries, _in_time(follow))
    found: list[Segmentation] = []
    for k, query in enumerate(queries, start=1):
        try:
            found += ask([query], follow.named(f"{k} of {len(queries)}"))
        except TimeLimitError:
            if not found:
                raise
            break
    return Segmentations(tuple(found))


def _in_time(follow: Follow) -> Follow:
    """Return who follows the same work, and stops it where its pace is too slow for the limit."""
    deadline = follow.cancel
    if not isinstance(deadline, Deadline):
        return follow
    tell, begun = follow.progress or (lambda _: None), deadline.left

    def watch(at: Progress) -> None:
        nonlocal begun
        tell(at)
        left = deadline.left
        if at.step == 0:
            begun = left
        elif (begun - left) / at.step * (at.of - at.step) > left:
            raise TimeLimitError("all together they would not be found in time")

    return replace(follow, progress=watch)
