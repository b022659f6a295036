"""What pictures there are, which one is the latest, and how two of them differ. Needs no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textseg.errors import InvalidInputError
from textseg.toolbox.shelf_facts import (
    CompareArguments,
    CompareResult,
    ImageFacts,
    ListArguments,
    ListResult,
    RootedFacts,
    UndoArguments,
    UndoResult,
)
from textseg.workspace import Record, Undone, Workspace, name_of, near_names

if TYPE_CHECKING:
    from PIL import Image

    from textseg.toolbox.comparing import Pictures

MOST_BRANCHES = 5  # pictures made from one that are told
MOST_SEARCHED = 1000  # pictures whose names are looked through


def list_images(workspace: Workspace, arguments: ListArguments) -> ListResult:
    """Return what pictures there are, and what files may be named, newest first."""
    limit, latest, files = arguments.limit, workspace.latest(), workspace.files()
    records, total = workspace.list(limit=limit), workspace.count()
    if arguments.name:
        records = workspace.list(limit=MOST_SEARCHED)
        known = [file.name for file in files] + [name_of(record) for record in records]
        near = set(near_names(arguments.name, known))
        records = [record for record in records if name_of(record) in near]
        files = tuple(file for file in files if file.name in near)
        total = len(records)
    return ListResult(
        images=[image_facts(record, latest) for record in records[:limit]],
        total=total,
        files=[RootedFacts(name=file.name, bytes=file.bytes) for file in files[:limit]],
        total_files=len(files),
    )


def undo(workspace: Workspace, arguments: UndoArguments) -> UndoResult:
    """Return the picture that the arguments go back or on to, which is the latest then.

    Raises:
        NothingToUndoError: the latest picture was not made by a change; nothing was undone.
        UnknownHandleError: there is no such picture.
    """
    step = _moved(workspace, arguments.to)
    made = workspace.made_from(step.image.handle, limit=MOST_BRANCHES)
    return UndoResult(
        image=image_facts(step.image, step.image),
        undone=step.undone,
        branches=[image_facts(record, step.image) for record in made],
    )


def compare(workspace: Workspace, arguments: CompareArguments) -> CompareResult:
    """Return how two pictures differ.

    Raises:
        UnknownHandleError: there is no such picture.
        InvalidInputError: the picture was made from no other, and none is named.
    """
    from textseg.toolbox.comparing import compared

    image = workspace.resolve(arguments.image)
    other = _earlier(workspace, image, arguments.other)
    pictures = _pictures(workspace, other, image)
    return compared(image, other, pictures, steps=_steps(workspace, other, image))


def both(workspace: Workspace, result: CompareResult) -> Image.Image:
    """Return the pictures that were compared, side by side, the earlier one on the left."""
    from textseg.toolbox.comparing import side_by_side

    records = (workspace.record(handle) for handle in (result.other, result.image))
    return side_by_side(_pictures(workspace, *records))


def _pictures(workspace: Workspace, first: Record, last: Record) -> Pictures:
    return workspace.picture(first).visible(), workspace.picture(last).visible()


def _moved(workspace: Workspace, to: str) -> Undone:
    if to == "redo":
        return workspace.redo()
    if to in ("", "previous", "original"):
        return workspace.undo(all_of_it=to == "original")
    chosen, before = workspace.resolve(to), workspace.latest()
    workspace.choose(chosen.handle)
    return Undone(chosen, (before or chosen).handle)


def _earlier(workspace: Workspace, image: Record, name: str) -> Record:
    """Return what a picture was made from, the first of its line, or the picture of that name."""
    if name not in ("", "previous", "original"):
        return workspace.resolve(name)
    if image.parent is None:
        raise InvalidInputError(
            f"{image.handle} was not made from another picture", hint="name the other one as well"
        )
    other = workspace.resolve(image.parent)
    while name == "original" and other.parent is not None:
        other = workspace.record(other.parent)
    return other


def _steps(workspace: Workspace, first: Record, last: Record) -> list[str]:
    """Return what was changed from a picture to one that was made from it, in words."""
    said: list[str] = []
    while last.handle != first.handle:
        if last.parent is None:
            return []
        said.append(_what(last) or last.operation)
        last = workspace.record(last.parent)
    return said[::-1]


def image_facts(record: Record, latest: Record | None) -> ImageFacts:
    """Return the facts of a picture."""
    return ImageFacts(
        handle=record.handle,
        name=name_of(record),
        width=record.width,
        height=record.height,
        made_by=record.operation,
        what=_what(record),
        parent=record.parent,
        latest=latest is not None and latest.handle == record.handle,
        created=record.created,
    )


def _what(record: Record) -> str:
    """Return in a few words what was made or changed."""
    facts: dict[str, Any] = record.result  # Any: JSON
    if record.operation == "generate":
        return str(facts.get("prompt", ""))
    if record.operation in ("retouch", "arrange"):
        told = (str(facts.get(name, "")) for name in ("action", "query", "to"))
        return " ".join(filter(None, told))
    return _change(facts) if record.operation == "edit" else ""


def _change(facts: dict[str, Any]) -> str:  # Any: JSON
    query, target = facts.get("query", ""), facts.get("target", "")
    if facts.get("invert"):
        query = f"everything except {query}"
    if not target:
        return f"removed {query or 'what a mask showed'}"
    return f"{query} -> {target}" if query else f"added {target}"
