"""Which part is meant, on the command line; what a second look found; the chat's own options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

Command = Callable[..., Result]
GAUSSIAN = ("--model", "gaussian")


def test_everything_but_the_query_is_masked(textseg: Command, folder: Path) -> None:
    command = ("segment", "garden.png", "tree", *GAUSSIAN)
    plain = textseg(*command, "-o", "plain")
    inverted = textseg(*command, "--invert", "-o", "inverted")
    assert plain.exit_code == inverted.exit_code == 0
    masks = [
        np.asarray(Image.open(folder / name / "garden_tree_mask.png"))
        for name in ("plain", "inverted")
    ]
    np.testing.assert_array_equal(masks[0] == 0, masks[1] == 255)


def test_excluded_query_leaves_nothing_of_itself(textseg: Command, folder: Path) -> None:
    result = textseg("segment", "garden.png", "tree", "--exclude", "tree", *GAUSSIAN, "--json")
    facts = json.loads(result.stdout)
    assert facts["exclude"] == "tree"
    assert not facts["queries"][0]["matched"]
    assert facts["queries"][0]["present"]


@pytest.mark.parametrize("command", [("segment", "tree"), ("edit", "tree", "house")])
def test_words_for_no_region_are_refused_with_those_there_are(
    textseg: Command, folder: Path, command: tuple[str, ...]
) -> None:
    name, *rest = command
    result = textseg(name, "garden.png", *rest, "--region", "upside down", *GAUSSIAN)
    assert result.exit_code == 2
    assert "upside down" in result.stderr
    assert "largest" in result.stderr
    assert list(folder.iterdir()) == [folder / "garden.png"]


def test_edit_says_whether_the_target_is_there_now(textseg: Command, folder: Path) -> None:
    command = ("edit", "garden.png", "tree", "house", *GAUSSIAN)
    missed = textseg(*command, "-o", "a.png").stdout
    assert '"house" was not recognised afterwards (probability 0.00)' in missed
    gone = textseg("edit", "garden.png", "tree", "", *GAUSSIAN, "-o", "c.png").stdout
    assert re.search(r'"tree" is (gone|still there) \(probability [01]\.\d\d\)', gone)
    unchecked = textseg(*command, "--no-check", "--json", "-o", "b.png")
    facts = json.loads(unchecked.stdout)
    assert facts["check"]["look"] is None
    assert facts["evaluations"]["check"] == 0


def test_edit_says_nothing_of_a_target_that_the_model_does_not_know(textseg: Command) -> None:
    said = textseg("edit", "garden.png", "tree", "zebra", *GAUSSIAN, "-o", "a.png").stdout
    unknown = "this model does not know 'zebra'"
    assert said.splitlines()[1] == f"  note: {unknown}"
    assert f"  nothing can be said about 'zebra': {unknown}\n" in said
    assert 'zebra" is' not in said


@pytest.mark.parametrize(
    ("narrowed", "why"),
    [
        (("--region", "ninth"), "it has 1 region and no 'ninth' one; take another, or all"),
        (("--exclude", "tree"), "nothing is left of it after sparing 'tree'; spare something else"),
    ],
)
def test_what_is_there_but_not_meant_is_not_told_as_missing(
    textseg: Command, narrowed: tuple[str, ...], why: str
) -> None:
    found = textseg("segment", "garden.png", "tree", *narrowed, *GAUSSIAN)
    assert found.exit_code == 0
    assert re.search(rf"tree: 'tree' is there \(probability 0\.\d\d\), but {why}", found.stdout)
    edited = textseg("edit", "garden.png", "tree", "house", *narrowed, *GAUSSIAN)
    assert edited.exit_code == 1
    assert re.search(rf"'tree' is there \(probability 0\.\d\d\), but {why}", edited.stderr)


def test_thing_is_added_where_words_say(textseg: Command, folder: Path) -> None:
    result = textseg(
        "edit", "garden.png", "", "house", "--region", "top right", *GAUSSIAN, "--json",
        "-o", "added.png",
    )  # fmt: skip
    facts = json.loads(result.stdout)
    assert (facts["operation"], facts["region"]) == ("add", "top right")
    before, after = (np.asarray(Image.open(folder / name)) for name in ("garden.png", "added.png"))
    changed = (before != after[..., :3]).any(-1)
    assert changed.any()
    assert not changed[:, :20].any()
    nowhere = textseg("edit", "garden.png", "", "house", *GAUSSIAN, "-o", "other.png")
    assert nowhere.exit_code == 2
    assert "region" in nowhere.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.png"], "no such file"),
        (["--root", "/"], "too wide"),
        (["--root", "gone"], "gone"),
        (["garden.png", "--max-pixels", "959"], "more than the limit of 959"),
        (["--model", "no-such-model"], "known: gaussian, picturebook"),
        (["--assistant", "no-such-provider:model"], "no-such-provider"),
        (["notes.txt"], "not a picture"),
    ],
)
def test_chat_that_cannot_begin_says_why(
    textseg: Command, folder: Path, arguments: list[str], said: str
) -> None:
    (folder / "notes.txt").write_text("not a picture")
    result = textseg("chat", "--workspace", "kept", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (folder / "kept").exists()
