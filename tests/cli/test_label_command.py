"""`textseg label` as a person or a script meets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.labelling.plugged import draw_pictures, plug_in
from textseg.cli.app import app
from textseg.labelling.rows import read_rows
from textseg.process import INTERRUPTED
from textseg.toolbox import LabelResult, LabelStatus


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder has pictures, one of them broken, and a list of words."""
    plug_in(tmp_path / "package", monkeypatch)
    monkeypatch.chdir(tmp_path)
    photos = draw_pictures(tmp_path / "photos", 3)
    (photos / "empty.png").write_bytes(b"")
    (tmp_path / "words.txt").write_text("house\n")
    return photos


def textseg(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


ASKED = ("label", "photos", "-q", "tree", "--queries", "words.txt", "--model", "mortal")
HOW = ("--draws", "2", "--workers", "1")


def test_folder_becomes_rows_and_the_same_call_knows_them(photos: Path, tmp_path: Path) -> None:
    first = textseg(*ASKED, *HOW, "--json")
    assert first.exit_code == 0, first.stderr
    done = LabelResult.model_validate_json(first.stdout)
    assert (done.folder, done.pictures, done.asked, done.errors) == ("labels", 4, 4, 1)
    assert done.first_errors == ["empty.png: the file is empty"]
    rows = list(read_rows(tmp_path / "labels"))
    assert {row.query for row in rows} == {"tree", "house"}
    assert len({row.path for row in rows}) == 4

    again = textseg(*ASKED, *HOW)
    assert again.exit_code == 0
    assert again.stdout.splitlines()[1:] == [
        "1 could not be asked about:",
        "  empty.png: the file is empty",
    ]
    assert again.stdout.startswith("labels: 4 pictures; 0 asked about now in 0:00:0")

    told = LabelStatus.model_validate_json(textseg("label", "--status", "--json").stdout)
    assert (told.pictures, told.done, told.errors) == (4, 4, 1)
    assert "labels: 4 of 4 pictures (100.0%)" in textseg("label", "--status").stdout

    (photos / "empty.png").write_bytes((photos / "0.png").read_bytes())
    mended = LabelResult.model_validate_json(
        textseg(*ASKED, *HOW, "--retry-errors", "--json").stdout
    )
    assert (mended.pictures, mended.asked, mended.errors, mended.left) == (4, 1, 0, 0)

    other = textseg(*ASKED, "--draws", "3")
    assert other.exit_code == 2
    assert "were begun with draws 2, not 3; ask as before" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("label", "-q", "tree"), "nothing says which pictures are meant"),
        (("label", "photos"), "there is no query"),
        (("label", "nowhere", "-q", "tree"), "nowhere: no such file or folder"),
        (("label", "photos", "-q", "tree", "--shard", "0/4"), "counted from 1 to N, got '0/4'"),
        (("label", "--status"), "labels is no folder of labels"),
        (
            ("label", "photos", "-q", "tree", "--gpus-per-worker", "0.5"),
            "--gpus-per-worker and address are of a Ray cluster",
        ),
    ],
)
def test_what_cannot_be_done_is_said_at_once(arguments: tuple[str, ...], words: str) -> None:
    result = textseg(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_files_that_a_shell_has_listed_are_pictures_too(tmp_path: Path) -> None:
    result = textseg("label", "photos/0.png", "photos/none.png", "-q", "tree", "--model", "refused")
    assert result.exit_code == 1
    assert "its files are broken" in result.stderr
    assert (tmp_path / "labels" / "job.json").exists()


def test_second_picture_for_segment_is_told_from_a_query() -> None:
    result = textseg("segment", "photos/0.png", "photos/1.png", "tree", "--model", "mortal")
    assert result.exit_code == 2
    assert "'photos/1.png' is a file" in result.stderr
    assert "textseg label '*.png' -q 'tree'" in result.stderr


INTERRUPT = """
import os, signal
from textseg.process import leave_at_interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
leave_at_interrupt()
from textseg.cli.interrupts import finishing
from textseg.progress import CancelToken
cancel = CancelToken()
with finishing(cancel):
    os.kill(os.getpid(), signal.{first})
    assert cancel.cancelled
    print("going on", flush=True)
    os.kill(os.getpid(), signal.{second})
    print("still here", flush=True)
"""


@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM"])
def test_first_interrupt_lets_work_finish_and_the_second_ends_it(first: str) -> None:
    code = INTERRUPT.format(first=first, second="SIGINT")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "going on\n"
    assert "finishing what is at hand" in done.stderr
    assert done.returncode == INTERRUPTED
