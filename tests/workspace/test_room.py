"""What makes room in a workspace that is full, and what never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.workspace.helpers import check_whole, image_draft, keep_both, mask_draft
from textseg.errors import UnknownHandleError
from textseg.workspace import Record, Workspace, store

MANY = 1_000_000


@pytest.fixture(autouse=True)
def _ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call is made a second after the one before."""
    seconds = count()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(
        store, "now", lambda: (start + timedelta(seconds=next(seconds))).isoformat()
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "workspace", room=MANY)


def picture(workspace: Workspace) -> str:
    draft = image_draft(workspace)
    return workspace.keep([draft], head=draft.handle)[0].handle


def masks(
    workspace: Workspace, image: str, number: int = 1, operation: str = "segment"
) -> list[str]:
    """Masks of one call."""
    drafts = [replace(mask_draft(workspace, image), operation=operation) for _ in range(number)]
    return [record.handle for record in workspace.keep(drafts)]


def size_of(record: Record) -> int:
    return sum(file.bytes for file in record.files.values())


def full(workspace: Workspace, *, of: int = 0) -> Workspace:
    """The same workspace, with no room for more than there is, or for so many masks less."""
    records = workspace.list(limit=100, kind=None)
    mask = next(size_of(each) for each in records if each.kind == "mask")
    return replace(workspace, room=sum(map(size_of, records)) - of * mask)


def there(workspace: Workspace) -> set[str]:
    return {record.handle for record in workspace.list(limit=100, kind=None)}


def test_oldest_masks_make_room_for_new_ones(workspace: Workspace) -> None:
    image = picture(workspace)
    old, later = masks(workspace, image), masks(workspace, image)
    new = masks(full(workspace), image)
    assert there(workspace) == {image, *later, *new}
    assert check_whole(workspace) == 3
    names = [file.name for file in (workspace.folder / "items").iterdir()]
    assert not any(old[0] in name for name in names), "its files have gone as well"


def test_who_asks_for_what_made_room_is_told(workspace: Workspace) -> None:
    image = picture(workspace)
    [old] = masks(workspace, image)
    assert masks(full(workspace), image)
    with pytest.raises(UnknownHandleError, match="made room for newer masks"):
        workspace.record(old)


def test_masks_of_one_call_go_together(workspace: Workspace) -> None:
    image = picture(workspace)
    masks(workspace, image, number=2)
    new = masks(full(workspace), image)
    assert there(workspace) == {image, *new}
    again = Workspace.open(workspace.folder)
    (workspace.folder / "index.sqlite").rename(workspace.folder / "old")
    assert there(Workspace.open(again.folder)) == {image, *new}, "the rest is whole"


def test_what_a_person_painted_or_an_edit_mentions_stays(workspace: Workspace) -> None:
    image = picture(workspace)
    [painted] = masks(workspace, image, operation="paint")
    [used] = masks(workspace, image)
    edit = replace(image_draft(workspace, image), arguments={"mask": used})
    workspace.keep([edit])
    [plan] = masks(workspace, image, operation="plan")
    new = masks(full(workspace, of=3), image)
    assert there(workspace) == {image, painted, used, edit.handle, *new}
    assert plan not in there(workspace)


def test_pictures_and_what_was_kept_with_them_stay(workspace: Workspace) -> None:
    both = {record.handle for record in keep_both(workspace)}
    small = replace(workspace, room=1)
    [new] = masks(small, next(handle for handle in both if handle.startswith("img")))
    assert there(workspace) == both | {new}


def test_without_a_limit_everything_stays(workspace: Workspace) -> None:
    image = picture(workspace)
    free = replace(workspace, room=None)
    found = {masks(free, image)[0] for _ in range(5)}
    assert there(workspace) == found | {image}
