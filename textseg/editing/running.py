"""From the plan of an edit to the edited picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from textseg.diffusion.model import Conditioning
from textseg.editing.apply import FollowWalk, Paths, Words
from textseg.editing.attempts import Contest
from textseg.editing.placing import Place
from textseg.editing.planning import EditPlan
from textseg.editing.remaking import Order, Part, Remade, remake, remake_around
from textseg.editing.result import Edit, composite
from textseg.encoded import EncodedPicture, Texts, encode_picture
from textseg.images import Picture


class OpenedParts:
    """Parts of a picture as the model reads them; the last one is kept."""

    def __init__(self, read: EncodedPicture) -> None:
        """Take the whole picture."""
        self._read = read
        self._kept: dict[Part, tuple[EncodedPicture, Paths]] = {}

    def __call__(self, part: Part) -> tuple[EncodedPicture, Paths]:
        """Return a part, and the trajectories that are known of it."""
        if part not in self._kept:
            top, left, bottom, right = part
            rgb = np.ascontiguousarray(self._read.rgb[top:bottom, left:right])
            read = encode_picture(self._read.model, Picture(rgb, None, "RGB"), None)
            self._kept = {part: (read, Paths(read.latents, None))}
        return self._kept[part]


@dataclass(frozen=True, eq=False)
class Studio:
    """What a scene knows and an edit uses: the picture, its trajectories, texts, its parts."""

    read: EncodedPicture
    paths: Paths
    texts: Texts
    parts: OpenedParts


def make_edit(
    plan: EditPlan, place: Place, texts: Conditioning, *, studio: Studio, follow: FollowWalk
) -> Edit:
    """Return the best attempt at an edit.

    Args:
        plan: what is to be done.
        place: where.
        texts: those of ``plan.texts``, as the model reads them.
        studio: what is there already.
        follow: sees the work, may stop it.

    Raises:
        TimeLimitError: no attempt was finished in time.
        Cancelled: ``follow`` stopped it.
    """
    from textseg.registry.methods import method_name

    read, words = studio.read, Words(texts[0], texts[1], texts[2], texts[3])

    def make(seed: int, here: FollowWalk) -> Remade:
        order = Order(plan.method, words, seed, here)
        if plan.crop:
            return remake_around(read, place.region, order, studio.parts)
        return remake(read, studio.paths, place.region, order)

    contest = Contest(read, place.region, plan.name, studio.texts)
    best = contest.best(make, seed=plan.seed, attempts=plan.attempts, follow=follow)
    edit = Edit(
        picture=composite(read.picture, best.remade.rgb, place.region),
        before=read.picture,
        mask=place.region,
        raw=best.remade.rgb,
        query=plan.query,
        target=plan.target,
        prompt=words.target.prompts[0],
        source_prompt=words.source.prompts[0],
        negative=words.negative.prompts[0],
        name=method_name(plan.method),
        method=plan.method,
        seed=best.seed,
        evaluations=replace(best.evaluations, mask=place.evaluations),
        seconds=0.0,
        segmentation=place.found,
        notes=(*dict.fromkeys(note for t in texts.notes for note in t), *read.picture.notes),
        attempts=best.attempts,
        card=read.model.card.name,
    )
    if not best.stopped:
        return edit
    made = len(best.attempts)
    return edit.cut_short(f"stopped at the time limit after {made} of {plan.attempts} attempts")
