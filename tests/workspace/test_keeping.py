"""What is kept and how it is told: handles, records, the latest image, what cannot be kept."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.workspace.helpers import (
    HEIGHT,
    WIDTH,
    check_whole,
    encoded,
    image_draft,
    keep_both,
    mask_draft,
    pixels,
)
from textseg.errors import (
    InvalidInputError,
    NothingToUndoError,
    UnknownHandleError,
    WorkspaceError,
)
from textseg.images import to_uint8
from textseg.workspace import Draft, Record, Undone, Workspace
from textseg.workspace.records import ALPHABET


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace")


def chain(workspace: Workspace, length: int) -> list[Record]:
    """Keep images, each made from the one before and the latest in its turn."""
    made: list[Record] = []
    for seed in range(length):
        draft = image_draft(workspace, made[-1].handle if made else None, seed)
        made += workspace.keep([draft], head=draft.handle)
    return made


# -- handles


@pytest.mark.parametrize(("bits", "length"), [(50, 10), (51, 11), (128, 26), (250, 50)])
def test_handle_says_the_kind_and_has_the_bits(tmp_path: Path, bits: int, length: int) -> None:
    workspace = Workspace.open(tmp_path, handle_bits=bits)
    assert re.fullmatch(rf"img_[{ALPHABET}]{{{length}}}", workspace.new_handle("image"))
    assert re.fullmatch(rf"mask_[{ALPHABET}]{{{length}}}", workspace.new_handle("mask"))
    draft = image_draft(workspace)
    assert workspace.keep([draft])[0].handle == draft.handle


def test_characters_of_handles_cannot_be_confused() -> None:
    assert len(set(ALPHABET)) == 32
    assert ALPHABET == ALPHABET.lower()
    assert set("ilo").isdisjoint(ALPHABET)  # 1 and 0 have no doubles


def test_handles_are_drawn_evenly_and_never_twice(workspace: Workspace) -> None:
    handles = [workspace.new_handle("image").removeprefix("img_") for _ in range(3200)]
    assert len(set(handles)) == len(handles)
    counts = np.array([[h[place] for h in handles].count(c) for place in (0, 9) for c in ALPHABET])
    assert counts.min() > 50  # 100 are expected, with a standard deviation of 10
    assert counts.max() < 150


@pytest.mark.parametrize("bits", [0, 49, 251])
def test_handles_that_are_too_short_or_too_long_are_refused(tmp_path: Path, bits: int) -> None:
    with pytest.raises(InvalidInputError, match=rf"50 to 250 random bits, not {bits}"):
        Workspace.open(tmp_path / "new", handle_bits=bits)
    assert not (tmp_path / "new").exists()


# -- records


def test_record_says_all_about_an_item(workspace: Workspace) -> None:
    before = datetime.now(UTC)
    image, mask = keep_both(workspace, seed=3)
    record = workspace.record(image.handle)
    assert record == image
    assert (record.kind, record.parent, record.root) == ("image", None, image.handle)
    assert (mask.kind, mask.parent, mask.root) == ("mask", image.handle, image.handle)
    assert (record.height, record.width) == (HEIGHT, WIDTH)
    assert (record.operation, record.seed, record.model) == ("generate", 3, "picturebook")
    assert record.arguments == {"target": "blue house"}
    assert record.result == {"share": 0.25}
    assert set(record.versions) == {"textseg", "python", "torch"}
    assert before.replace(microsecond=0) <= datetime.fromisoformat(record.created)
    assert datetime.fromisoformat(record.created) <= datetime.now(UTC)
    assert workspace.bytes_of(record) == encoded(seed=3)
    assert workspace.bytes_of(record, "arrays") == b"numbers" * 100
    np.testing.assert_array_equal(to_uint8(workspace.picture(record).rgb), pixels(3))


def test_file_beside_an_item_says_the_same_to_people(workspace: Workspace) -> None:
    image, mask = keep_both(workspace)
    text = (workspace.folder / "items" / f"{image.handle}.json").read_text()
    assert text.count("\n") > 20
    said = json.loads(text)
    assert said["record"] == image.model_dump(mode="json")
    assert said["together"] == [image.handle, mask.handle]


def test_records_cannot_be_changed(workspace: Workspace) -> None:
    image, _ = keep_both(workspace)
    with pytest.raises(ValueError, match="frozen"):
        image.seed = 7  # type: ignore[misc]  # wrong on purpose


def test_everything_is_private(workspace: Workspace) -> None:
    keep_both(workspace)
    assert stat.S_IMODE(workspace.folder.stat().st_mode) == 0o700
    for path in workspace.folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_folder_of_somebody_gets_private_items(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").write_text("mine")
    keep_both(Workspace.open(tmp_path))
    Workspace.open(tmp_path)
    assert stat.S_IMODE((tmp_path / "items").stat().st_mode) == 0o700
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_workspace_without_a_folder_is_a_new_private_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one, other = Workspace.open(None), Workspace.open(None)
    assert one.folder != other.folder
    assert one.folder.parent == tmp_path.resolve()
    assert stat.S_IMODE(one.folder.stat().st_mode) == 0o700
    keep_both(one)
    assert check_whole(Workspace.open(one.folder)) == 2


# -- several at once


def test_root_and_parent_may_be_of_the_same_call(workspace: Workspace) -> None:
    first = image_draft(workspace)
    second = image_draft(workspace, first.handle)
    mask = mask_draft(workspace, second.handle)
    records = workspace.keep([first, second, mask], head=second.handle)
    assert [record.parent for record in records] == [None, first.handle, second.handle]
    assert {record.root for record in records} == {first.handle}
    assert workspace.latest() == records[1]


def test_call_with_nothing_to_keep_keeps_nothing(workspace: Workspace) -> None:
    assert workspace.keep([]) == []
    assert check_whole(workspace) == 0


def test_latest_stays_without_a_head(workspace: Workspace) -> None:
    image, _ = keep_both(workspace)
    workspace.keep([image_draft(workspace, image.handle), mask_draft(workspace, image.handle)])
    assert workspace.latest() == image


def broken_drafts(workspace: Workspace, there: Record, mask: Record) -> dict[str, list[Draft]]:
    fine = image_draft(workspace)
    stranger = workspace.new_handle("image")
    child = image_draft(workspace, fine.handle)
    return {
        "unknown parent": [fine, image_draft(workspace, stranger)],
        "parent comes later": [child, fine],
        "mask as parent": [fine, image_draft(workspace, mask.handle)],
        "comes twice": [fine, fine],
        "handle is taken": [
            fine,
            with_changes(image_draft(workspace, seed=9), handle=there.handle),
        ],
        "no size": [fine, with_changes(image_draft(workspace), size=(0, 8))],
        "not finite": [fine, with_changes(image_draft(workspace), result={"share": float("nan")})],
        "broken text": [fine, with_changes(image_draft(workspace), model="\ud800")],
        "no operation": [fine, with_changes(image_draft(workspace), operation="")],
    }


def with_changes(draft: Draft, **changes: object) -> Draft:
    values = {name: getattr(draft, name) for name in draft.__dataclass_fields__}
    return Draft(**(values | changes))  # type: ignore[arg-type]  # some are wrong on purpose


@pytest.mark.parametrize(
    "fault",
    [
        "unknown parent",
        "parent comes later",
        "mask as parent",
        "comes twice",
        "handle is taken",
        "no size",
        "not finite",
        "broken text",
        "no operation",
    ],
)
def test_one_bad_draft_keeps_the_whole_call_out(workspace: Workspace, fault: str) -> None:
    there, mask = keep_both(workspace)
    with pytest.raises((InvalidInputError, WorkspaceError)):
        workspace.keep(broken_drafts(workspace, there, mask)[fault])
    assert check_whole(workspace) == 2


@pytest.mark.parametrize("kind", ["image", "mask"])
def test_head_that_is_not_an_image_keeps_the_whole_call_out(
    workspace: Workspace, kind: str
) -> None:
    image = image_draft(workspace)
    mask = mask_draft(workspace, image.handle)
    head = mask.handle if kind == "mask" else workspace.new_handle("image")
    with pytest.raises(UnknownHandleError):
        workspace.keep([image, mask], head=head)
    assert check_whole(workspace) == 0


@pytest.mark.parametrize(
    ("part", "suffix"),
    [
        ("arrays", "../x"),
        ("arrays", ".npz"),
        ("arrays", ""),
        ("../x", "npz"),
        ("Arrays", "npz"),
        ("arrays", "json"),
        ("a" * 17, "npz"),
    ],
)
def test_parts_have_plain_names(workspace: Workspace, part: str, suffix: str) -> None:
    with pytest.raises(InvalidInputError, match="a part cannot be called"):
        with_changes(image_draft(workspace), parts={"picture": ("png", b""), part: (suffix, b"")})


@pytest.mark.parametrize(
    "handle", ["", "img_", "img_../../../x", "IMG_0123456789", "img_abcdefghil"]
)
def test_draft_needs_a_handle_from_the_workspace(workspace: Workspace, handle: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a handle for an image"):
        with_changes(image_draft(workspace), handle=handle)


def test_draft_needs_a_picture_and_a_handle_of_its_kind(workspace: Workspace) -> None:
    with pytest.raises(InvalidInputError, match="has a part 'picture'"):
        with_changes(image_draft(workspace), parts={})
    with pytest.raises(InvalidInputError, match="is not a handle for a mask"):
        with_changes(image_draft(workspace), kind="mask")


# -- what the disk does


@pytest.mark.parametrize("call", range(1, 8))
def test_full_disk_leaves_nothing_of_a_call(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    keep_both(workspace)
    sync, calls = os.fsync, []

    def full(number: int) -> None:
        calls.append(number)
        if len(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device", str(workspace.folder))
        sync(number)

    monkeypatch.setattr(os, "fsync", full)
    if call > 6:  # five files and the folder
        keep_both(workspace)
        return
    with pytest.raises(WorkspaceError, match="No space left") as caught:
        keep_both(workspace)
    assert "make room on the disk" in caught.value.hint
    assert check_whole(workspace) == 2
    keep_both(workspace)
    assert check_whole(workspace) == 4


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_interrupted_call_leaves_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    def interrupted(number: int) -> None:
        raise interruption

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupted)
        with pytest.raises(interruption):
            keep_both(workspace)
    assert check_whole(workspace) == 0


@pytest.mark.parametrize("damage", ["changed", "longer", "shorter", "gone", "link"])
def test_damaged_file_is_noticed(workspace: Workspace, tmp_path: Path, damage: str) -> None:
    image, _ = keep_both(workspace)
    path = workspace.folder / "items" / image.files["picture"].name
    content = path.read_bytes()
    if damage in ("gone", "link"):
        path.unlink()
    if damage == "link":
        (tmp_path / "elsewhere.png").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere.png")
    if damage == "changed":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    if damage in ("longer", "shorter"):
        path.write_bytes(content + b"x" if damage == "longer" else content[:-1])
    for read in (workspace.bytes_of, workspace.picture):
        with pytest.raises(WorkspaceError, match=f"the part 'picture' of {image.handle}"):
            read(image)
    assert workspace.bytes_of(image, "arrays") == b"numbers" * 100


def test_unknown_part_lists_the_parts(workspace: Workspace) -> None:
    image, _ = keep_both(workspace)
    with pytest.raises(InvalidInputError, match="no part 'depth'; it has picture, arrays"):
        workspace.bytes_of(image, "depth")


# -- finding things again


def test_newest_come_first_and_kinds_are_told_apart(workspace: Workspace) -> None:
    pairs = [keep_both(workspace, seed) for seed in range(3)]
    newest = [image for image, _ in reversed(pairs)]
    assert workspace.list() == newest
    assert workspace.list(limit=2) == newest[:2]
    assert workspace.list(kind="mask") == [mask for _, mask in reversed(pairs)]
    assert workspace.list(limit=2, kind=None) == [pairs[2][1], pairs[2][0]]
    assert (workspace.count(), workspace.count("mask"), workspace.count(None)) == (3, 3, 6)


@pytest.mark.parametrize("limit", [0, -1])
def test_list_of_none_is_empty(workspace: Workspace, limit: int) -> None:
    keep_both(workspace)
    assert workspace.list(limit=limit) == []


def test_unknown_handle_is_answered_with_the_newest_ones(workspace: Workspace) -> None:
    with pytest.raises(UnknownHandleError, match=r"there is no image 'img_0.*yet"):
        workspace.record("img_0000000000")
    images = chain(workspace, 7)
    with pytest.raises(UnknownHandleError) as caught:
        workspace.record("img_0000000000")
    assert caught.value.hint == "the newest: " + ", ".join(i.handle for i in images[:1:-1])
    assert caught.value.code == "unknown_handle"


def test_handle_of_the_other_kind_is_unknown(workspace: Workspace) -> None:
    image, mask = keep_both(workspace)
    assert workspace.resolve(mask.handle, "mask") == mask
    with pytest.raises(UnknownHandleError, match=f"no mask '{image.handle}'; .*{mask.handle}"):
        workspace.resolve(image.handle, "mask")
    with pytest.raises(UnknownHandleError, match=f"no image '{mask.handle}'; .*{image.handle}"):
        workspace.resolve(mask.handle)


def test_latest_mask_is_the_newest_of_the_latest_image(workspace: Workspace) -> None:
    with pytest.raises(UnknownHandleError, match="no mask 'latest'"):
        workspace.resolve("latest", "mask")
    image, _ = keep_both(workspace)
    newer = workspace.keep([mask_draft(workspace, image.handle)])[0]
    keep_both(workspace)
    workspace.choose(image.handle)
    assert workspace.resolve("latest", "mask") == newer


# -- the latest image


def test_empty_workspace_has_no_latest_image(workspace: Workspace) -> None:
    assert workspace.latest() is None
    with pytest.raises(UnknownHandleError, match="no image 'latest'; there is no image yet"):
        workspace.resolve("latest")
    with pytest.raises(NothingToUndoError, match="there is no image yet"):
        workspace.undo()


def test_undo_goes_back_one_by_one_and_loses_nothing(workspace: Workspace) -> None:
    first, second, third = chain(workspace, 3)
    assert workspace.resolve("latest") == third
    assert workspace.undo() == Undone(second, third.handle)
    assert workspace.undo() == Undone(first, second.handle)
    assert workspace.latest() == first
    with pytest.raises(NothingToUndoError, match=f"{first.handle} was not made from another"):
        workspace.undo()
    assert workspace.latest() == first
    assert check_whole(workspace) == 3
    assert workspace.choose(third.handle) == third == workspace.latest()


def test_branch_from_any_image_and_undo_along_it(workspace: Workspace) -> None:
    first, second, _ = chain(workspace, 3)
    workspace.choose(first.handle)
    branch = workspace.keep([draft := image_draft(workspace, first.handle)], head=draft.handle)[0]
    assert workspace.undo().image == first
    assert branch.root == second.root == first.handle


def test_older_image_can_be_the_head_of_a_call(workspace: Workspace) -> None:
    first, second = chain(workspace, 2)
    workspace.keep([mask_draft(workspace, second.handle)], head=first.handle)
    assert workspace.latest() == first


def test_history_says_what_was_the_latest_and_why(workspace: Workspace) -> None:
    first, second = chain(workspace, 2)
    workspace.undo()
    workspace.choose(first.handle)  # it is already
    workspace.choose(second.handle)
    steps = workspace.history()
    assert [(step.handle, step.operation) for step in steps] == [
        (second.handle, "choose"),
        (first.handle, "undo"),
        (second.handle, "edit"),
        (first.handle, "generate"),
    ]
    assert workspace.history(limit=1) == steps[:1]


@pytest.mark.parametrize("handle", ["img_0000000000", "mask", "latest", "../x"])
def test_choosing_needs_the_handle_of_an_image(workspace: Workspace, handle: str) -> None:
    image, mask = keep_both(workspace)
    with pytest.raises(UnknownHandleError):
        workspace.choose(mask.handle if handle == "mask" else handle)
    assert workspace.latest() == image


# -- back and forth


def line_of(workspace: Workspace, length: int = 3) -> list[str]:
    """Handles of images each of which was made from the one before; the last is the latest."""
    made: list[str] = []
    for seed in range(length):
        draft = image_draft(workspace, made[-1] if made else None, seed)
        workspace.keep([draft], head=draft.handle)
        made.append(draft.handle)
    return made


def test_what_was_undone_is_redone_step_by_step(workspace: Workspace) -> None:
    first, second, third = line_of(workspace)
    workspace.undo()
    workspace.undo()
    again = workspace.redo()
    assert (again.image.handle, again.undone) == (second, first)
    assert workspace.redo().image.handle == third
    with pytest.raises(NothingToUndoError):
        workspace.redo()
    assert workspace.undo().image.handle == second
    assert workspace.redo().image.handle == third


def test_going_back_to_the_original_is_one_step_that_is_redone_as_one(workspace: Workspace) -> None:
    first, _, third = line_of(workspace)
    assert workspace.undo(all_of_it=True).image.handle == first
    assert workspace.redo().image.handle == third


def test_nothing_is_redone_after_something_new(workspace: Workspace) -> None:
    first, second = line_of(workspace, 2)
    workspace.undo()
    other = image_draft(workspace, first, 9)
    workspace.keep([other], head=other.handle)
    with pytest.raises(NothingToUndoError, match="nothing to redo"):
        workspace.redo()
    assert [each.handle for each in workspace.made_from(first)] == [other.handle, second]
    with pytest.raises(NothingToUndoError, match="nothing to redo"):
        Workspace.open(None).redo()
