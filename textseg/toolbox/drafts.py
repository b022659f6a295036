"""From what an operation found to what a workspace keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from textseg.images import Picture, png_bytes, to_uint16
from textseg.provenance import GENERATED, Label
from textseg.saving import picture_bytes
from textseg.toolbox.create import CreateAnswer
from textseg.toolbox.edit import EditAnswer, PlanAnswer
from textseg.toolbox.segment import SegmentAnswer
from textseg.workspace import Draft, Kind, Record, Workspace

if TYPE_CHECKING:
    from textseg.checking import Facts
    from textseg.editing.result import Edit
    from textseg.segmentation.mask import Mask
    from textseg.toolbox.create_facts import CreateArguments, CreateResult
    from textseg.toolbox.edit_facts import ChangeFacts, EditArguments, EditResult, PlanResult
    from textseg.toolbox.meaning import MadeAnswer, MadeT
    from textseg.toolbox.retouch_facts import MadeFacts, Meant
    from textseg.toolbox.segment_facts import SegmentArguments, SegmentResult
    from textseg.toolbox.shelf_facts import MaskFacts

Parts = dict[str, tuple[str, bytes]]


@cache
def versions() -> dict[str, str]:
    """Return the versions that decide what a model's picture looks like, besides our own."""
    return {name: metadata.version(name) for name in ("torch", "diffusers", "transformers")}


def segmentation_drafts(
    answer: SegmentAnswer, arguments: SegmentArguments, image: str, workspace: Workspace
) -> tuple[SegmentResult, list[Draft]]:
    """Return the facts with a handle for each mask, and what is to be kept of a picture's masks."""
    from textseg.segmentation.keeping import segmentation_bytes

    queries = [
        facts.model_copy(update={"mask": workspace.new_handle("mask")})
        for facts in answer.result.queries
    ]
    result = answer.result.model_copy(update={"queries": queries})
    drafts = []
    for facts, mask in zip(queries, answer.masks, strict=True):
        found = answer.segmentations[facts.query]
        parts = mask_parts(mask) | {"segmentation": ("npz", segmentation_bytes(found))}
        alone = result.model_copy(update={"queries": [facts]})
        about = _About("segment", image, arguments, alone)
        drafts.append(about.draft("mask", facts.mask, mask.size, parts))
    return result, drafts


def edit_drafts(
    answer: EditAnswer, arguments: EditArguments, image: Record, workspace: Workspace
) -> tuple[EditResult, list[Draft]]:
    """Return the facts with the handles of picture and mask, and what is to be kept."""
    handles = {
        "picture": workspace.new_handle("image"),
        "region_mask": workspace.new_handle("mask"),
    }
    result = answer.result.model_copy(update={**handles, "root": image.root})
    about = _About("edit", image.handle, arguments, result)
    return result, _change_drafts(about, result, answer.edit, answer.label)


def plan_draft(
    answer: PlanAnswer, arguments: EditArguments, workspace: Workspace
) -> tuple[PlanResult, Draft]:
    """Return the facts with the handle of the mask, and what is to be kept: where it may change."""
    from textseg.segmentation.mask import Mask

    plan, handle = answer.plan, workspace.new_handle("mask")
    result = answer.result.model_copy(update={"region_mask": handle})
    mask = Mask.of(plan.region, plan.before.visible(), name="what may change")
    about = _About("plan", result.image, arguments, result)
    return result, about.draft("mask", handle, mask.size, mask_parts(mask))


def create_drafts(
    answer: CreateAnswer, arguments: CreateArguments, workspace: Workspace
) -> tuple[CreateResult, list[Draft]]:
    """Return the facts with the handles of all pictures and masks, and what is to be kept."""
    from textseg.scene.keeping import generation_bytes

    first = workspace.new_handle("image")
    changes = [
        facts.model_copy(
            update={
                "picture": workspace.new_handle("image"),
                "region_mask": workspace.new_handle("mask"),
            }
        )
        for facts in answer.result.changes
    ]
    result = answer.result.model_copy(
        update={
            "changes": changes,
            "generated": first,
            "picture": changes[-1].picture if changes else first,
        }
    )
    parts: Parts = {
        "picture": ("png", _labelled(answer.generated, GENERATED)),
        "generation": ("npz", generation_bytes(answer.scenes[0])),
    }
    about = _About("generate", None, arguments, result)
    drafts = [about.draft("image", first, answer.generated.size, parts)]
    before: str | None = first
    for facts, edit in zip(changes, answer.edits, strict=True):
        drafts += _change_drafts(_About("edit", before, arguments, facts), facts, edit, GENERATED)
        before = facts.picture
    return result, drafts


