"""The tasks of the editing benchmark: changes to rendered scenes, with the rendered truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from textseg.lab.training.captioner import full_caption
from textseg.lab.training.reading import seen_in, with_article
from textseg.picturebook.captions import SETTING_PHRASES
from textseg.picturebook.scenes import (
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

Rgb = NDArray[np.float32]
Mask = NDArray[np.bool_]
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


@dataclass(frozen=True, eq=False)
class Task:
    """One edit that is asked for.

    Attributes:
        operation: what kind of edit.
        query: what to change; "" where a mask says so.
        target: what it becomes; "" to remove it.
        before: (h, w, 3) in [0, 1].
        candidates: pictures that the edit may be nearest to, by what they show in the region.
        answer: the candidate that was asked for.
        region: (h, w), where the truth differs.
        pair: (kind, colour) that the judge should find in the region, or no longer find there when
            it was to be removed; None for a setting.
        bare: nothing else shows where the thing was.
        painted: (h, w), where the picture may change; None when the query says so.
        captions: of the picture as it is and as it should become.
    """

    operation: Operation
    query: str
    target: str
    before: Rgb
    candidates: Mapping[str, Rgb]
    answer: str
    region: Mask
    pair: Pair | None
    captions: tuple[str, str]
    bare: bool = True
    painted: Mask | None = None

    @property
    def truth(self) -> Rgb:
        """The picture as it should become, (h, w, 3)."""
        return self.candidates[self.answer]


@dataclass(frozen=True, eq=False)
class Exam:
    """A rendered scene, what is there, and one task for every operation.

    Attributes:
        index: number of the scene in its stream; also the seed of the edits.
        rendered: the scene.
        pair: (kind, colour) of the thing that is edited.
        tasks: in the order of `OPERATIONS`.
    """

    index: int
    rendered: Rendered
    pair: Pair
    tasks: tuple[Task, ...]


def scene_numbers(stream: Stream, *, scenes: int, seed: int, size: int = 128) -> list[int]:
    """Return the numbers of the first scenes that have a thing to edit; seeds share none."""
    editable = (
        index
        for index in count(seed * 1_000_000)
        if _editable(render(sample_scene(stream, index), size=size))
    )
    return list(islice(editable, scenes))


def exam(stream: Stream, index: int, *, size: int = 128) -> Exam:
    """Return the tasks about one scene; the same on any machine."""
    rendered = render(sample_scene(stream, index), size=size)
    rng = np.random.default_rng([SET_VERSION, 23, index])
    chosen = int(rng.choice(_editable(rendered)))
    thing = rendered.scene.things[chosen]
    return Exam(index, rendered, (thing.kind, thing.color), tuple(_tasks(rendered, chosen, rng)))


def unit(rendered: Rendered) -> Rgb:
    """Return a rendered picture (h, w, 3) with values in [0, 1]."""
    return rendered.image.astype(np.float32) / np.float32(255)


def _editable(rendered: Rendered) -> list[int]:
    """Return the numbers of the things that are large enough and that one name means alone."""
    things = rendered.scene.things
    named = Counter((thing.kind, thing.color) for thing in things)
    large = rendered.masks.mean((1, 2)) >= MIN_AREA
    return [k for k, t in enumerate(things) if large[k] and named[t.kind, t.color] == 1]


def _tasks(rendered: Rendered, chosen: int, rng: np.random.Generator) -> Iterator[Task]:
    yield _recolour(rendered, chosen, rng)
    yield _replace(rendered, chosen, rng)
    yield _remove(rendered, chosen)
    yield _add(rendered, rng)
    yield _setting(rendered, rng)


def _recolour(rendered: Rendered, chosen: int, rng: np.random.Generator) -> Task:
    thing = rendered.scene.things[chosen]
    color = _other(COLORS, thing.color, rng)
    drawn = {c: _drawn(rendered, recolored(rendered.scene, chosen, c)) for c in COLORS}
    return Task(
        operation="recolour",
        query=_name(thing),
        target=f"{color} {thing.kind}",
        before=unit(rendered),
        candidates={name: unit(picture) for name, picture in drawn.items()},
        answer=color,
        region=rendered.masks[chosen],
        pair=(thing.kind, color),
        captions=_captions(rendered, drawn[color]),
    )


def _replace(rendered: Rendered, chosen: int, rng: np.random.Generator) -> Task:
    thing = rendered.scene.things[chosen]
    kind = _other(KINDS, thing.kind, rng)
    drawn = {k: _drawn(rendered, replaced(rendered.scene, chosen, k)) for k in KINDS}
    return Task(
        operation="replace",
        query=_name(thing),
        target=f"{thing.color} {kind}",
        before=unit(rendered),
        candidates={name: unit(picture) for name, picture in drawn.items()},
        answer=kind,
        region=rendered.masks[chosen] | drawn[kind].masks[chosen],
        pair=(kind, thing.color),
        captions=_captions(rendered, drawn[kind]),
    )


def _remove(rendered: Rendered, chosen: int) -> Task:
    thing, region = rendered.scene.things[chosen], rendered.masks[chosen]
    after = _drawn(rendered, removed(rendered.scene, chosen))
    return Task(
        operation="remove",
        query=_name(thing),
        target="",
        before=unit(rendered),
        candidates={THERE: unit(rendered), GONE: unit(after)},
        answer=GONE,
        region=region,
        pair=(thing.kind, thing.color),
        captions=_captions(rendered, after),
        bare=bool(after.coverage.sum(0)[region].mean() < BARE),
    )


def _add(rendered: Rendered, rng: np.random.Generator) -> Task:
    thing = _newcomer(rendered, rng)
    scene = rendered.scene
    drawn = {k: _drawn(rendered, added(scene, _as_kind(thing, k))) for k in KINDS}
    after = drawn[thing.kind]
    region = after.masks[-1]
    reach = WIDENED * region.shape[0]
    return Task(
        operation="add",
        query="",
        target=with_article(_name(thing)),
        before=unit(rendered),
        candidates={
            GONE: unit(rendered),
            **{name: unit(picture) for name, picture in drawn.items()},
        },
        answer=thing.kind,
        region=region,
        pair=(thing.kind, thing.color),
        captions=_captions(rendered, after),
        painted=np.asarray(ndimage.distance_transform_edt(~region) <= reach),
    )


def _setting(rendered: Rendered, rng: np.random.Generator) -> Task:
    scene = rendered.scene
    setting = _other(SETTINGS, scene.setting, rng)
    drawn = {s: _drawn(rendered, moved_to(scene, s)) for s in SETTINGS}
    return Task(
        operation="setting",
        query=scene.setting,
        target=SETTING_PHRASES[setting][0],
        before=unit(rendered),
        candidates={name: unit(picture) for name, picture in drawn.items()},
        answer=setting,
        region=rendered.coverage.sum(0) < BARE,
        pair=None,
        captions=_captions(rendered, drawn[setting]),
    )


def _drawn(rendered: Rendered, scene: SceneDescription) -> Rendered:
    return render(scene, size=rendered.image.shape[0])


def _other(known: Mapping[str, object], now: str, rng: np.random.Generator) -> str:
    return str(rng.choice([name for name in known if name != now]))


def _name(thing: Thing) -> str:
    return f"{thing.color} {thing.kind}"


def _as_kind(thing: Thing, kind: str) -> Thing:
    return Thing(kind, thing.color, thing.row, thing.col, thing.size, thing.seed)


def _captions(before: Rendered, after: Rendered) -> tuple[str, str]:
    return full_caption(seen_in(before)), full_caption(seen_in(after))


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
