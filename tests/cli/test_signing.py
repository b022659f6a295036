"""`--sign`: what is written says who vouches for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.provenance.certificates import authority, signer
from textseg.provenance import EDITED, GENERATED, read_label

c2pa = pytest.importorskip("c2pa")

Command = Callable[..., Result]


@pytest.fixture
def keys(folder: Path) -> tuple[str, str]:
    above = authority()
    holder = signer(above)
    (folder / "chain.pem").write_bytes(holder.pem + above.pem)
    (folder / "key.pem").write_bytes(holder.key_pem)
    return "chain.pem", "key.pem"


def actions(path: Path) -> list[str]:
    """What the signed statement in a file says was done."""
    with c2pa.Reader(str(path)) as reader:
        manifest = json.loads(reader.json())
    active = manifest["manifests"][manifest["active_manifest"]]
    return [
        action["action"]
        for assertion in active["assertions"]
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"]["actions"]
    ]


EDIT = ("edit", "garden.png", "tree", "house", "--source", "tree", "--steps", "2")
CREATE = ("create", "tree", "--size", "40x24", "--steps", "2", "-o", "made.png", "--stages")


def test_signed_edit_names_what_was_edited(
    textseg: Command, folder: Path, keys: tuple[str, str]
) -> None:
    result = textseg(*EDIT, "--model", "gaussian", "--sign", *keys)
    assert result.exit_code == 0, result.stderr
    assert actions(folder / "garden_edited.png") == ["c2pa.opened", "c2pa.edited"]
    assert read_label(folder / "garden_edited.png") == EDITED


def test_signed_edit_of_a_generated_picture_is_an_edit(
    textseg: Command, folder: Path, keys: tuple[str, str]
) -> None:
    assert textseg(*CREATE, "--model", "gaussian").exit_code == 0
    (folder / "made.png").replace(folder / "garden.png")
    result = textseg(*EDIT, "--model", "gaussian", "--threshold", "0", "--sign", *keys)
    assert result.exit_code == 0, result.stderr
    assert read_label(folder / "garden_edited.png") == EDITED


def test_every_picture_of_a_creation_is_signed(
    textseg: Command, folder: Path, keys: tuple[str, str]
) -> None:
    result = textseg(*CREATE, "--change", "tree", "", "--model", "gaussian", "--sign", *keys)
    assert result.exit_code == 0, result.stderr
    for name in ("made.png", "made_generated.png"):
        assert actions(folder / name) == ["c2pa.created"]
        assert read_label(folder / name) == GENERATED


@pytest.mark.parametrize("command", [EDIT, CREATE], ids=lambda command: command[0])
def test_signature_without_a_label_is_refused(
    textseg: Command, folder: Path, keys: tuple[str, str], command: tuple[str, ...]
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    result = textseg(*command, "--model", "gaussian", "--no-label", "--sign", *keys)
    assert result.exit_code == 2
    assert "vouches for a label" in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == before
