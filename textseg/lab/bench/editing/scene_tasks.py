"""The tasks of the editing benchmark: changes to rendered scenes, with the rendered truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.lab.bench.editing.tasks import EditTask
from textseg.lab.bench.metrics.pixels import Mask, Rgb
from textseg.lab.visible import full_caption, seen_in, with_article
from textseg.picturebook.captions import SETTING_PHRASES
from textseg.picturebook.scenes import (
    SIDE,
    Rendered,
    SceneDescription,
    Stream,
    Thing,
    added,
    moved_to,
    recolored,
    removed,
    render,
    replaced,
    sample_scene,
)
from textseg.picturebook.settings import SETTINGS
from textseg.picturebook.shapes import COLORS, KINDS

Pair = tuple[str, str]
Operation = Literal["recolour", "replace", "remove", "add", "setting"]

SET_VERSION = 1
"""Raised whenever the same seed would ask for other edits."""

OPERATIONS: tuple[Operation, ...] = ("recolour", "replace", "remove", "add", "setting")
BY_QUERY: tuple[Operation, ...] = ("recolour", "replace", "remove")
"""Operations on a thing that is found by its name; the first one finds it."""

MIN_AREA = 0.02
"""Share of the picture that the thing to be edited must visibly cover."""

WIDENED = 0.02
"""By how much the painted mask of a new thing exceeds it, as a share of the picture's side."""

BARE = 0.02
"""Share of a removed thing's place that others may cover for it to count as empty."""

PLACES = 40  # that are tried for a new thing
THERE, GONE = "there", "gone"


@dataclass(frozen=True, eq=False, kw_only=True)
class SceneTask(EditTask):
    """An edit of a rendered scene, with the rendered truth.

    Attributes:
        operation: what kind of edit.
        candidates: pictures that the edit may be nearest to, by what they show in the region.
        answer: the candidate that was asked for.
        region: (h, w), where the truth differs.
        there: (kind, colour) of what is in the region before the edit; None where nothing is named.
        pair: (kind, colour) that the judge should find in the region, or no longer find there when
            it was to be removed; None for a setting.
        bare: nothing else shows where the thing was.
        things: (kind, colour) and mask (h, w) of each that another setting has to leave alone.
    """

    operation: Operation
    candidates: Mapping[str, Rgb]
    answer: str
    region: Mask
    pair: Pair | None
    there: Pair | None = None
    bare: bool = True
    things: Sequence[tuple[Pair, Mask]] = ()

    @property
    def truth(self) -> Rgb:
        """The picture as it should become, (h, w, 3)."""
        return self.candidates[self.answer]


def scene_numbers(stream: Stream, *, scenes: int, seed: int, size: int = SIDE) -> list[int]:
    """Return the numbers of the first scenes that have a thing to edit; seeds share none."""
    editable = (
        index
        for index in count(seed * 1_000_000)
        if _editable(render(sample_scene(stream, index), size=size))
    )
    return list(islice(editable, scenes))


def scene_tasks(stream: Stream, index: int, *, size: int = SIDE) -> tuple[SceneTask, ...]:
    """Return one task a kind of edit, in the order of `OPERATIONS`; the same on any machine.

    The seed of the edits is the number of the scene.
    """
    rendered = render(sample_scene(stream, index), size=size)
    rng = np.random.default_rng([SET_VERSION, 23, index])
    chosen = int(rng.choice(_editable(rendered)))
    tasks = (
        _recolour(rendered, chosen, rng),
        _replace(rendered, chosen, rng),
        _remove(rendered, chosen),
        _add(rendered, rng),
        _setting(rendered, rng),
    )
    return tuple(replace(task, seed=index) for task in tasks)


def unit(rendered: Rendered) -> Rgb:
    """Return a rendered picture (h, w, 3) with values in [0, 1]."""
    return rendered.image.astype(np.float32) / np.float32(255)


def _editable(rendered: Rendered) -> list[int]:
    """Return the numbers of the things that are large enough and that one name means alone."""
    things = rendered.scene.things
    named = Counter((thing.kind, thing.color) for thing in things)
    large = rendered.masks.mean((1, 2)) >= MIN_AREA
    return [k for k, t in enumerate(things) if large[k] and named[t.kind, t.color] == 1]


def _recolour(rendered: Rendered, chosen: int, rng: np.random.Generator) -> SceneTask:
    thing = rendered.scene.things[chosen]
    color = _other(COLORS, thing.color, rng)
    drawn = {c: _drawn(rendered, recolored(rendered.scene, chosen, c)) for c in COLORS}
    return SceneTask(
        image=unit(rendered),
        source_prompt=_caption(rendered),
        target_prompt=_caption(drawn[color]),
        candidates=_units(drawn),
        answer=color,
        operation="recolour",
        query=_name(thing),
        target=f"{color} {thing.kind}",
        region=rendered.masks[chosen],
        there=_pair(thing),
        pair=(thing.kind, color),
    )


