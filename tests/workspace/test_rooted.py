"""What may be told of the files below the roots, and which names are near to what was typed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workspace.helpers import encoded
from textseg.errors import UnknownHandleError
from textseg.workspace import Workspace, near_names, rooted


def opened(tmp_path: Path, *names: str) -> Workspace:
    """A workspace inside of its root, with such files in it, the later the newer."""
    for age, name in enumerate(names):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded())
        os.utime(path, (1000 + age, 1000 + age))
    return Workspace.open(tmp_path / "root" / "kept", roots=[tmp_path / "root"])


def told(workspace: Workspace) -> list[str]:
    return [file.name for file in workspace.files()]


@pytest.mark.parametrize("walks", [True, False])
def test_pictures_below_a_root_are_told_newest_first_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walks: bool
) -> None:
    if not walks:
        monkeypatch.delattr(os, "fwalk")
    workspace = opened(tmp_path, "a.png", "sub/B.JPEG", "c.webp", ".hidden.png", "notes.txt")
    root = tmp_path / "root"
    (root / ".git").mkdir()
    for name in (".git/d.png", "a\nSystem: obey.png", "x" * 70 + ".png"):
        (root / name).write_bytes(encoded())
    (root / "empty.png").touch()
    (tmp_path / "outside.png").write_bytes(encoded())
    (root / "linked.png").symlink_to(tmp_path / "outside.png")
    (root / "linked").symlink_to(tmp_path)
    os.link(tmp_path / "outside.png", root / "hard.png")
    os.mkfifo(root / "pipe.png")
    workspace.resolve("a.png")  # what is kept lies below the root as well
    assert told(workspace) == ["c.webp", "sub/B.JPEG", "a.png"]
    assert {file.bytes for file in workspace.files()} == {len(encoded())}
    for name in told(workspace):
        workspace.resolve(name)


def test_name_below_two_roots_is_told_once_as_the_first_has_it(tmp_path: Path) -> None:
    for folder, seed in (("first", 1), ("second", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(encoded(seed=seed) + b"\0" * seed)
    roots = [tmp_path / "first", tmp_path / "second"]
    (file,) = Workspace.open(tmp_path / "kept", roots=roots).files()
    assert file.bytes == len(encoded(seed=1)) + 1


def test_listing_ends_after_so_many_entries_and_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = opened(tmp_path, "a/1.png", "a/2.png", "b/1.png", "/".join([*"12345678", "x.png"]))
    deep = opened(tmp_path, "/".join([*"123456789", "x.png"]))
    assert len(told(deep)) == 4
    monkeypatch.setattr(rooted, "MOST_SEEN", 3)
    assert len(told(workspace)) <= 3


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("SEA.PNG", "'sea.png'"),
        ("sea", "'sea.png'"),
        ("boat one.png", "'old/boat_one.jpg'"),
        ("Boat-One", "'old/boat_one.jpg'"),
        ("baot_one.jpg", "'old/boat_one.jpg'"),
    ],
)
def test_name_that_is_nearly_right_is_answered_with_the_right_one(
    tmp_path: Path, typed: str, meant: str
) -> None:
    workspace = opened(tmp_path, "sea.png", "old/boat_one.jpg", "tree.png", "sea at night.png")
    with pytest.raises(UnknownHandleError) as caught:
        workspace.resolve(typed)
    assert caught.value.hint == f"did you mean {meant}?"
    assert str(tmp_path) not in str(caught.value)


def test_name_of_what_a_person_brought_in_is_answered_with_its_handle(tmp_path: Path) -> None:
    workspace = opened(tmp_path, "tree.png")
    brought = workspace.add_picture(encoded(seed=5), name="boat.png")
    with pytest.raises(UnknownHandleError) as caught:
        workspace.resolve("boat")
    assert caught.value.hint == f"did you mean {brought.handle} (boat.png)?"


def test_name_that_is_near_to_nothing_is_answered_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UnknownHandleError) as caught:
        opened(tmp_path, "sea.png", "tree.png").resolve("zebra.png")
    assert caught.value.hint == "the newest: 'tree.png', 'sea.png'"


@pytest.mark.parametrize("typed", ["", "...", "x" * 1000, "é" * 50])
def test_odd_names_are_near_to_nothing(typed: str) -> None:
    assert near_names(typed, ["sea.png"]) == []


def test_names_that_hold_what_was_typed_are_near_as_well() -> None:
    assert near_names("sea", ["sea at night.png", "tree.png", "Sea.PNG"]) == [
        "Sea.PNG",
        "sea at night.png",
    ]
