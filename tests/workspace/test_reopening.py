"""After a restart, without an index, and in folders that are not what they should be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.workspace.helpers import (
    check_whole,
    encoded,
    image_draft,
    keep_both,
    mask_draft,
)
from textseg.errors import InvalidInputError, TextsegError, WorkspaceError
from textseg.workspace import Workspace


def filled(folder: Path) -> Workspace:
    """Return a workspace with an import, two edits, an undone one and masks."""
    root = folder.with_name("root")
    root.mkdir()
    (root / "house.png").write_bytes(encoded())
    workspace = Workspace.open(folder, roots=[root])
    photo = workspace.resolve("house.png")
    for seed in (1, 2):
        draft = image_draft(workspace, photo.handle, seed)
        mask = mask_draft(workspace, photo.handle)
        workspace.keep([draft, mask], head=draft.handle)
    return workspace


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    before = filled(tmp_path / "workspace")
    before.undo()
    after = Workspace.open(before.folder, roots=before.roots)
    assert after.list(limit=100, kind=None) == before.list(limit=100, kind=None)
    assert after.history() == before.history()
    assert after.resolve("house.png") == after.latest()
    assert check_whole(after) == 5


def test_lost_index_is_made_again_from_the_files(tmp_path: Path) -> None:
    before = filled(tmp_path / "workspace")
    items, steps = before.list(limit=100, kind=None), before.history()
    (before.folder / "index.sqlite").unlink()
    after = Workspace.open(before.folder, roots=before.roots)
    assert after.list(limit=100, kind=None) == items
    assert after.history() == steps
    assert after.resolve("house.png").handle == items[-1].handle  # known by its content still
    assert check_whole(after) == 5


@pytest.mark.parametrize("damage", ["cut sidecar", "no sidecar", "cut part", "no part", "renamed"])
def test_items_that_are_not_whole_are_set_aside_with_all_of_their_call(
    tmp_path: Path, damage: str
) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    fine = keep_both(workspace)
    image, mask = keep_both(workspace, seed=1)
    items = workspace.folder / "items"
    there = {path.name for path in items.iterdir()}
    hurt = items / (mask.files["picture"].name if "part" in damage else f"{mask.handle}.json")
    if "cut" in damage:
        hurt.write_bytes(hurt.read_bytes()[:-3])
    if "no" in damage:
        hurt.unlink()
    if damage == "renamed":  # says it is another item
        hurt.write_bytes((items / f"{image.handle}.json").read_bytes())
    (workspace.folder / "index.sqlite").unlink()
    again = Workspace.open(workspace.folder)
    assert again.list(kind=None) == fine[::-1]
    assert again.latest() == fine[0]
    aside = {path.name for path in (workspace.folder / "unclaimed").iterdir()}
    kept = {path.name for path in items.iterdir()}
    assert aside | kept == there - ({hurt.name} if "no" in damage else set())
    assert all(name.startswith((image.handle, mask.handle)) for name in aside)
    Workspace.open(workspace.folder)
    assert {path.name for path in (workspace.folder / "unclaimed").iterdir()} == aside


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/passwd", "img_0123456789.png\n"])
def test_tampered_file_beside_an_item_leads_nowhere(tmp_path: Path, name: str) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    image, _ = keep_both(workspace)
    sidecar = workspace.folder / "items" / f"{image.handle}.json"
    said = json.loads(sidecar.read_text())
    said["record"]["files"]["picture"]["name"] = name
    sidecar.write_text(json.dumps(said))
    (workspace.folder / "index.sqlite").unlink()
    assert Workspace.open(workspace.folder).list(kind=None) == []


def test_leftovers_of_a_crash_are_removed_and_files_of_people_are_not(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    image, _ = keep_both(workspace)
    items = tmp_path / "items"
    left = workspace.new_handle("image")
    leftovers = [f"{left}.png", f"{left}.arrays.npz", f"{left}.json"]
    own = ["notes.txt", "img_holiday.png", f"{image.handle}.png~", "house.png"]
    for name in (*leftovers, *own):
        (items / name).write_text("x")
    Workspace.open(tmp_path)
    names = {path.name for path in items.iterdir()}
    assert names.isdisjoint(leftovers)
    assert names >= set(own)


def test_running_workspace_says_that_its_index_has_gone(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    keep_both(workspace)
    (tmp_path / "index.sqlite").unlink()
    for use in (workspace.latest, lambda: keep_both(workspace)):
        with pytest.raises(WorkspaceError, match="index cannot be used") as caught:
            use()
        assert "open the workspace again" in caught.value.hint
    assert not (tmp_path / "index.sqlite").exists()
    assert check_whole(Workspace.open(tmp_path)) == 2


def test_damaged_index_is_refused_with_the_way_out(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    keep_both(workspace)
    (tmp_path / "index.sqlite").write_bytes(b"no database at all, and long enough" * 100)
    with pytest.raises(WorkspaceError, match=r"move index\.sqlite out of the folder"):
        Workspace.open(tmp_path)
    (tmp_path / "index.sqlite").rename(tmp_path.with_name("old.sqlite"))
    assert check_whole(Workspace.open(tmp_path)) == 2


def test_workspace_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    workspace = Workspace.open(tmp_path)
    keep_both(workspace)
    database = sqlite3.connect(tmp_path / "index.sqlite")
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(WorkspaceError, match="version 2, this program knows 1; use a newer"):
        Workspace.open(tmp_path)


def test_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidInputError, match="a workspace is a folder"):
        Workspace.open(tmp_path / "file")
    with pytest.raises(WorkspaceError, match="Not a directory"):
        Workspace.open(tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["items", "index.sqlite"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "other"])
def test_links_within_a_workspace_are_not_followed(tmp_path: Path, name: str, kind: str) -> None:
    folder, elsewhere = tmp_path / "workspace", tmp_path / "elsewhere"
    folder.mkdir()
    if kind == "link":
        elsewhere.mkdir() if name == "items" else elsewhere.touch()
    if kind == "other":
        (folder / name).touch() if name == "items" else (folder / name).mkdir()
    else:
        (folder / name).symlink_to(elsewhere)
    with pytest.raises(WorkspaceError, match=rf"{name} in the workspace is not a plain"):
        Workspace.open(folder)
    assert elsewhere.exists() == (kind == "link")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may everything")
def test_protected_folder_is_an_error_without_its_path(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(TextsegError, match="Permission denied") as caught:
        Workspace.open(tmp_path / "new")
    assert str(tmp_path) not in str(caught.value)
