"""Pictures to keep, and what has to be true of a workspace whatever happened to it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from textseg.workspace import Draft, Record, Workspace

HEIGHT, WIDTH = 5, 8  # never square


def pixels(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(format: str = "PNG", seed: int = 0, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels(seed)).save(stream, format=format, **options)
    return stream.getvalue()


def image_draft(workspace: Workspace, parent: str | None = None, seed: int = 0) -> Draft:
    return Draft(
        handle=workspace.new_handle("image"),
        kind="image",
        parent=parent,
        operation="edit" if parent else "generate",
        arguments={"target": "blue house"},
        result={"share": 0.25},
        seed=seed,
        model="picturebook",
        versions={"torch": "2.12"},
        size=(HEIGHT, WIDTH),
        parts={"picture": ("png", encoded(seed=seed)), "arrays": ("npz", b"numbers" * 100)},
    )


def mask_draft(workspace: Workspace, parent: str | None) -> Draft:
    return Draft(
        handle=workspace.new_handle("mask"),
        kind="mask",
        parent=parent,
        operation="segment",
        size=(HEIGHT, WIDTH),
        parts={"picture": ("png", encoded())},
    )


def keep_both(workspace: Workspace, seed: int = 0) -> list[Record]:
    """Keep an image and a mask of it in one call; the image is the latest then."""
    image = image_draft(workspace, seed=seed)
    return workspace.keep([image, mask_draft(workspace, image.handle)], head=image.handle)


def check_whole(workspace: Workspace) -> int:
    """Assert that every item is whole and nothing else is there; return how many there are."""
    records = workspace.list(limit=10_000, kind=None)
    files = {f"{record.handle}.json" for record in records}
    for record in records:
        assert workspace.record(record.handle) == record
        beside = (workspace.folder / "items" / f"{record.handle}.json").read_text()
        assert json.loads(beside)["record"] == record.model_dump(mode="json")
        for part, facts in record.files.items():
            assert len(workspace.bytes_of(record, part)) == facts.bytes
            files.add(facts.name)
    assert {path.name for path in (workspace.folder / "items").iterdir()} == files
    there = {path.name for path in workspace.folder.iterdir()}
    assert there - {"index.sqlite-journal"} == {"items", "index.sqlite"}  # SQLite removes it later
    latest = workspace.latest()
    assert (latest is None) == (workspace.count() == 0)
    return len(records)


def texts_of(workspace: Workspace) -> str:
    """Return all that stands in index and JSON files, pictures left out."""
    folder = workspace.folder
    readable = [folder / "index.sqlite", *Path(folder / "items").glob("*.json")]
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in readable)
