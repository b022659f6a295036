"""`textseg export` on labels of two pictures and of one that could not be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tests.exporting.samples import labels
from textseg.exporting.formats import FORMATS

__all__ = ["labels"]

Command = Callable[..., Result]


def test_labels_are_written_and_told(textseg: Command, labels: Path, folder: Path) -> None:
    result = textseg("export", str(labels), "--to", "coco", "-o", "out/coco")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 pictures, 4 masks; 4 times a query is not there\n")
    assert "  note: 1 picture could not be read when labels were made\n" in result.stdout
    assert result.stdout.endswith(f"wrote {folder / 'out' / 'coco'}\n")
    assert (folder / "out" / "coco" / "labels.json").is_file()


def test_json_has_the_same_facts_and_nothing_else(textseg: Command, labels: Path) -> None:
    result = textseg("export", str(labels), "--to", "masks", "-o", "out", "--json")
    facts = json.loads(result.stdout)
    assert (facts["format"], facts["pictures"], facts["unread"]) == ("masks", 2, 1)


def test_pictures_that_have_moved_are_found(textseg: Command, labels: Path, folder: Path) -> None:
    (folder / "photos").rename(folder / "moved")
    assert textseg("export", str(labels), "--to", "yolo", "-o", "out").exit_code == 0
    assert not (folder / "out" / "images").exists()
    result = textseg(
        "export", str(labels), "--to", "yolo", "-o", "there", "--pictures", str(folder / "moved")
    )
    assert result.exit_code == 0, result.output
    assert (folder / "there" / "images" / "b.png").is_file()


def test_help_names_every_format(textseg: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = textseg("export", "--help").stdout
    assert "|".join(FORMATS.own) in shown
    for own in FORMATS.own.values():
        assert own.description in " ".join(shown.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "voc", "-o", "out"), "unknown format 'voc'; known: coco, "),
        (("--to", "coco", "-o", "photos"), "photos is not empty; choose another folder"),
        (("--to", "coco", "-o", "out", "--pictures", "nowhere"), "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_said(
    textseg: Command, labels: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = textseg("export", str(labels), *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