def _replace(rendered: Rendered, chosen: int, rng: np.random.Generator) -> SceneTask:
    thing = rendered.scene.things[chosen]
    kind = _other(KINDS, thing.kind, rng)
    drawn = {k: _drawn(rendered, replaced(rendered.scene, chosen, k)) for k in KINDS}
    return SceneTask(
        image=unit(rendered),
        source_prompt=_caption(rendered),
        target_prompt=_caption(drawn[kind]),
        candidates=_units(drawn),
        answer=kind,
        operation="replace",
        query=_name(thing),
        target=f"{thing.color} {kind}",
        region=rendered.masks[chosen] | drawn[kind].masks[chosen],
        there=_pair(thing),
        pair=(kind, thing.color),
    )


def _remove(rendered: Rendered, chosen: int) -> SceneTask:
    thing, region = rendered.scene.things[chosen], rendered.masks[chosen]
    after = _drawn(rendered, removed(rendered.scene, chosen))
    return SceneTask(
        image=unit(rendered),
        source_prompt=_caption(rendered),
        target_prompt=_caption(after),
        candidates=_units({THERE: rendered, GONE: after}),
        answer=GONE,
        operation="remove",
        query=_name(thing),
        target="",
        region=region,
        there=_pair(thing),
        pair=_pair(thing),
        bare=bool(after.coverage.sum(0)[region].mean() < BARE),
    )


def _add(rendered: Rendered, rng: np.random.Generator) -> SceneTask:
    thing = _newcomer(rendered, rng)
    scene = rendered.scene
    drawn = {k: _drawn(rendered, added(scene, replace(thing, kind=k))) for k in KINDS}
    region = drawn[thing.kind].masks[-1]
    reach = WIDENED * region.shape[0]
    return SceneTask(
        image=unit(rendered),
        source_prompt=_caption(rendered),
        target_prompt=_caption(drawn[thing.kind]),
        candidates=_units({GONE: rendered, **drawn}),
        answer=thing.kind,
        operation="add",
        query="",
        target=with_article(_name(thing)),
        mask=np.asarray(ndimage.distance_transform_edt(~region) <= reach),
        region=region,
        pair=_pair(thing),
    )


def _setting(rendered: Rendered, rng: np.random.Generator) -> SceneTask:
    scene = rendered.scene
    setting = _other(SETTINGS, scene.setting, rng)
    drawn = {s: _drawn(rendered, moved_to(scene, s)) for s in SETTINGS}
    return SceneTask(
        image=unit(rendered),
        source_prompt=_caption(rendered),
        target_prompt=_caption(drawn[setting]),
        candidates=_units(drawn),
        answer=setting,
        operation="setting",
        query=scene.setting,
        target=SETTING_PHRASES[setting][0],
        region=rendered.coverage.sum(0) < BARE,
        pair=None,
        things=[
            (_pair(thing), mask)
            for thing, mask in zip(scene.things, rendered.masks, strict=True)
            if mask.mean() >= MIN_AREA
        ],
    )


def _drawn(rendered: Rendered, scene: SceneDescription) -> Rendered:
    return render(scene, size=rendered.image.shape[0])


def _other(known: Mapping[str, object], now: str, rng: np.random.Generator) -> str:
    return str(rng.choice([name for name in known if name != now]))


def _name(thing: Thing) -> str:
    return f"{thing.color} {thing.kind}"


def _caption(rendered: Rendered) -> str:
    return full_caption(seen_in(rendered))


def _units(drawn: Mapping[str, Rendered]) -> dict[str, Rgb]:
    return {name: unit(picture) for name, picture in drawn.items()}


def _pair(thing: Thing) -> Pair:
    return thing.kind, thing.color


def _newcomer(rendered: Rendered, rng: np.random.Generator) -> Thing:
    """Return a thing that is not there yet, at the freest of some places."""
    taken = {(thing.kind, thing.color) for thing in rendered.scene.things}
    free = [(kind, color) for kind in KINDS for color in COLORS if (kind, color) not in taken]
    kind, color = free[int(rng.integers(len(free)))]
    things = [_placed(kind, color, rng) for _ in range(PLACES)]
    covered = rendered.coverage.sum(0)
    return things[int(np.argmin([_covered(covered, thing) for thing in things]))]


def _placed(kind: str, color: str, rng: np.random.Generator) -> Thing:
    size = float(rng.uniform(0.25, 0.4))
    row, col = (float(at) for at in rng.uniform(0.06 + size / 2, 0.94 - size / 2, 2))
    return Thing(kind, color, row, col, size, int(rng.integers(1 << 31)))


def _covered(covered: NDArray[np.float32], thing: Thing) -> float:
    """Return how much of a thing's square other things cover."""
    spans: Sequence[slice] = [
        slice(int((at - thing.size / 2) * side), int((at + thing.size / 2) * side) + 1)
        for at, side in zip((thing.row, thing.col), covered.shape, strict=True)
    ]
    return float(covered[spans[0], spans[1]].mean())