def made_drafts(
    answer: MadeAnswer[MadeT], arguments: Meant, image: Record, workspace: Workspace
) -> tuple[MadeT, list[Draft]]:
    """Return the facts with the handles of a picture that no model made, and what is to be kept.

    The mask belongs to the picture before; where all of it was meant there is none.
    """
    from textseg.segmentation.mask import Mask

    result = answer.result.model_copy(
        update={
            "picture": workspace.new_handle("image"),
            "region_mask": None if answer.weight is None else workspace.new_handle("mask"),
            "root": image.root,
        }
    )
    about = _About(arguments.operation, image.handle, arguments, result)
    content = _labelled(answer.picture, answer.label)
    drafts = [
        about.draft("image", result.picture, answer.picture.size, {"picture": ("png", content)})
    ]
    if answer.weight is not None:
        mask = Mask.of(answer.weight, answer.before.visible(), name=result.query or result.action)
        drafts.append(about.draft("mask", result.region_mask, mask.size, mask_parts(mask)))
    return result, drafts


def mask_parts(mask: Mask) -> Parts:
    """Return the parts of a mask: a 16-bit picture for people, the exact values for us."""
    from textseg.segmentation.keeping import mask_bytes

    return {"picture": ("png", png_bytes(to_uint16(mask.soft))), "mask": ("npz", mask_bytes(mask))}


def mask_draft(
    mask: Mask, arguments: Facts | None, result: MaskFacts, *, operation: str, parent: str
) -> Draft:
    """Return what is to be kept of a mask that a person made or corrected."""
    about = _About(operation, parent, arguments, result)
    return about.draft("mask", result.mask, mask.size, mask_parts(mask))


@dataclass(frozen=True)
class _About:
    """What the drafts of one change have in common."""

    operation: str
    parent: str | None
    arguments: Facts | None
    result: SegmentResult | ChangeFacts | PlanResult | CreateResult | MaskFacts | MadeFacts

    def draft(self, kind: Kind, handle: str | None, size: tuple[int, int], parts: Parts) -> Draft:
        assert handle is not None, "handles are given before"
        return Draft(
            handle=handle,
            kind=kind,
            parent=self.parent,
            operation=self.operation,
            arguments={} if self.arguments is None else self.arguments.model_dump(mode="json"),
            result=self.result.model_dump(mode="json"),
            seed=getattr(self.result, "seed", None),
            model=getattr(self.result, "model", None),
            versions=versions(),
            size=size,
            parts=parts,
        )


def _change_drafts(about: _About, facts: ChangeFacts, edit: Edit, label: Label) -> list[Draft]:
    """Return picture and mask of a change; the mask belongs to the picture before."""
    from textseg.scene.keeping import edit_bytes
    from textseg.segmentation.keeping import segmentation_bytes
    from textseg.segmentation.mask import Mask

    parts: Parts = {
        "picture": ("png", _labelled(edit.picture, label)),
        "edit": ("npz", edit_bytes(edit)),
    }
    if edit.segmentation is not None:
        parts["segmentation"] = ("npz", segmentation_bytes(edit.segmentation))
    mask = Mask.of(edit.mask, edit.before.visible(), name=facts.query or facts.target)
    return [
        about.draft("image", facts.picture, edit.size, parts),
        about.draft("mask", facts.region_mask, edit.size, mask_parts(mask)),
    ]


def _labelled(picture: Picture, label: Label) -> bytes:
    return picture_bytes(picture.pixels(), "PNG", label=label, icc_profile=picture.icc_profile)
