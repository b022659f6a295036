"""How well the captioner and the judge read rendered scenes, which they were not trained on.

What they say of edits is worth as much as what they say of pictures whose truth is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from textseg.captioning import Captioner
from textseg.lab.bench.tables import show, write_table
from textseg.lab.judge import Judge, load_judge
from textseg.lab.visible import MIN_AREA, seen_in
from textseg.picturebook.captions import SETTING_PHRASES
from textseg.picturebook.scenes import (
    HELD_OUT,
    WORLD_VERSION,
    Rendered,
    Stream,
    removed,
    render,
    sample_scene,
)
from textseg.picturebook.shapes import COLORS, KINDS
from textseg.registry.captioners import load_captioner

REVEALED = 0.02
"""Share of a removed thing's mask that others may show through for it to count as empty."""

Pair = tuple[str, str]
Tally = dict[str, list[bool]]


@dataclass(frozen=True)
class CaptionReading:
    """What a caption says: (kind, colour) of each thing in its order, and the setting or None."""

    things: tuple[Pair, ...]
    setting: str | None


def read_caption(text: str) -> CaptionReading:
    """Return what a caption of the embedded captioner's form says; other words are passed over."""
    words = text.split()
    things = [(kind, color) for color, kind in pairwise(words) if color in COLORS and kind in KINDS]
    settings = [
        name
        for name, phrases in SETTING_PHRASES.items()
        if any(text.endswith(phrase) for phrase in phrases)
    ]
    return CaptionReading(tuple(things), settings[0] if settings else None)


def measure_readers(
    scenes: int, seed: int, *, stream: Stream = "evaluation"
) -> dict[str, dict[str, float]]:
    """Measure captioner and judge; things that cover less than `MIN_AREA` do not count.

    Args:
        scenes: how many.
        seed: which ones; different seeds share no scene.
        stream: which scenes; tuning uses "calibration", reported numbers "evaluation".

    Returns:
        Three objects. "captioner": `kind` and `kind_and_color` are the shares of things named
        rightly, `held_out` the latter for pairs that training scenes never show, `false` the share
        of mentions of what is not there, `setting` and `whole` the shares of captions whose
        setting, or all of which, is right. "judge": `kind`, `color`, `both` and `held_out` (both)
        are shares of things, `found` of things at which it finds anything, `nothing` of places
        from which a thing was removed at which it does not. "facts": what was asked. A share that
        nothing was counted for is left out.
    """
    captioner, judge = load_captioner(), load_judge()
    said: Tally = {}
    judged: Tally = {}
    for i in range(scenes):
        rendered = render(sample_scene(stream, seed * 1_000_000 + i))
        _add(said, _caption_facts(rendered, captioner))
        _add(judged, _judge_facts(rendered, judge))
    facts = {"scenes": scenes, "seed": seed, "world": WORLD_VERSION, "things": len(said["kind"])}
    return {"captioner": _shares(said), "judge": _shares(judged), "facts": {**facts}}


def table(report: dict[str, dict[str, float]]) -> str:
    """Return the shares of `measure_readers` as a Markdown table."""
    names = list(dict.fromkeys(name for part in ("captioner", "judge") for name in report[part]))
    rows = (
        [part, *(show(report[part].get(name), "{:.1%}") for name in names)]
        for part in ("captioner", "judge")
    )
    facts = ", ".join(f"{name} {value:g}" for name, value in report["facts"].items())
    return f"{write_table(['', *names], rows)}\n\n{facts}"


def _add(tally: Tally, facts: Iterable[tuple[str, bool]]) -> None:
    for name, right in facts:
        tally.setdefault(name, []).append(right)


def _shares(tally: Tally) -> dict[str, float]:
    return {name: float(np.mean(rights)) for name, rights in tally.items()}


def _unit(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / 255


def _caption_facts(rendered: Rendered, captioner: Captioner) -> Iterator[tuple[str, bool]]:
    said = read_caption(captioner.caption(_unit(rendered.image)))
    seen = seen_in(rendered)
    things = [(kind, color) for kind, color, _ in seen.things]
    pairs, kinds = Counter(said.things), Counter(kind for kind, _ in said.things)
    for kind, color in things:
        right = _take(pairs, (kind, color))
        yield "kind_and_color", right
        yield "kind", _take(kinds, kind)
        if (color, kind) in HELD_OUT:
            yield "held_out", right
    there = Counter((thing.kind, thing.color) for thing in rendered.scene.things)
    for pair in said.things:
        yield "false", not _take(there, pair)
    yield "setting", said.setting == seen.setting
    yield "whole", said == CaptionReading(tuple(things), seen.setting)


def _take(counts: Counter[Any], item: str | Pair) -> bool:  # Any: of either
    """Tell whether one is left, and take it."""
    counts[item] -= 1
    return counts[item] >= 0


def _judge_facts(rendered: Rendered, judge: Judge) -> Iterator[tuple[str, bool]]:
    rgb = _unit(rendered.image)
    for index, (thing, mask) in enumerate(zip(rendered.scene.things, rendered.masks, strict=True)):
        if rendered.coverage[index].mean() < MIN_AREA:
            continue
        verdict = judge.region(rgb, mask)
        both = (verdict.kind, verdict.color) == (thing.kind, thing.color)
        yield "kind", verdict.kind == thing.kind
        yield "color", verdict.color == thing.color
        yield "both", both
        yield "found", verdict.present > 0.5
        if (thing.color, thing.kind) in HELD_OUT:
            yield "held_out", both
        after = render(removed(rendered.scene, index))
        if (after.coverage.sum(0)[mask]).mean() < REVEALED:
            yield "nothing", judge.region(_unit(after.image), mask).present <= 0.5
