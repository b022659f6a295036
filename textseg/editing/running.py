"""From the plan of an edit to the edited picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from textseg.editing.apply import FollowWalk, Paths, Words
from textseg.editing.attempts import Contest
from textseg.editing.finishing import keep_detail
from textseg.editing.painting import Painting
from textseg.editing.planning import EditPlan
from textseg.editing.pyramid import blend_bands
from textseg.editing.remaking import Order, Part, Remade, remake, remake_around
from textseg.editing.result import Edit, composite
from textseg.encoded import EncodedPicture, Texts, encode_picture
from textseg.images import Picture


class OpenedParts:
    """Parts of a picture as the model reads them; the last one is kept."""

    def __init__(self, encoded: EncodedPicture) -> None:
        """Take the whole picture."""
        self._encoded = encoded
        self._kept: dict[Part, tuple[EncodedPicture, Paths]] = {}

    def __call__(self, part: Part) -> tuple[EncodedPicture, Paths]:
        """Return a part, and the trajectories that are known of it."""
        if part not in self._kept:
            top, left, bottom, right = part
            rgb = np.ascontiguousarray(self._encoded.rgb[top:bottom, left:right])
            inner = encode_picture(self._encoded.model, Picture(rgb, None, "RGB"), None)
            self._kept = {part: (inner, Paths(inner.latents, None))}
        return self._kept[part]


@dataclass(frozen=True, eq=False)
class Studio:
    """What a scene knows and an edit uses: the picture, its trajectories, texts, its parts."""

    encoded: EncodedPicture
    paths: Paths
    texts: Texts
    parts: OpenedParts


def carry_out(plan: EditPlan, studio: Studio, follow: FollowWalk) -> Edit:
    """Return the best attempt at an edit, as it is planned.

    Args:
        plan: what is to be done.
        studio: what is there already.
        follow: sees the work, may stop it.

    Raises:
        TimeLimitError: no attempt was finished in time.
        Cancelled: ``follow`` stopped it.
    """
    from textseg.registry.methods import method_name

    encoded, said = studio.encoded, plan.words
    texts = studio.texts.embed([said.source, said.target, said.negative, ""])
    words = Words(texts[0], texts[1], texts[2], texts[3])

    examples = tuple(encode_picture(encoded.model, each, None).latents for each in plan.examples)

    def make(seed: int, here: FollowWalk) -> Remade:
        order = Order(plan.method, words, seed, here, examples)
        if plan.crop:
            made = remake_around(encoded, plan.region, order, studio.parts)
        else:
            made = remake(encoded, studio.paths, plan.region, order)
        return replace(made, rgb=_finished(plan, encoded, made.rgb))

    read = dict.fromkeys(note for text in texts.notes for note in text)
    if isinstance(plan.method, Painting):  # somebody else reads them
        read = {}
    contest = Contest(encoded, plan.region, plan.name, studio.texts, plan.enough)
    best = contest.best(make, seed=plan.seed, attempts=plan.attempts, follow=follow)
    edit = Edit(
        picture=composite(plan.before, best.remade.rgb, plan.region),
        before=plan.before,
        mask=plan.region,
        raw=best.remade.rgb,
        query=plan.query,
        target=plan.target,
        prompt=said.target,
        source_prompt=said.source,
        negative=said.negative,
        name=method_name(plan.method),
        method=plan.method,
        seed=best.seed,
        evaluations=replace(best.evaluations, mask=plan.evaluations),
        seconds=0.0,
        segmentation=plan.segmentation,
        notes=(*plan.notes, *read, *best.remade.notes, *plan.before.notes),
        attempts=best.attempts,
        card=plan.card,
    )
    if not best.stopped:
        return edit
    made = len(best.attempts)
    return edit.cut_short(f"stopped at the time limit after {made} of {plan.attempts} attempts")


def _finished(
    plan: EditPlan, encoded: EncodedPicture, rgb: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return what a method made (H, W, 3) as it is to be laid under the mask."""
    if plan.detail is not None:
        rgb = keep_detail(
            encoded.rgb, rgb, plan.region, depth=plan.detail, blur=encoded.cell_pixels
        )
    return blend_bands(encoded.rgb, rgb, plan.region) if plan.blend == "pyramid" else rgb
