"""Tallies of a picture as flat figures, which is how a run keeps them, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from textseg.lab.bench.editing.running import Figures
from textseg.lab.bench.masks.scoring import Tally

Kept = dict[str, float | None]


def flatten(who: str, tallies: Mapping[str, Tally]) -> Kept:
    """Return "who|field|category" -> number, and "who|field k|category" for number k of a tuple.

    Zeros of tuples are left out: most categories are not found in most pictures.
    """
    found: Kept = {}
    for category, tally in tallies.items():
        for field, value in vars(tally).items():
            if isinstance(value, tuple):
                found |= {f"{who}|{field} {k}|{category}": n for k, n in enumerate(value) if n}
            else:
                found[f"{who}|{field}|{category}"] = value
        found[f"{who}|levels|{category}"] = len(tally.unions)
    return found


def gather(who: str, figures: Figures) -> dict[str, Tally]:
    """Return the tallies that `flatten` made figures of, by category."""
    found: defaultdict[str, dict[str, float | None]] = defaultdict(dict)
    for key, value in figures.items():
        asked, _, rest = key.partition("|")
        field, divided, category = rest.partition("|")
        if asked == who and divided:
            found[category][field] = value
    return {category: _tally(fields) for category, fields in found.items()}


def _tally(fields: Mapping[str, float | None]) -> Tally:
    def numbers(name: str) -> tuple[int, ...]:
        levels = range(int(fields["levels"] or 0))
        return tuple(int(fields.get(f"{name} {k}") or 0) for k in levels)

    return Tally(
        there=_truth(fields["there"]),
        alone=bool(fields["alone"]),
        pixels=int(fields["pixels"] or 0),
        intersections=numbers("intersections"),
        unions=numbers("unions"),
        ap=fields["ap"],
        two_sided_ap=fields["two_sided_ap"],
        presence=fields["presence"],
        present=_truth(fields["present"]),
    )


def _truth(value: float | None) -> bool | None:
    return None if value is None else bool(value)
