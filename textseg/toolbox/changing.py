"""One change of one picture, as single edits and chains of them make it, and what it did."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_jsonable_python

from textseg.errors import TimeLimitError
from textseg.images import Picture, open_picture
from textseg.toolbox.edit_facts import ChangeFacts, CheckFacts, EvaluationFacts, LookFacts
from textseg.toolbox.selecting import Narrowed, mean_rgb
from textseg.toolbox.selecting_facts import Selecting

if TYPE_CHECKING:
    from textseg.editing.planning import EditPlan
    from textseg.editing.result import Edit
    from textseg.scene import EditKeywords, Scene
    from textseg.segmentation.mask import Mask
    from textseg.segmentation.result import Segmentation

VISIBLE = 8 / 255  # a smaller change of every colour is hardly seen


@dataclass(frozen=True)
class Changed:
    """An edit, the scene of the edited picture, and what a second look at it found."""

    edit: Edit
    scene: Scene
    selecting: Selecting
    look: Segmentation | None


def change_scene(
    scene: Scene,
    query: str,
    target: str,
    *,
    selecting: Selecting,
    check: bool,
    options: EditKeywords,
) -> Changed:
    """Return the picture of a scene with one thing changed.

    Args:
        scene: of the picture.
        query: what to change.
        target: what it becomes; empty to remove it.
        selecting: what narrows the query; nothing where ``options`` have a mask.
        check: look at the edited picture again, if there is time for it; a model that follows
            instructions decides nothing about what is there, and does not look.
        options: keywords of ``Scene.edit``.
    """
    from textseg.scene import Scene

    start, follow = time.perf_counter(), (options.get("progress"), options.get("cancel"))
    plan = plan_change(scene, query, target, selecting=selecting, options=options)
    edit = scene.carry_out(plan, progress=follow[0], cancel=follow[1])
    edit = replace(edit, seconds=time.perf_counter() - start)
    after = Scene.open(as_stored(edit.picture), scene.model, captioner=scene.captioner)
    what = target or query
    look = None
    if check and what and not scene.model.card.language.instructed:
        try:
            look = after.segment(what, progress=follow[0], cancel=follow[1])
        except TimeLimitError:  # the edit is made all the same
            edit = edit.cut_short("no time was left to look at the picture again")
    return Changed(edit, after, selecting, look)


def plan_change(
    scene: Scene, query: str, target: str, *, selecting: Selecting, options: EditKeywords
) -> EditPlan:
    """Return what ``change_scene`` would make of these."""
    if not (query and selecting.selects):
        plan = scene.plan(query, target, **options)
        return replace(plan, where=f"at the {selecting.region}") if selecting.region else plan
    mask, found, cost = _narrowed(scene, query, selecting, options)
    options = {**options, "mask": mask, "threshold": None}
    named = query
    if selecting.invert:  # what is to change has no name: it is not the query
        named = ""
        if not target and options.get("prompt") is None:
            options = {**options, "prompt": ""}
    plan = scene.plan(named, target, **options)
    where, evaluations = f"where it is {mask.title}", plan.evaluations + cost
    return replace(plan, query=query, segmentation=found, evaluations=evaluations, where=where)


def as_stored(picture: Picture) -> Picture:
    """Return the picture as a file of it gives it back, with 8 bits a channel.

    What follows an edit starts from this, so that it is the same now and in a later process.
    """
    stored, size = picture.pixels(), picture.rgb[..., 0].size
    return replace(open_picture(stored, max_pixels=size), icc_profile=picture.icc_profile)


def change_facts(changed: Changed, known: Sequence[str] = ()) -> ChangeFacts:
    """Return the facts of a change; remarks that are ``known`` are left out."""
    from textseg.editing.base import options_of

    edit, look = changed.edit, changed.look
    found, cost = edit.segmentation, edit.evaluations
    looked = 0 if look is None else look.evaluations
    unknown = look.notes[:1] if look is not None and look.present is None else ()
    return ChangeFacts(
        query=edit.query,
        target=edit.target,
        exclude=changed.selecting.exclude,
        invert=changed.selecting.invert,
        region=changed.selecting.region,
        method=edit.name,
        options=to_jsonable_python(options_of(edit.method)),
        seed=edit.seed,
        attempts=max(1, len(edit.attempts)),
        stopped=edit.stopped,
        prompt=edit.prompt,
        source_prompt=edit.source_prompt,
        negative=edit.negative,
        presence=None if found is None else found.presence,
        share=edit.share,
        check=check_facts(edit, look),
        evaluations=EvaluationFacts(**asdict(cost), check=looked, total=cost.total + looked),
        seconds=edit.seconds,
        notes=[note for note in dict.fromkeys((*unknown, *edit.notes)) if note not in known],
    )


def check_facts(edit: Edit, look: Segmentation | None) -> CheckFacts:
    """Return what an edit did, measured on its pictures."""
    inside = edit.mask > 0
    seen = np.abs(edit.picture.rgb - edit.before.rgb).max(-1) > VISIBLE
    return CheckFacts(
        changed_outside=edit.changed_outside,
        changed_share=float(seen[inside].mean()) if inside.any() else 0.0,
        change_inside=min(edit.change_inside, 1.0),
        mean_rgb_before=mean_rgb(edit.before.rgb, inside),
        mean_rgb_after=mean_rgb(edit.picture.rgb, inside),
        look=None if look is None else _look_facts(look, inside),
    )


def _look_facts(look: Segmentation, inside: NDArray[np.bool_]) -> LookFacts:
    binary = look.binary()
    return LookFacts(
        query=look.query,
        present=look.present,
        presence=None if look.present is None else look.presence,
        reason=look.caveat,
        inside=float(binary[inside].mean()) if inside.any() else 0.0,
    )


def _narrowed(
    scene: Scene, query: str, selecting: Selecting, options: EditKeywords
) -> tuple[Mask, Segmentation, int]:
    """Return the mask, what was found for the query, and the evaluations that it took."""
    progress, cancel = options.get("progress"), options.get("cancel")
    first = scene.segment(query, progress=progress, cancel=cancel)
    others = (
        scene.segment(selecting.exclude, progress=progress, cancel=cancel)
        if selecting.exclude
        else None
    )
    narrowed = Narrowed(
        first, others, selecting.model_copy(update={"invert": False}), options.get("threshold")
    )
    mask = narrowed.mask
    if not mask.binary().any():  # also where everything but that is meant: it would be all
        raise narrowed.why_empty(scene.model)
    cost = first.evaluations + (0 if others is None else others.evaluations)
    return ~mask if selecting.invert else mask, first, cost
